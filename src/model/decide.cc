// The decision procedure of security/landlock/fs.c, written as its own statement of it.
#include <array>
#include <cerrno>

#include "model/model.h"

namespace lockstep::model {
namespace {

// Where an operation's rights are asked for.
enum class At : std::uint8_t {
  nowhere,  // Landlock has no hook for it
  object,   // the object and its parents
  parent,   // the directory that holds the name, and its parents
};

struct Requirement {
  At at;
  AccessSet rights;
};

AccessSet make_right(FileType type) {
  switch (type) {
    case FileType::directory: return Right::make_dir;
    case FileType::symlink: return Right::make_sym;
    case FileType::character: return Right::make_char;
    case FileType::block: return Right::make_block;
    case FileType::fifo: return Right::make_fifo;
    case FileType::socket: return Right::make_sock;
    default: return Right::make_reg;
  }
}

AccessSet remove_right(FileType type) { return type == FileType::directory ? Right::remove_dir : Right::remove_file; }

// Opening a directory for reading asks for read_dir alone; anything else for read_file.
AccessSet read_right(FileType type) { return type == FileType::directory ? Right::read_dir : Right::read_file; }

Requirement comm_requirement(Mode mode) {
  switch (mode) {
    case Mode::prctl: return {At::nowhere, {}};
    case Mode::wronly: return {At::object, Right::write_file};
    case Mode::trunc: return {At::object, Right::write_file | Right::truncate};
    default: return {At::object, Right::write_file | Right::read_file};  // rdwr, and glibc's pthread_setname_np
  }
}

// One operation on one path. rename, exchange and link are decided by decide_two_paths.
Requirement requirement(const Query& query, FileType type) {
  const bool device = type == FileType::character || type == FileType::block;
  switch (query.operation) {
    case Operation::open_r:
    case Operation::reopen_fd: return {At::object, read_right(type)};
    case Operation::open_w: return {At::object, Right::write_file};
    case Operation::open_rw: return {At::object, Right::write_file | Right::read_file};
    case Operation::open_trunc:  // O_TRUNC is ignored for anything but a regular file
      return {At::object, type == FileType::regular ? Right::write_file | Right::truncate : AccessSet(Right::write_file)};
    case Operation::opendir: return {At::object, Right::read_dir};
    case Operation::create: return {At::parent, Right::make_reg | Right::write_file};  // of the name, then of the new file
    case Operation::tmpfile: return {At::object, Right::write_file};  // no make_reg: the file has no name
    case Operation::truncate: return {At::object, Right::truncate};
    case Operation::ftruncate:  // the right is captured at open
      if (query.mode == Mode::before) return {At::nowhere, {}};
      return {At::object, Right::write_file | Right::truncate};
    case Operation::ioctl:
      if (query.mode == Mode::before) return {At::nowhere, {}};
      return {At::object, device ? Right::write_file | Right::read_file | Right::ioctl_dev : Right::write_file | Right::read_file};
    case Operation::exec: return {At::object, Right::execute | Right::read_file};
    case Operation::connect_unix: return {At::object, Right::resolve_unix};
    case Operation::mkdir: return {At::parent, Right::make_dir};
    case Operation::mkfifo: return {At::parent, Right::make_fifo};
    case Operation::mknod_chr: return {At::parent, Right::make_char};
    case Operation::mknod_blk: return {At::parent, Right::make_block};
    case Operation::mksock: return {At::parent, Right::make_sock};
    case Operation::symlink: return {At::parent, Right::make_sym};
    case Operation::unlink: return {At::parent, Right::remove_file};
    case Operation::rmdir: return {At::parent, Right::remove_dir};
    case Operation::comm_open: return comm_requirement(query.mode);
    default: return {At::nowhere, {}};  // open-path, stat, chmod, readlink
  }
}

// The part of a walk that starts at the directory holding the name.
std::size_t parent_start(const Walk& walk) { return walk.missing ? 0 : walk.objects.size() > 1 ? 1 : 0; }

}  // namespace

Decision Model::decide(const Query& query) const {
  bool restricts_files = false;
  for (const Layer& layer : layers_) restricts_files = restricts_files || !layer.handled.empty();
  Decision out;
  if (!restricts_files || query.first == nullptr || query.first->error != 0) return out;

  // What one layer grants along a walk, and the nearest rule on it.
  struct Sum {
    AccessSet rights;
    int nearest = -1;
  };
  const auto granted = [](const Layer& layer, const Walk& walk, std::size_t start) {
    Sum sum;
    for (std::size_t i = start; i < walk.objects.size(); ++i) {
      const auto found = layer.rules.find(walk.objects[i]);
      if (found == layer.rules.end()) continue;
      sum.rights |= found->second.rights;
      if (sum.nearest < 0) sum.nearest = found->second.rule;
    }
    return sum;
  };
  // refer is denied by every layer, also by one that does not handle it.
  const auto handled = [](const Layer& layer) { return layer.handled | Right::refer; };

  if (!takes_two_paths(query.operation)) {
    const Walk& walk = *query.first;
    if (walk.exempt || walk.objects.empty()) return out;
    const FileType type = walk.missing ? FileType::none : walk.objects[0].type;
    const Requirement needs = requirement(query, type);
    if (needs.at == At::nowhere || (needs.at == At::object && walk.missing)) return out;
    const std::size_t start = needs.at == At::object ? 0 : parent_start(walk);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const AccessSet wanted = needs.rights & handled(layers_[i]);
      out.needed |= wanted;
      const Sum sum = granted(layers_[i], walk, start);
      if (!sum.rights.contains(wanted))
        return {EACCES, static_cast<int>(i) + 1, wanted - sum.rights, out.needed, sum.nearest};
      out.rule = sum.nearest;
    }
    return out;
  }

