#include "paths/every_name.h"

#include <set>

namespace lockstep::paths {

Result<void> EveryName::by_mount(int id, std::vector<int>* out) {
  const auto [known, fresh] = known_.try_emplace(id);
  if (fresh) {
    LOCKSTEP_ASSIGN(known->second, paths_.other_names(id, names_));
  }
  out->insert(out->end(), known->second.begin(), known->second.end());
  return {};
}

Result<void> EveryName::by_hard_link(const std::vector<int>& nodes, std::vector<int>* out) {
  std::vector<int> files;
  std::vector<model::Object> wanted;
  std::vector<std::string> directories;
  for (const int id : nodes) {
    if (paths_.kind(id) != Paths::Kind::named || paths_.is_missing(id)) continue;
    const std::string& path = paths_.path(id);
    if (!paths_.is_directory(id) && names_.at(path).hard_links > 1) {
      files.push_back(id);
      wanted.push_back(names_.at(path).object);
    } else if (paths_.is_directory(id) && path != "/") {  // every name is below /
      directories.push_back(path);
    }
  }
  if (wanted.empty()) return {};
  std::string key;
  for (const model::Object& each : wanted) key += std::to_string(each.dev) + ":" + std::to_string(each.ino) + " ";
  for (const std::string& each : directories) key += each + " ";
  const auto [found, fresh] = found_.try_emplace(key);
  if (fresh) found->second = find_hard_links(wanted, directories);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& path = paths_.path(files[i]);
    std::set<std::string> inside{names_.mounts()->inside(path)};
    if (const auto names = found->second.names.find(wanted[i]); names != found->second.names.end())
      for (const std::string& name : names->second) {
        inside.insert(names_.mounts()->inside(name));
        const int id = paths_.named(name, &names_);
        out->push_back(id);
        LOCKSTEP_CHECK(by_mount(id, out));
      }
    if (inside.size() < names_.at(path).hard_links) out->push_back(paths_.unseen_name(files[i]));
  }
  return {};
}

Result<std::vector<int>> EveryName::other_than(const std::vector<int>& nodes) {
  std::vector<int> out;
  for (const int id : nodes) LOCKSTEP_CHECK(by_mount(id, &out));
  LOCKSTEP_CHECK(by_hard_link(nodes, &out));
  return out;
}

}  // namespace lockstep::paths
