// Paths interned as numbers, each with its parent: what lets a policy be asked about a thousand paths in hundreds of situations.
//
//   Paths paths(/*by_object=*/false);
//   const int id = paths.id("/proc/sys");             // paths.parent(id) is that of /proc; that of / has none
//   paths.places("/var/run/x", host);                 // every id that a rule on it can be about
//
// By spelling, a rule is on its path and, where that passes a link that the host file or procfs is known to have, on what the link
// leads to as well: a rule below a granted directory adds nothing, unless it leads out of it. By object, links are followed as the
// kernel does; what is not there yet stands below the last directory that is.
#ifndef LOCKSTEP_REVIEW_PATHS_H_
#define LOCKSTEP_REVIEW_PATHS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/view.h"
#include "policy/host.h"
#include "review/process_paths.h"

namespace lockstep::review {

class Paths {
 public:
  // by_object: what the paths lead to on this machine, by device and inode; else by their spelling.
  explicit Paths(bool by_object) : by_object_(by_object) {}

  // Fails (input) where the path may exist and cannot be looked up: by object alone.
  Result<int> id(const std::string& path);
  Result<std::vector<int>> places(const std::string& path, const Host& host);
  // -1: of the root.
  int parent(int id) const { return nodes_[static_cast<std::size_t>(id)].parent; }
  int depth(int id) const { return nodes_[static_cast<std::size_t>(id)].depth; }
  // Known for objects alone; of a spelling the host has to say it.
  bool is_directory(int id) const { return nodes_[static_cast<std::size_t>(id)].directory; }
  // By object: the path has a name and no object yet.
  bool is_missing(int id) const { return nodes_[static_cast<std::size_t>(id)].missing; }

 private:
  struct Node {
    int parent;
    int depth;
    bool directory;
    bool missing;
  };

  int child(int parent, std::string_view name, bool missing);
  int spelled(std::string_view path);
  Result<int> object(const std::string& path);
  int add(int parent, bool directory, bool missing);

  bool by_object_;
  std::vector<Node> nodes_;
  std::map<std::pair<int, std::string>, int> children_;  // by name; of the root: {-1, ""}
  std::unordered_map<std::string, int> by_path_;
  std::unordered_map<model::Object, int, model::ObjectHash> by_inode_;
};

// Where a path leads, by the links that the host file lists; empty where it passes none. /var/run and /var/lock are links on every
// host that does not say otherwise, and /proc/self/root is the root.
std::string leads_to(const std::string& path, const Host& host);
}  // namespace lockstep::review

#endif  // LOCKSTEP_REVIEW_PATHS_H_