  const Walk& from = *query.first;
  if (query.second == nullptr || query.second->error != 0 || from.missing || from.objects.empty()) return out;
  const Walk& to = *query.second;
  const bool exchange = query.operation == Operation::exchange;
  const bool moves = query.operation != Operation::link;
  if (to.objects.empty() || (exchange && to.missing)) return out;
  const FileType type = from.objects[0].type;
  const FileType replaced = to.missing ? FileType::none : to.objects[0].type;
  const std::size_t from_start = parent_start(from), to_start = parent_start(to);
  const bool same_parent = from.objects[from_start] == to.objects[to_start];
  AccessSet needs_from = moves ? remove_right(type) : AccessSet();
  AccessSet needs_to = make_right(type);
  if (exchange) needs_from |= make_right(replaced);
  if (moves && replaced != FileType::none) needs_to |= remove_right(replaced);

  if (same_parent) {
    const AccessSet needs = needs_from | needs_to;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const AccessSet wanted = needs & handled(layers_[i]);
      out.needed |= wanted;
      const Sum sum = granted(layers_[i], from, from_start);
      if (!sum.rights.contains(wanted))
        return {EACCES, static_cast<int>(i) + 1, wanted - sum.rights, out.needed, sum.nearest};
      out.rule = sum.nearest;
    }
    return out;
  }

  // Real ABI 1 has no refer: another directory is another device, whatever else is missing. A plan for ABI 1 on a newer kernel
  // only leaves refer unhandled, and there a missing right is EACCES first.
  const int deciding = kernel_.kernel_abi > 0 ? kernel_.kernel_abi : kernel_.abi;
  if (deciding == 1) return {EXDEV, 1, Right::refer, Right::refer, -1};
  needs_from |= Right::refer;
  needs_to |= Right::refer;
  // Neither the moved object nor, in an exchange, the other one may gain a right by its new place. A file has no use for the
  // rights of directories.
  constexpr AccessSet on_files = AccessSet::from_bits(0x1c007);
  const auto gains = [&](const Layer& layer, const Walk& moved, AccessSet here, AccessSet there) {
    AccessSet own;
    if (const auto found = layer.rules.find(moved.objects[0]); found != layer.rules.end()) own = found->second.rights;
    AccessSet gained = (handled(layer) & there) - here - own;
    if (moved.objects[0].type != FileType::directory) gained &= on_files;
    return gained;
  };
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const Sum here = granted(layer, from, from_start);
    const Sum there = granted(layer, to, to_start);
    const AccessSet missing = ((needs_from & handled(layer)) - here.rights) | ((needs_to & handled(layer)) - there.rights);
    out.needed |= (needs_from | needs_to) & handled(layer);
    const int nearest = here.nearest >= 0 ? here.nearest : there.nearest;
    // EACCES wins over EXDEV, also where another layer would only say EXDEV.
    if (!(missing - Right::refer).empty()) return {EACCES, static_cast<int>(i) + 1, missing, out.needed, nearest};
    AccessSet gained = gains(layer, from, here.rights, there.rights);
    if (exchange) gained |= gains(layer, to, there.rights, here.rights);
    if (out.err == 0 && (!missing.empty() || !gained.empty())) {
      out.err = EXDEV;
      out.layer = static_cast<int>(i) + 1;
      out.missing = missing.empty() ? gained : missing;
      out.rule = nearest;
    } else if (out.err == 0) {
      out.rule = nearest;
    }
  }
  return out;
}

}  // namespace lockstep::model
