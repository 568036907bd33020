// Every name by which objects of this machine are reached, through other mounts and by hard links, each with its own
// parents.
//
//   EveryName every(paths, names);
//   LOCKSTEP_ASSIGN(std::vector<int> others, every.other_than(nodes));    // other names of the same objects
//   paths.object(others[0]);                                              // which object
//
// Hard links are looked for only below the directories among the nodes: elsewhere no rule stands above a name, and all
// names are alike. A name that is known to exist and was not found is paths.unseen_name().
#ifndef LOCKSTEP_PATHS_EVERY_NAME_H_
#define LOCKSTEP_PATHS_EVERY_NAME_H_

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "paths/hard_links.h"
#include "paths/paths.h"

namespace lockstep::paths {

class EveryName {
 public:
  EveryName(Paths& paths, Names& names) : paths_(paths), names_(names) {}
  // `nodes` are of rules. Fails where the mounts of this machine cannot be read.
  Result<std::vector<int>> other_than(const std::vector<int>& nodes);

 private:
  Result<void> by_mount(int id, std::vector<int>* out);
  Result<void> by_hard_link(const std::vector<int>& nodes, std::vector<int>* out);

  Paths& paths_;
  Names& names_;
  std::unordered_map<int, std::vector<int>> known_;  // by node
  std::map<std::string, HardLinks> found_;           // by what was looked for
};

}  // namespace lockstep::paths

#endif  // LOCKSTEP_PATHS_EVERY_NAME_H_
