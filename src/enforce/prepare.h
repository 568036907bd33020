// prepare(): opens the paths of a plan and builds the kernel's rule set. Needs the rights to open the paths; restricts
// nobody.
//
//   LOCKSTEP_ASSIGN(Prepared prepared, prepare(plan, {}));
//   LOCKSTEP_CHECK(drop_privileges(identity));               // enforce/privilege.h
//   LOCKSTEP_CHECK(restrict_self(prepared));                 // enforce/restrict.h
//
// Each path is opened once (O_PATH, following symbolic links). What that descriptor is, by fstat, decides everything:
//   - On a file the rule is cut to what Landlock accepts there.
//   - A rule with any right that changes things is refused where its object is the root directory, however it was
//     spelt.
//   - Two paths that are one object with different rights are reported.
// A path of the author that cannot be opened fails under hard_requirement and is a warning under best_effort. A path of
// the baseline that vanished is a warning. No rule left is an error under both. Such refusals are `input` errors: they
// are about the policy on this machine. A failed call that says nothing about the policy is a `system` error.
//
// A path that leads through a link of a process (/proc/<pid>/fd, cwd, root, exe; /dev/stdout, /dev/fd/N) means what
// that process has open at that moment: a notice says what. Pipes, sockets and the like, which Landlock never
// restricts, need no rule and get none.
//
// A rule on an object of procfs other than its root is lost when the kernel reclaims the entry, unless something keeps
// it open. So its descriptor is kept as a pin, and a notice says so. Keep `pins` open as long as the restriction is to
// hold.
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
  // The calling process is the one to be restricted. Where it is not, a path that leads to the caller's own /proc/<pid>
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
