// What a host says of one name, not followed: the question that leads.h asks at every component of a path.
//
//   Names names(host);                       // of a host file, or of this machine where host.real
//   names.at("/var/run").type                // symlink; .target == "/run"
//   names.procfs("/proc/self/root")          // "/self/root"
//
// A host file lists little. What it does not list is taken for a directory that may be a link (`listed` is false).
// Links that every distribution has are links on every host that does not say otherwise. Answers about this machine are
// remembered: one look at each name. Never looks below a process's directory of procfs: that would be our own process,
// or one that is gone when it matters.
#ifndef LOCKSTEP_PATHS_NAMES_H_
#define LOCKSTEP_PATHS_NAMES_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lockstep/host.h>

#include "model/view.h"
#include "paths/mounts.h"

namespace lockstep::paths {

struct Name {
  model::FileType type = model::FileType::none;  // none: nothing is called so
  std::string target = {};                       // of a link
  bool listed = false;                           // the host says so; else it is assumed
  model::Object object = {};                     // this and the rest: of this machine alone
  std::uint64_t mount = 0;                       // its id; 0: not known
  unsigned hard_links = 1;
  int error = 0;  // errno where it could not be looked at; ENOENT and ENOTDIR are no error
};

class Names {
 public:
  // With `of_this_machine` false only the value is asked, even where the host is real.
  explicit Names(const Host& host) : Names(host, host.real) {}
  Names(const Host& host, bool of_this_machine);

  bool real() const { return real_; }
  const Name& at(const std::string& path);
  std::optional<std::string> procfs(std::string_view path) const;
  // Whether a link is known at or above the path: most have none, and a policy can have many.
  bool may_pass_link(std::string_view path) const;
  // The links that a host file lists, and the usual ones.
  std::vector<std::string> links() const;
  // The mounts of this machine; an error where they cannot be read.
  const Result<Mounts>& mounts() const { return mounts_; }

 private:
  Name look(const std::string& path) const;

  bool real_;
  Result<Mounts> mounts_;
  std::unordered_map<std::string, Name> known_;  // of a host file: what it lists; of this machine: what was asked
};

}  // namespace lockstep::paths

#endif  // LOCKSTEP_PATHS_NAMES_H_
