// The one irreversible step: no_new_privs, then landlock_restrict_self() on the calling thread.
//
// Binds the calling thread, and what it clones and executes from then on; threads that run already stay free (until ABI 8,
// and this does not use its TSYNC). Call it from a single-threaded process. At most 16 layers (E2BIG).
#ifndef LOCKSTEP_ENFORCE_RESTRICT_H_
#define LOCKSTEP_ENFORCE_RESTRICT_H_

#include "base/result.h"
#include "enforce/prepare.h"

namespace lockstep {

Result<void> restrict_self(const Prepared& prepared);
// For a program that inherited the descriptor of a prepared rule set.
Result<void> restrict_self(int ruleset_fd);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_RESTRICT_H_
