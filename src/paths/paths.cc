#include "paths/paths.h"

#include <cstring>

#include <lockstep/policy.h>

namespace lockstep::paths {
namespace {

std::string_view name_in(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

int Paths::object_of(int parent, std::string_view name, const Name* seen) {
  if (seen == nullptr) return objects_++;  // a spelling
  if (seen->object.ino != 0) {
    const auto [found, fresh] = seen_.try_emplace(seen->object, objects_);
    if (fresh) ++objects_;
    return found->second;
  }
  if (parent < 0) return objects_++;
  const auto [found, fresh] = not_there_.try_emplace({object(parent), std::string(name)}, objects_);
  if (fresh) ++objects_;
  return found->second;
}

int Paths::add(Kind kind, int parent, std::string_view name, const std::string& path, const Name* seen) {
  Node node{parent, object_of(parent, name, seen), kind, true, false, false, 0, &path};
  if (seen != nullptr) {
    node.looked_up = seen->object.ino != 0;
    node.missing = seen->type == model::FileType::none;
    node.directory = node.missing || seen->type == model::FileType::directory;
    node.mount = seen->mount;
  }
  if (node.mount == 0 && parent >= 0) node.mount = at(parent).mount;
  nodes_.push_back(node);
  return static_cast<int>(nodes_.size()) - 1;
}

int Paths::named(const std::string& path, Names* names) {
  const auto [found, fresh] = ids_[0].try_emplace(path, -1);
  const std::string& key = found->first;  // both stay where they are when the table grows
  int& id = found->second;
  if (!fresh) return id;
  const int parent = path == "/" ? -1 : named(directory_of(path), names);
  // Below what is not there, or is a process's, nothing is looked at.
  const bool looks = names != nullptr && (parent < 0 || at(parent).looked_up);
  static const Name nothing;
  id = add(Kind::named, parent, name_in(key), key, names == nullptr ? nullptr : looks ? &names->at(key) : &nothing);
  return id;
}

int Paths::find(const std::string& path) const {
  const auto found = ids_[0].find(path);
  return found == ids_[0].end() ? -1 : found->second;
}

int Paths::behind(const std::string& link, const std::string& path) {
  const auto [found, fresh] = ids_[1].try_emplace(path, -1);
  const std::string& key = found->first;
  int& id = found->second;
  if (!fresh) return id;
  const int parent = path.size() <= link.size() ? -1 : behind(link, directory_of(path));
  id = add(Kind::behind_process, parent, name_in(key), key, nullptr);
  return id;
}

int Paths::unseen_name(int id) {
  const auto [found, fresh] = ids_[2].try_emplace(path(id), -1);
  if (!fresh) return found->second;
  Node node = at(id);
  node.parent = named("/", nullptr);  // is there: every name of a machine begins at it
  node.kind = Kind::unseen_name;
  node.path = &found->first;
  nodes_.push_back(node);
  found->second = static_cast<int>(nodes_.size()) - 1;
  return found->second;
}

Result<Placed> Paths::place(const std::string& path, Names& names) {
  Placed out;
  Names* const seen = names.real() ? &names : nullptr;
  if (!names.may_pass_link(path)) {
    out.lead.path = path;
    out.nodes.push_back(named(path, seen));
    return out;
  }
  out.lead = follow(path, names);
  const Lead& lead = out.lead;
  if (lead.error != 0)
    return input_error(path, 0,
                       "what it leads to cannot be looked up (" + printable(lead.failed) + ": " +
                           std::strerror(lead.error) +
                           "): run this as whoever enforces the policy, or compare without --host real");
  if (lead.process != nullptr)
    out.nodes.push_back(behind(lead.process_link, lead.path));
  else
    out.nodes.push_back(named(lead.dangling.empty() ? lead.path : lead.dangling, seen));
  if (!lead.other_root.empty()) out.nodes.push_back(behind(lead.other_root_link, lead.other_root));
  return out;
}

Result<std::vector<int>> Paths::other_names(int id, Names& names) {
  std::vector<int> out;
  if (!names.real() || kind(id) != Kind::named) return out;
  if (!names.mounts().ok()) return names.mounts().error();
  int there = id;  // the last directory on the way that is there
  while (!at(there).looked_up && parent(there) >= 0) there = parent(there);
  const std::string top = path(there), tail = path(id).substr(top == "/" ? 0 : top.size());
  for (const std::string& other : names.mounts()->other_names(top)) {
    const Name& name = names.at(other);
    // Covered by another mount, it is another object. What cannot be looked at is not taken for nothing.
    if (name.error == 0 && !(name.object == names.at(top).object)) continue;
    const int each = named((other == "/" && !tail.empty() ? "" : other) + (there == id ? "" : tail), &names);
    if (name.error != 0) nodes_[static_cast<std::size_t>(each)].object = object(id);
    if (each != id) out.push_back(each);
  }
  return out;
}

}  // namespace lockstep::paths
