// The decision procedure of security/landlock/fs.c, written as its own statement of it.
#include <algorithm>
#include <array>
#include <cerrno>

#include <lockstep/rights.h>

#include "model/model.h"

namespace lockstep::model {
namespace {

// Where an operation's rights are asked for.
enum class At : std::uint8_t {
  nowhere,   // Landlock has no hook for it
  object,    // what the path leads to, and its parents
  parent,    // the directory that holds an existing name, and its parents
  new_name,  // the directory that will hold a name not there yet, and its parents
  two,       // both directories: decided by move()
};

struct Needs {
  Operation operation;
  At at;
  AccessSet rights;     // on anything but a directory; of `parent` and `new_name`: on the directory
  AccessSet directory;  // instead, where the object is a directory
  AccessSet regular;    // more, on a regular file
  AccessSet device;     // more, on a character or block device
  AccessSet socket;     // more, on a UNIX socket
};

constexpr AccessSet none;
constexpr AccessSet read = Right::read_file;
constexpr AccessSet write = Right::write_file;

// In the order of the enumeration. Where the object is of a kind that fails before Landlock (a directory
// opened for writing), nothing is asked.
constexpr std::array<Needs, path_operation_count> table = {{
    {Operation::open_r, At::object, read, Right::read_dir, none, none, none},
    {Operation::open_w, At::object, write, none, none, none, none},
    {Operation::open_rw, At::object, read | write, none, none, none, none},
    {Operation::open_path, At::nowhere, none, none, none, none, none},
    {Operation::open_trunc, At::object, write, none, Right::truncate, none, none},  // elsewhere O_TRUNC is ignored
    {Operation::opendir, At::object, none, Right::read_dir, none, none, none},
    {Operation::create, At::new_name, Right::make_reg | write, none, none, none, none},  // the name, then the new file
    {Operation::tmpfile, At::object, none, write, none, none, none},                     // no make_reg: it has no name
    {Operation::truncate, At::object, none, none, Right::truncate, none, none},
    {Operation::ftruncate, At::object, write, none, Right::truncate, none,
     none},  // captured at open, asked at ftruncate
    {Operation::rename, At::two, none, none, none, none, none},
    {Operation::exchange, At::two, none, none, none, none, none},
    {Operation::link, At::two, none, none, none, none, none},
    {Operation::mkdir, At::new_name, Right::make_dir, none, none, none, none},
    {Operation::mkfifo, At::new_name, Right::make_fifo, none, none, none, none},
    {Operation::mknod_chr, At::new_name, Right::make_char, none, none, none, none},  // 0:0 is a whiteout: see decide()
    {Operation::mknod_blk, At::new_name, Right::make_block, none, none, none, none},
    {Operation::mksock, At::new_name, Right::make_sock, none, none, none, none},
    {Operation::symlink, At::new_name, Right::make_sym, none, none, none, none},
    {Operation::unlink, At::parent, Right::remove_file, none, none, none,
     none},  // of a directory too: EISDIR comes later
    {Operation::rmdir, At::parent, Right::remove_dir, none, none, none, none},  // of a file too: ENOTDIR comes later
    {Operation::exec, At::object, none, none, Right::execute | read, none, none},
    {Operation::ioctl, At::object, read | write, none, none, Right::ioctl_dev, none},  // captured at open
    {Operation::connect_unix, At::object, none, none, none, none, Right::resolve_unix},
    {Operation::stat, At::nowhere, none, none, none, none, none},
    {Operation::chmod, At::nowhere, none, none, none, none, none},
    {Operation::readlink, At::nowhere, none, none, none, none, none},
    {Operation::reopen_fd, At::object, read, Right::read_dir, none, none,
     none},                                                                    // a fresh open, whoever opened the first
    {Operation::comm_open, At::object, read | write, none, none, none, none},  // as glibc does; see requirement()
}};

constexpr bool table_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].operation != static_cast<Operation>(i)) return false;
  return true;
}
static_assert(table_in_order());

