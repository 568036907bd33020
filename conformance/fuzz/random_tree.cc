// The part of the generator that makes a tree.
#include <algorithm>

#include "conformance/fuzz/random.h"

namespace lockstep::conformance::fuzz {

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
  if (features_.proc && (features_.reclaim || one_in(4))) {
    const std::string path = "t/proc" + std::to_string(next_++);
    skeleton_.push_back({ItemKind::proc, path, {}, {}, {}});
    hidden_.push_back({path, -1});
    hidden_.push_back({path + "/sys", -1});
    for (const char* each : {"/version", "/sys/kernel/ostype", "/sys/kernel/hostname", "/self/comm", "/sys", "/self"})
      proc_.push_back(path + each);
    for (const char* each : {"/version", "/cpuinfo", "/sys/kernel", "/sys/kernel/ostype", "/driver", "/tty/drivers",
                             "/self", "/self/task", "/self/comm", "/self/status", "/self/fd"})
      proc_entries_.push_back(path + each);
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
    if (places_[i].mount == source.mount && !places_[i].alias && places_[i].path.starts_with(source.path + "/") &&
        !places_[i].path.starts_with(path))
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
  for (const std::string_view server : {"", "seqpacket", "dgram", "idle", "gone"}) {
    if (!server.empty() && !one_in(3)) continue;
    add(ItemKind::socket, place(), std::string(server));
    connect_.push_back(names_.back().path);
  }
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

}  // namespace lockstep::conformance::fuzz
