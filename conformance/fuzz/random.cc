#include "conformance/fuzz/random.h"

#include <algorithm>

#include "model/model.h"

namespace lockstep::conformance::fuzz {

Generator::Generator(std::uint64_t seed, std::uint64_t index, Features features, bool disk) : features_(features) {
  std::seed_seq seeds{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
  random_.seed(seeds);
  make_directories(disk);
  make_names();
  make_mounts();
  make_disconnected();
  make_removed();
}

// p stands on the file system of the tree's own directory, everything else on a tmpfs.
void Generator::make_directories(bool disk) {
  skeleton_.push_back({ItemKind::tmpfs, "t", {}, {}, {}});
  places_.push_back({"t", mounts_++});
  if (disk) {
    skeleton_.push_back({ItemKind::dir, "p", {}, {}, {}});
    plain_.push_back({"p", mounts_++});
    plain_.push_back(add_dir(plain_[0]));
    places_.pop_back();
  }
  for (std::size_t count = 3 + pick(5); count > 0; --count) add_dir(any(places_));
}

Generator::Place Generator::add_dir(const Place& parent) {
  const Place out{parent.path + "/d" + std::to_string(next_++), parent.mount, parent.alias};
  skeleton_.push_back({ItemKind::dir, out.path, {}, {}, {}, one_in(8) ? 0700U : one_in(8) ? 01777U : 0777U});
  places_.push_back(out);
  return out;
}

void Generator::make_mounts() {
  for (std::size_t count = pick(3); count > 0; --count) {
    const Place on = add_dir(place());
    places_.pop_back();
    if (one_in(2)) {
      mount_points_.push_back(on.path);
    } else {  // a rule on what is covered, which the model cannot see where the mount point itself is moved
      const std::string held = "@" + std::to_string(holds_++);
      skeleton_.push_back({ItemKind::hold, on.path, held, {}, {}});
      hidden_.push_back({held, -1});
    }
    skeleton_.push_back({ItemKind::tmpfs, on.path, {}, {}, {}});
    places_.push_back({on.path, mounts_++});
    add_dir(places_.back());
  }
  for (std::size_t count = pick(4); count > 0; --count) make_bind();
  if (features_.proc && one_in(4)) {
    const std::string path = "t/proc" + std::to_string(next_++);
    skeleton_.push_back({ItemKind::proc, path, {}, {}, {}});
    hidden_.push_back({path, -1});
    hidden_.push_back({path + "/sys", -1});
    for (const char* each : {"/version", "/sys/kernel/ostype", "/sys/kernel/hostname", "/self/comm", "/sys", "/self"})
      proc_.push_back(path + each);
  }
  if (features_.overlay && one_in(6)) {
    const std::string path = "t/o" + std::to_string(next_++), lower = "t/lower" + std::to_string(next_++);
    skeleton_.push_back({ItemKind::dir, lower, {}, {}, {}});
    skeleton_.push_back({ItemKind::file, lower + "/f", {}, {}, {}});
    skeleton_.push_back({ItemKind::dir, lower + "/d", {}, {}, {}});
    skeleton_.push_back({ItemKind::overlay, path, lower, {}, {}});
    names_.push_back({path + "/f", ItemKind::file, -1});
    hidden_.push_back({lower, -1});
    hidden_.push_back({path + "-upper", -1});
    places_.push_back({path, mounts_});
    places_.push_back({path + "/d", mounts_++});
  }
}

// A directory with what is below it on the same mount, or a file.
void Generator::make_bind() {
  const std::string path = place().path + "/b" + std::to_string(next_++);
  if (one_in(4)) {
    const Named source = any(names_);
    if (source.kind == ItemKind::symlink) return;
    skeleton_.push_back({ItemKind::bind, path, source.path, {}, {}});
    names_.push_back({path, source.kind, mounts_++});
    return;
  }
  const Place source = place();
  skeleton_.push_back({ItemKind::bind, path, source.path, {}, {}});
  mount_points_.push_back(path);
  const std::size_t before = places_.size();
  places_.push_back({path, mounts_});
  for (std::size_t i = 0; i < before; ++i)
    if (places_[i].mount == source.mount && !places_[i].alias && places_[i].path.starts_with(source.path + "/") && !places_[i].path.starts_with(path))
      places_.push_back({path + places_[i].path.substr(source.path.size()), mounts_});
  ++mounts_;
}

void Generator::make_names() {
  const auto add = [&](ItemKind kind, const Place& where, std::string target = "") {
    const std::string path = where.path + "/n" + std::to_string(next_++);
    skeleton_.push_back({kind, path, std::move(target), {}, {}, one_in(6) ? 0700U : 0777U});
    names_.push_back({path, kind, where.mount});
  };
  for (std::size_t count = 3 + pick(4); count > 0; --count) add(ItemKind::file, place());
  for (std::size_t count = 1 + pick(3); count > 0; --count) {
    const Named& target = names_[pick(3)];
    std::vector<Place> same;
    for (const auto* list : {&places_, &plain_})
      for (const Place& each : *list)
        if (each.mount == target.mount) same.push_back(each);
    const std::string path = target.path;
    add(ItemKind::link, any(same), path);
    names_.back().kind = ItemKind::file;
  }
  for (const ItemKind kind : {ItemKind::chr, ItemKind::null, ItemKind::fifo})
    if (!one_in(3)) add(kind, places_[0]);
  add(ItemKind::socket, place());
  connect_.push_back(names_.back().path);
  for (std::size_t count = 1 + pick(3); count > 0; --count) {
    const Place& where = places_[0];
    const bool to_directory = one_in(2);
    const Place& leads = place();
    const std::string target = to_directory ? leads.path : any(names_).path;
    add(ItemKind::symlink, where, "../" + target);
    if (to_directory && leads.path != "t") places_.push_back({names_.back().path, leads.mount, true});
  }
}

// A directory that is moved out of the bind mount through which it is held.
void Generator::make_disconnected() {
  if (!one_in(3)) return;
  const std::string number = std::to_string(next_++), source = "t/s" + number, mount = place().path + "/m" + number;
  const std::string held = "@" + std::to_string(holds_++);
  std::string to = "t";
  for (const Place& each : places_)
    if (each.path.starts_with("t/d") && each.mount == 0 && one_in(2)) to = each.path;
  to += "/out" + number;
  for (const char* below : {"", "/in", "/in/deep"}) skeleton_.push_back({ItemKind::dir, source + below, {}, {}, {}});
  skeleton_.push_back({ItemKind::file, source + "/in/f", {}, {}, {}});
  skeleton_.push_back({ItemKind::bind, mount, source, {}, {}});
  skeleton_.push_back({ItemKind::hold, mount + "/in", held, to, mount});
  skeleton_.push_back({ItemKind::move, source + "/in", to, {}, {}});
  const int id = mounts_++;
  for (const std::string& path : {held, held + "/deep"})
    for (int weight = 0; weight < 2; ++weight) places_.push_back({path, id});
  names_.push_back({held + "/f", ItemKind::file, id});
  for (const std::string& path : {mount, source, to}) hidden_.push_back({path, -1});
}

// A directory and a file that are held and then removed: rules on them, and opening them anew.
void Generator::make_removed() {
  if (!one_in(3)) return;
  const Place where = places_[pick(2)];
  for (const ItemKind kind : {ItemKind::dir, ItemKind::file}) {
    const std::string path = where.path + "/gone" + std::to_string(next_++), held = "@" + std::to_string(holds_++);
    skeleton_.push_back({kind, path, {}, {}, {}});
    skeleton_.push_back({ItemKind::hold, path, held, {}, {}});
    skeleton_.push_back({ItemKind::remove, path, {}, {}, {}});
    hidden_.push_back({held, -1});
    names_.push_back({held, kind, -1});
  }
}

bool Generator::usable(const std::string& path) const { return chroot_.empty() || path.starts_with(chroot_ + "/"); }

// Mostly on the same mount: elsewhere the kernel says EXDEV before it asks Landlock.
const Generator::Place& Generator::place_beside(const Place& first) {
  if (one_in(8)) return place();
  for (int tries = 0; tries < 12; ++tries) {
    const Place& each = place();
    if (each.mount == first.mount) return each;
  }
  return first;
}

std::string Generator::fresh(const Place& where) { return where.path + "/" + fresh_name(); }

// An object of the operation's own.
std::string Generator::make_own(FuzzCase& out, const Place& where, bool may_be_dir) {
  const std::string path = fresh(where);
  Item item{ItemKind::file, path, {}, {}, {}};
  switch (pick(may_be_dir ? 10 : 8)) {
    case 0: item.kind = ItemKind::fifo; break;
    case 1: item.kind = features_.mknod ? (one_in(2) ? ItemKind::chr : ItemKind::blk) : ItemKind::fifo; break;
    case 2: item.kind = ItemKind::symlink, item.target = "nowhere"; break;
    case 3:
      for (const Named& each : names_)
        if (each.kind == ItemKind::file && each.mount == where.mount && item.kind == ItemKind::file)
          item.kind = ItemKind::link, item.target = each.path;
      break;
    case 4:
      if (one_in(4)) item.kind = ItemKind::socket;
      break;
    case 8:
    case 9: item.kind = ItemKind::dir; break;
    default: break;
  }
  out.items.push_back(item);
  return path;
}

std::string Generator::any_object(FuzzCase& out) {
  switch (pick(8)) {
    case 0: return place().path;
    case 1: return proc_.empty() || !chroot_.empty() ? place().path : any(proc_);
    case 2: return make_own(out, place());
    case 3: return fresh(place());
    default: return any(names_).path;
  }
}

void Generator::add_operation(FuzzCase& out) {
  OperationSpec next;
  // Moves have the most to go wrong.
  next.operation = static_cast<Operation>(one_in(4) ? static_cast<std::size_t>(Operation::rename) + pick(3) : pick(operation_count));
  if (one_in(12)) next.actor = static_cast<Actor>(pick(4));
  const Place& where = place();
  const auto own_file = [&] {
    out.items.push_back({ItemKind::file, fresh(where), {}, {}, {}});
    return out.items.back().path;
  };
  switch (next.operation) {
    case Operation::rename:
      if (features_.mknod && one_in(8)) next.mode = Mode::whiteout;
      [[fallthrough]];
    case Operation::exchange:
    case Operation::link: {
      // fs.protected_hardlinks says EPERM before the hook, the file system says it of a directory after: for a user's
      // directory nobody can tell.
      const bool untold = next.operation == Operation::link && out.identity == Identity::user;
      next.path = make_own(out, where, !untold);
      const Place& other = place_beside(where);
      const bool there = next.operation == Operation::exchange ? !one_in(16) : one_in(5);
      next.path2 = there ? make_own(out, other) : fresh(other);
      if (!mount_points_.empty() && next.operation == Operation::rename && one_in(24)) next.path = any(mount_points_);
      break;
    }
    case Operation::unlink:
    case Operation::rmdir:
      if (!mount_points_.empty() && one_in(16)) {  // EBUSY, once Landlock was asked
        next.path = any(mount_points_);
        break;
      }
      next.path = one_in(12) ? fresh(where) : make_own(out, where);
      if (next.operation == Operation::rmdir && !one_in(3)) out.items.push_back({ItemKind::dir, next.path = fresh(where), {}, {}, {}});
      break;
    case Operation::mknod_chr:
      if (one_in(3)) next.mode = Mode::whiteout;
      [[fallthrough]];
    case Operation::create:
    case Operation::mkdir:
    case Operation::mkfifo:
    case Operation::mknod_blk:
    case Operation::mksock:
    case Operation::symlink:
      next.path = one_in(12) ? own_file() : fresh(where);
      break;
    case Operation::tmpfile:
    case Operation::opendir:
      next.path = one_in(12) ? any_object(out) : where.path;
      break;
    case Operation::readlink:
      if (one_in(4))
        next.path = make_own(out, where);
      else
        out.items.push_back({ItemKind::symlink, next.path = fresh(where), "nowhere", {}, {}});
      break;
    case Operation::chmod:
    case Operation::exec:
      next.path = own_file();
      break;
    case Operation::connect_unix:
      next.path = any(connect_);
      break;
    case Operation::comm_open:
      next.mode = static_cast<Mode>(static_cast<std::size_t>(Mode::rdwr) + pick(5));
      break;
    case Operation::ftruncate:
      next.path = one_in(2) ? own_file() : any_object(out);
      break;
    case Operation::ioctl: {
      next.path = any_object(out);
      std::vector<std::string> devices;
      for (const Named& each : names_)
        if (each.kind == ItemKind::chr || each.kind == ItemKind::null) devices.push_back(each.path);
      if (!devices.empty() && !one_in(3)) next.path = any(devices);
      break;
    }
    default:
      next.path = any_object(out);
  }
  const bool before = next.operation == Operation::ftruncate || next.operation == Operation::ioctl || next.operation == Operation::reopen_fd;
  if (before && one_in(4)) next.mode = Mode::before;
  if (!chroot_.empty()) {  // no procfs in there
    if (next.operation == Operation::reopen_fd || next.operation == Operation::comm_open) return;
    if (!usable(next.path) || (!next.path2.empty() && !usable(next.path2))) return;
  }
  const bool is_block = std::any_of(out.items.begin(), out.items.end(), [&](const Item& item) {
    return item.kind == ItemKind::blk && item.path == next.path;
  });
  const bool opens = !takes_two_paths(next.operation) && next.operation != Operation::unlink && next.operation != Operation::rmdir;
  if (is_block && opens) return;  // would ask for a driver
  out.operations.push_back(next);
}

const Generator::Place& Generator::place() { return plain_.empty() || !one_in(3) ? any(places_) : any(plain_); }

AccessSet Generator::some_of(AccessSet set, bool generous) {
  const std::size_t how = pick(generous ? 3 : 6);
  if (how == 0) return set;
  const std::uint64_t half = random_() | random_();
  return set & AccessSet::from_bits(how == 1 ? half | random_() | random_() : half);
}

void Generator::add_rule(const FuzzCase& out, LayerSpec& layer, bool generous) {
  RuleSpec rule;
  rule.rights = some_of(layer.handled, generous);
  const std::size_t where = pick(16);
  if (where == 0) {
    rule.path = "/";
  } else if (where == 1) {
    static const std::vector<std::string> roots = {"/proc", "/proc/self", "/proc/self/task", ".", ".", "/tmp"};
    rule.path = any(roots);
  } else if (where < 4) {
    rule.path = any(names_).path;
  } else if (where < 7 && !out.items.empty()) {
    const Item& item = any(out.items);
    if (item.kind == ItemKind::symlink) return;
    rule.path = item.path;
  } else if (where == 7 && !hidden_.empty()) {
    rule.path = any(hidden_).path;
  } else {
    rule.path = place().path;
  }
  if (!rule.rights.empty()) layer.rules.push_back(rule);
}

void Generator::add_layers(FuzzCase& out) {
  const std::size_t kind = pick(20);
  std::size_t count = kind < 9 ? 1 : kind < 14 ? 2 : kind < 18 ? 3 + pick(2) : 5 + pick(12);
  count = std::min(count, features_.most_layers);
  const bool many = count > 4;
  for (std::size_t i = 0; i < count; ++i) {
    LayerSpec layer;
    const int abi = one_in(2) ? features_.abi : 1 + static_cast<int>(pick(static_cast<std::size_t>(features_.abi)));
    const AccessSet rights = model::rights_of_abi(abi);
    const bool network = features_.abi >= 4 && count > 1 && one_in(20);
    if (!network) {
      layer.handled = many ? rights & AccessSet::from_bits(random_() & random_()) : one_in(2) ? rights : some_of(rights, false);
      if (features_.abi >= 2 && many && !one_in(4)) layer.handled |= Right::refer;
      if (layer.handled.empty()) layer.handled = Right::read_file;
      // A wide grant, so that not everything is denied and moves are not all stopped by refer.
      if (many || one_in(2)) layer.rules.push_back({one_in(3) ? "/" : one_in(2) ? "." : "t", some_of(layer.handled, true)});
      for (std::size_t rules = pick(many ? 4 : 12); rules > 0; --rules) add_rule(out, layer, many || one_in(2));
      std::erase_if(layer.rules, [](const RuleSpec& rule) { return rule.rights.empty(); });
    }
    out.layers.push_back(std::move(layer));
  }
}

FuzzCase Generator::next(std::size_t operations) {
  FuzzCase out;
  out.identity = one_in(4) ? Identity::user : Identity::root;
  chroot_ = out.identity == Identity::root && one_in(8) ? "t" : "";
  out.chroot = chroot_;
  for (std::size_t i = 0; i < operations; ++i) add_operation(out);
  if (out.operations.empty()) out.operations.push_back({Operation::stat, Mode::plain, Actor::self, "t/" + fresh_name(), {}});
  add_layers(out);
  return out;
}

}  // namespace lockstep::conformance::fuzz
