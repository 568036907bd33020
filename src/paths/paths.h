// The names at which rules stand, interned as numbers: each with its parent and the object behind it.
//
//   Paths paths;
//   LOCKSTEP_ASSIGN(Placed placed, paths.place("/var/run/x", names));   // placed.nodes: what a rule on it is about
//   paths.parent(id), paths.object(id)                 // rights are by object, asked along the parents of a name
//   paths.other_names(id, names)                       // the same object through other mounts
//
// The kernel ties a rule to an object and asks it along the name that is used. So a node is one name of an object. The
// root has no parent, and a parent's number is smaller than those of the nodes below it. On a host file every spelling
// is an object of its own, and one instance serves every host. On this machine objects are those that stat(2) shows;
// what is not there yet is an object below the last directory that is. What a process has behind a link of procfs has
// no known name: it is a root of its own.
#ifndef LOCKSTEP_PATHS_PATHS_H_
#define LOCKSTEP_PATHS_PATHS_H_

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lockstep/error.h>

#include "paths/leads.h"

namespace lockstep::paths {

struct Placed {
  std::vector<int> nodes;  // where it leads; by way of another process's root also where it would lead from there
  Lead lead;
};

class Paths {
 public:
  enum class Kind : unsigned char {
    named,
    behind_process,  // behind a link of procfs to what a process has: its root, or below that
    unseen_name,     // a further name of a hard link, somewhere below the root
  };

  // Fails (input) where a name on the way cannot be looked at on this machine.
  Result<Placed> place(const std::string& path, Names& names);
  // The node of a name that has no link in it. `names`: those of this machine, or null where spelling decides.
  int named(const std::string& path, Names* names);
  int find(const std::string& path) const;  // -1: no rule has named it
  // Other names of the node's object on this machine, by the mounts: each has a chain of parents of its own.
  Result<std::vector<int>> other_names(int id, Names& names);
  // Stands for a name of the node's object that exists and was not found: it is somewhere below the root.
  int unseen_name(int id);

  int parent(int id) const { return at(id).parent; }  // -1: none
  int object(int id) const { return at(id).object; }
  Kind kind(int id) const { return at(id).kind; }
  bool is_directory(int id) const { return at(id).directory; }
  bool is_missing(int id) const { return at(id).missing; }
  std::uint64_t mount(int id) const { return at(id).mount; }  // 0: not known
  const std::string& path(int id) const { return *at(id).path; }
  std::size_t size() const { return nodes_.size(); }
  std::size_t objects() const { return static_cast<std::size_t>(objects_); }

 private:
  struct Node {
    int parent;
    int object;
    Kind kind;
    bool directory;
    bool missing;
    bool looked_up;  // the object is this machine's
    std::uint64_t mount;
    const std::string* path;  // the key of ids_
  };
  const Node& at(int id) const { return nodes_[static_cast<std::size_t>(id)]; }
  int add(Kind kind, int parent, std::string_view name, const std::string& path, const Name* seen);
  int behind(const std::string& link, const std::string& path);
  int object_of(int parent, std::string_view name, const Name* seen);

  std::vector<Node> nodes_;
  int objects_ = 0;
  std::unordered_map<std::string, int> ids_[3];  // by kind and path
  std::unordered_map<model::Object, int, model::ObjectHash> seen_;
  std::map<std::pair<int, std::string>, int>
      not_there_;  // by the object above and the name: the same through every mount
};

}  // namespace lockstep::paths

#endif  // LOCKSTEP_PATHS_PATHS_H_
