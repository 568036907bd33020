// The one irreversible step: no_new_privs and landlock_restrict_self().
//
//   LOCKSTEP_CHECK(restrict_self(prepared));                                  // a single-threaded process
//   LOCKSTEP_CHECK(restrict_self(prepared, {.threads = Threads::all}));       // also threads that run already: ABI 8
//   LOCKSTEP_CHECK(restrict_self(prepared, {.threads = Threads::calling}));   // they stay free, and the caller knows
//
// It binds the calling thread, and what that clones and executes from then on. A process that has other threads must
// say what becomes of them, here or by `threads: all` in the policy. Errors:
//   - input: there are other threads and nothing is said of them; or `calling` where the policy says `all`
//   - unsupported: `all` before ABI 8 where there are other threads
//   - at most 16 layers can be stacked (E2BIG)
#ifndef LOCKSTEP_ENFORCE_RESTRICT_H_
#define LOCKSTEP_ENFORCE_RESTRICT_H_

#include <optional>

#include <lockstep/error.h>

#include "enforce/prepare.h"

namespace lockstep {

enum class Threads { calling, all };

struct RestrictOptions {
  std::optional<Threads> threads;  // absent: as the policy says
};

Result<void> restrict_self(const Prepared& prepared, const RestrictOptions& options = {});
// For a program that inherited the descriptor of a prepared rule set; the calling thread alone.
Result<void> restrict_self(int ruleset_fd, RestrictFlags log = {});

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_RESTRICT_H_
