// The canary's sibling: an unrestricted process of the row's identity, at which a restricted child may no longer look.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_SIBLING_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_SIBLING_H_

#include <sys/types.h>

#include "base/unique_fd.h"
#include "conformance/wire/request.h"

namespace lockstep::conformance::harness {

// Forks a process of the same identity, without capabilities, dumpable and in no domain, that waits to be killed. -1
// and errno on failure. With `stop` it ends once that descriptor is closed everywhere: a caller may lose the right to
// signal it.
pid_t start_sibling(wire::IdentityKind kind, uid_t user, UniqueFd* stop = nullptr);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_SIBLING_H_