Needs requirement(Operation operation, Mode mode) {
  Needs needs = table[static_cast<std::size_t>(operation)];
  // Its own server it makes at the name first, and nobody asks about what was made inside (see decide()).
  if (mode == Mode::own_server) return table[static_cast<std::size_t>(Operation::mksock)];
  // A descriptor from before the restriction is never asked about again; only opening it anew is.
  if (mode == Mode::before && operation != Operation::reopen_fd) needs.at = At::nowhere;
  if (operation != Operation::comm_open) return needs;
  if (mode == Mode::prctl) needs.at = At::nowhere;
  if (mode == Mode::wronly || mode == Mode::trunc) needs.rights = write;
  if (mode == Mode::trunc) needs.regular = Right::truncate;
  return needs;
}

AccessSet wanted_on(const Needs& needs, FileType type) {
  switch (type) {
    case FileType::directory:
      return needs.directory;
    case FileType::regular:
      return needs.rights | needs.regular;
    case FileType::character:
    case FileType::block:
      return needs.rights | needs.device;
    case FileType::socket:
      return needs.rights | needs.socket;
    default:
      return needs.rights;
  }
}

AccessSet make_right(FileType type) {
  switch (type) {
    case FileType::directory:
      return Right::make_dir;
    case FileType::symlink:
      return Right::make_sym;
    case FileType::character:
      return Right::make_char;
    case FileType::block:
      return Right::make_block;
    case FileType::fifo:
      return Right::make_fifo;
    case FileType::socket:
      return Right::make_sock;
    default:
      return Right::make_reg;
  }
}

AccessSet remove_right(FileType type) {
  return type == FileType::directory ? Right::remove_dir : Right::remove_file;
}

// Where the directory that holds the name stands in the walk; past the end for the root, which no name leads
// to.
std::size_t parent_start(const Walk& walk) {
  return walk.missing ? 0 : 1;
}

// Erratum 4: a whiteout is made as if it were a regular file. Before, as the character device 0:0 that it is, and
// unchecked where RENAME_WHITEOUT leaves it behind.
constexpr unsigned whiteouts_fixed = 1U << 3;
// Erratum 3: above a disconnected directory the mount is walked too. Before, only the parents on the file system were.
constexpr unsigned disconnected_fixed = 1U << 2;

// Rights that the kernel asks for in a second step, of the operations that have one: the new file, once its name was
// made; the truncation and the request, once the file was opened.
AccessSet asked_later(Operation operation) {
  if (operation == Operation::create) return write;
  if (operation == Operation::ioctl) return Right::ioctl_dev;
  return operation == Operation::truncate ? none : AccessSet(Right::truncate);
}

bool usable(const Walk* walk) {
  return walk != nullptr && walk->error == 0;
}

// Whether the object is one of the directories that hold the name. Who names a mount point names what it covers, which
// holds nothing.
bool is_above(const Object& object, const Walk& walk, std::size_t start) {
  if (object.mount_root) return false;
  return std::find(walk.objects.begin() + static_cast<std::ptrdiff_t>(start), walk.objects.end(), object) !=
         walk.objects.end();
}

// Whether the name stands on a mount other than the one at the root of the tree.
bool on_inner_mount(const Walk& walk, std::size_t start) {
  for (std::size_t i = start; i + 1 < walk.objects.size(); ++i)
    if (walk.objects[i].mount_root) return true;
  return false;
}

}  // namespace

// The rights the layer's rules grant on objects [start, end) of the walk, and the first rule met.
AccessSet Model::handled(const Layer& layer) {
  return layer.handled | Right::refer;
}

Model::Sum Model::granted(const Layer& layer, const Walk& walk, std::size_t start, std::size_t end) {
  Sum sum;
  for (std::size_t i = start; i < end; ++i) {
    const auto found = layer.rules.find(walk.objects[i]);
    if (found == layer.rules.end()) continue;
    sum.rights |= found->second.rights;
    if (sum.nearest < 0) sum.nearest = found->second.rule;
  }
  return sum;
}

// Every layer must grant what it handles of `rights`: EACCES where one does not.
Decision Model::check(const Walk& walk, std::size_t start, AccessSet rights, std::size_t first_layer) const {
  const bool cut = walk.mount_side > 0 && (kernel_.errata & disconnected_fixed) == 0;
  const std::size_t end = cut ? walk.mount_side : walk.objects.size();
  Decision out;
  for (std::size_t i = first_layer; i < layers_.size(); ++i) out.needed |= rights & handled(layers_[i]);
  for (std::size_t i = first_layer; i < layers_.size(); ++i) {
    const AccessSet wanted = rights & handled(layers_[i]);
    if (wanted.empty()) continue;
    const Sum sum = granted(layers_[i], walk, start, end);
    out.rule = sum.nearest;
    if (sum.rights.contains(wanted)) continue;
    out.err = EACCES;
    out.layer = static_cast<int>(i) + 1;
    out.missing = wanted - sum.rights;
    break;
  }
  return out;
}

