// Paths interned as numbers, each with the objects Landlock would walk from it to the root: what lets a policy be asked about a
// thousand paths in hundreds of situations.
//
//   Paths paths(/*by_object=*/false);
//   const int id = paths.id("/proc/sys");             // -1 where there is no such path (by_object alone)
//   paths.walk(id);                                   // {id, id of /proc, id of /}
#ifndef LOCKSTEP_REVIEW_PATHS_H_
#define LOCKSTEP_REVIEW_PATHS_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "model/view.h"

namespace lockstep::review {

class Paths {
 public:
  // by_object: what the paths lead to on this machine, by device and inode; else by their spelling.
  explicit Paths(bool by_object) : by_object_(by_object) {}

  int id(const std::string& path);
  const std::vector<int>& walk(int id) const { return walks_[static_cast<std::size_t>(id)]; }
  // Known for objects alone; of a spelling the host has to say it.
  bool is_directory(int id) const { return directory_[static_cast<std::size_t>(id)]; }
  std::size_t size() const { return walks_.size(); }

 private:
  int spelled(const std::string& path);
  int object(const std::string& path);
  int add(std::vector<int> above, bool directory);

  bool by_object_;
  std::unordered_map<std::string, int> by_path_;
  std::unordered_map<model::Object, int, model::ObjectHash> by_inode_;
  std::vector<std::vector<int>> walks_;
  std::vector<bool> directory_;
};

}  // namespace lockstep::review

#endif  // LOCKSTEP_REVIEW_PATHS_H_
