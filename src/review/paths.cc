#include "review/paths.h"

#include "model/read_walk.h"

namespace lockstep::review {

int Paths::add(std::vector<int> above, bool directory) {
  const int id = static_cast<int>(walks_.size());
  above.insert(above.begin(), id);
  walks_.push_back(std::move(above));
  directory_.push_back(directory);
  return id;
}

int Paths::id(const std::string& path) {
  if (const auto known = by_path_.find(path); known != by_path_.end()) return known->second;
  const int id = by_object_ ? object(path) : spelled(path);
  by_path_.emplace(path, id);
  return id;
}

int Paths::spelled(const std::string& path) {
  if (path == "/") return add({}, true);
  const std::size_t slash = path.rfind('/');
  const int parent = id(slash == 0 ? "/" : path.substr(0, slash));
  return add(walk(parent), true);
}

int Paths::object(const std::string& path) {
  model::RawWalk raw;
  model::read_walk(path.c_str(), true, &raw);
  const model::Walk walk = model::to_walk(raw);
  if (walk.error != 0 || walk.missing || walk.objects.empty()) return -1;
  // From the root down, so that each object's walk is the rest of the one below it.
  int above = -1;
  for (std::size_t i = walk.objects.size(); i-- > 0;) {
    const model::Object& object = walk.objects[i];
    auto known = by_inode_.find(object);
    if (known == by_inode_.end()) {
      const int id = add(above < 0 ? std::vector<int>() : this->walk(above), object.type == model::FileType::directory);
      known = by_inode_.emplace(object, id).first;
    }
    above = known->second;
  }
  return above;
}

}  // namespace lockstep::review