// A layer that denies a later step never gets to say so where another denies the first.
Decision Model::check_in_steps(const Walk& walk, AccessSet rights, AccessSet later, std::size_t first_layer) const {
  Decision out = check(walk, 0, rights, first_layer);
  if (out.err == 0 || !later.contains(out.missing)) return out;
  Decision first = check(walk, 0, rights - later, first_layer);
  if (first.err == 0) return out;
  first.needed = out.needed;
  return first;
}

Decision Model::decide(const Query& query) const {
  const std::size_t shared_layers = query.mode == Mode::own_server ? layers_.size() : query.shared_layers;
  if (query.operation == Operation::cu_init) return {};  // not one hook: nobody may ask about it
  if (static_cast<int>(query.operation) >= path_operation_count) return decide_without_path(query, shared_layers);
  // Without a layer that handles files, and with a path that leads nowhere, nobody asks Landlock.
  const bool restricts_files =
      std::any_of(layers_.begin(), layers_.end(), [](const Layer& layer) { return !layer.handled.empty(); });
  if (!restricts_files || !usable(query.first)) return {};
  const Walk& walk = *query.first;
  Needs needs = requirement(query.operation, query.mode);
  const bool whiteout = query.mode == Mode::whiteout && (kernel_.errata & whiteouts_fixed) != 0;
  if (whiteout && query.operation == Operation::mknod_chr) needs.rights = Right::make_reg;
  const bool name_exists = !walk.missing;
  switch (needs.at) {
    case At::nowhere:
      return {};
    case At::object: {
      const auto ask = [&](const Walk& on) {
        if (on.error != 0 || on.missing || on.exempt || on.objects.empty()) return Decision{};
        return check_in_steps(on, wanted_on(needs, on.objects[0].type), asked_later(query.operation),
                              query.operation == Operation::connect_unix ? shared_layers : 0);
      };
      Decision out = ask(walk);
      // execve(2) opens them after the program, in their order, and stops at the first that is denied.
      for (std::size_t i = 0; query.loaders != nullptr && out.err == 0 && i < query.loaders->size(); ++i) {
        out = ask((*query.loaders)[i]);
        if (out.err != 0) out.loader = static_cast<int>(i);
      }
      return out;
    }
    case At::parent:  // the root has none: EBUSY
      return name_exists && !walk.exempt && walk.objects.size() > 1 ? check(walk, 1, needs.rights) : Decision{};
    case At::new_name:
      return name_exists ? Decision{}
                         : check_in_steps(walk, needs.rights, asked_later(query.operation));  // EEXIST comes first
    case At::two:
      return move(query);
  }
  return {};
}

// rename, exchange and link.
Decision Model::move(const Query& query) const {
  const Walk& from = *query.first;
  if (!usable(query.second) || from.missing || from.exempt) return {};
  const Walk& to = *query.second;
  const bool exchange = query.operation == Operation::exchange;
  const bool removes = query.operation != Operation::link;
  if (to.exempt || (exchange && to.missing) || (!removes && !to.missing)) return {};  // ENOENT, EEXIST
  const Ends ends = {from, to, parent_start(from), parent_start(to), exchange};
  if (ends.from_start >= from.objects.size() || ends.to_start >= to.objects.size()) return {};  // the root: EBUSY
  // Into itself (EINVAL), or onto a directory that holds it (ENOTEMPTY): found out first.
  if (removes &&
      (is_above(from.objects[0], to, ends.to_start) || (!to.missing && is_above(to.objects[0], from, ends.from_start))))
    return {};

  const FileType type = from.objects[0].type;
  AccessSet needs_from = removes ? remove_right(type) : none;
  if (query.mode == Mode::whiteout && (kernel_.errata & whiteouts_fixed) != 0) needs_from |= Right::make_reg;
  AccessSet needs_to = make_right(type);
  if (exchange) needs_from |= make_right(to.objects[0].type);
  if (removes && !to.missing) needs_to |= remove_right(to.objects[0].type);
  if (from.objects[ends.from_start] == to.objects[ends.to_start])
    return check(from, ends.from_start, needs_from | needs_to);

  // Linux 5.13 to 5.18 (ABI 1) know no refer: another directory is like another device, whatever else is
  // missing. A plan for ABI 1 on a newer kernel only leaves refer unhandled, and there a missing right is
  // EACCES first.
  const int deciding = kernel_.kernel_abi > 0 ? kernel_.kernel_abi : kernel_.abi;
  if (deciding == 1) return {EXDEV, 1, Right::refer, Right::refer, -1, false};
  return reparent(ends, needs_from | Right::refer, needs_to | Right::refer);
}

