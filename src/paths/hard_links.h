// The other names of files that have several hard links. They are looked for where they could make a difference: below
// directories that a policy grants. Elsewhere all names of a file are alike, for nothing above them grants anything.
//
//   HardLinks found = find_hard_links(wanted, {"/srv/out"});
//   found.names[object]                  // "/srv/out/a", "/srv/out/b"
//   found.complete                       // false: there was too much to look through
//
// Reads directories, follows no link and leaves no file system. A directory that cannot be read makes it incomplete.
#ifndef LOCKSTEP_PATHS_HARD_LINKS_H_
#define LOCKSTEP_PATHS_HARD_LINKS_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "model/view.h"

namespace lockstep::paths {

struct HardLinks {
  std::unordered_map<model::Object, std::vector<std::string>, model::ObjectHash> names;
  bool complete = true;
};

inline constexpr std::size_t most_entries = 1'000'000;  // looked through, of all directories together

HardLinks find_hard_links(const std::vector<model::Object>& wanted, std::vector<std::string> directories,
                          std::size_t most = most_entries);

}  // namespace lockstep::paths

#endif  // LOCKSTEP_PATHS_HARD_LINKS_H_
