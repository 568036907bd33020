// prepare(): opens the paths of a plan and builds the kernel's rule set. Needs the rights to open the paths; restricts nobody.
//
//   LOCKSTEP_ASSIGN(Prepared prepared, prepare(plan, {}));
//   LOCKSTEP_CHECK(drop_privileges(identity));               // enforce/privilege.h
//   LOCKSTEP_CHECK(restrict_self(prepared));                 // enforce/restrict.h
//
// Each path is opened once (O_PATH, following symbolic links); what that descriptor is, by fstat, decides everything:
// the rule is cut to what Landlock accepts on a file; a rule with any right that changes things whose object is the root
// directory is refused, however it was spelt; two paths that are one object with different rights are reported.
// A path of the author that cannot be opened fails hard_requirement and is a warning in best_effort; a path of the baseline
// that vanished is a warning. No rule left is an error in both. Such refusals are `input` errors, of the policy on this machine;
// a failed call that says nothing of the policy is `system`.
//
// A path that leads through a link of a process (/proc/<pid>/fd, cwd, root, exe; /dev/stdout, /dev/fd/N) means what that process
// has open just then, whatever it is: a notice says what. Pipes, sockets and the like, which Landlock restricts nowhere, need no
// rule, and get none.
//
// A rule on an object of procfs other than its root is lost when the kernel reclaims the entry, unless something keeps it
// open: its descriptor is kept as a pin, and a notice says so. Keep `pins` open as long as the restriction is to hold.
#ifndef LOCKSTEP_ENFORCE_PREPARE_H_
#define LOCKSTEP_ENFORCE_PREPARE_H_

#include <string>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/plan.h>

#include "base/unique_fd.h"
#include "landlock/ruleset.h"

namespace lockstep {

struct PrepareOptions {
  // The calling process is the one to be restricted. Where not, a path that leads to the caller's own /proc/<pid>
  // (/proc/self, /proc/thread-self, a symbolic link to them) is refused: it would be the supervisor's.
  bool restricts_caller = true;
};

struct Pin {
  std::string path;
  UniqueFd fd;  // O_PATH | O_CLOEXEC
};

struct Prepared {
  Ruleset ruleset;
  std::vector<Pin> pins;
  std::vector<SkippedPath> skipped;
  std::vector<Notice> notices;
  std::size_t rules = 0;  // rules on paths that the kernel took
  RestrictFlags log;      // for restrict_self(), as the plan has them
  bool all_threads = false;
  bool may_list_root = false;  // a rule grants read_dir on the root directory, or on what may be above it
};

Result<Prepared> prepare(const Plan& plan, const PrepareOptions& options);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_PREPARE_H_