// To another directory: refer on both sides, and no gain. EACCES wins over EXDEV, also where it is another
// layer's.
Decision Model::reparent(const Ends& ends, AccessSet needs_from, AccessSet needs_to) const {
  const std::size_t from_size = ends.from.objects.size(), to_size = ends.to.objects.size();
  Decision out;
  bool everything = true;  // every layer grants all it handles on both sides: nothing can be gained
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const Sum here = granted(layer, ends.from, ends.from_start, from_size);
    const Sum there = granted(layer, ends.to, ends.to_start, to_size);
    const AccessSet all = handled(layer);
    out.needed |= (needs_from | needs_to) & all;
    everything = everything && (here.rights & there.rights).contains(all);
    const AccessSet missing = ((needs_from & all) - here.rights) | ((needs_to & all) - there.rights);
    const bool hard = !(missing - Right::refer).empty();
    if (missing.empty() || out.err == EACCES || (out.err == EXDEV && !hard)) continue;
    out.err = hard ? EACCES : EXDEV;
    out.layer = static_cast<int>(i) + 1;
    out.missing = missing;
    out.rule = (needs_from & all) == (needs_from & all & here.rights) ? there.nearest : here.nearest;
  }
  if (out.err != 0 || everything) return out;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const AccessSet gained = gain(layers_[i], ends);
    if (gained.empty()) continue;
    out.err = EXDEV;
    out.layer = static_cast<int>(i) + 1;
    out.missing = gained;
    out.gain = true;
    out.rule = granted(layers_[i], ends.to, ends.to_start, to_size).nearest;
    return out;
  }
  out.rule = granted(layers_.back(), ends.to, ends.to_start, to_size).nearest;
  return out;
}

// What the moved object (in an exchange also the other one) would be allowed at its new place and was not
// before, by this layer. Rights it has by a rule of its own are not gained; a file has no use for those of
// directories.
AccessSet Model::gain(const Layer& layer, const Ends& ends) {
  // Quirk (is_access_to_paths_allowed, seen on 6.18): on its way up from the root of the mount both names
  // stand on, the kernel compares before it adds each directory's rules and not again after the last. So a
  // rule on the root of the tree takes no part in the comparison where the names stand on another mount.
  const std::size_t skip = on_inner_mount(ends.from, ends.from_start) ? 1 : 0;
  const AccessSet here = granted(layer, ends.from, ends.from_start, ends.from.objects.size() - skip).rights;
  const AccessSet there = granted(layer, ends.to, ends.to_start, ends.to.objects.size() - skip).rights;
  const auto gained_by = [&](const Object& object, AccessSet before, AccessSet after) {
    AccessSet gained = (handled(layer) & after) - before;
    // Quirk (seen on 6.18): who names a mount point names the directory it covers, so that a rule on the root of the
    // mount is none of its own. The move then ends in EBUSY, but not before it was compared. A rule on what is covered
    // cannot be seen here: no path leads there.
    const auto own = layer.rules.find(object);
    if (own != layer.rules.end() && !object.mount_root) gained = gained - own->second.rights;
    return object.type == FileType::directory ? gained : gained & rights_on_files();
  };
  AccessSet gained = gained_by(ends.from.objects[0], here, there);
  if (ends.exchange) gained |= gained_by(ends.to.objects[0], there, here);
  return gained;
}

}  // namespace lockstep::model
