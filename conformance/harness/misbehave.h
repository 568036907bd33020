// What the harness's own tests ask a child to do wrong. Only the restricted child does it, in place of its probes or
// before them.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_MISBEHAVE_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_MISBEHAVE_H_

#include <lockstep/error.h>

#include "conformance/wire/request.h"
#include "conformance/wire/slot.h"

namespace lockstep::conformance::harness {

void misbehave(const wire::RowRequest& request, const wire::Slot& slot);

// From here on a filter answers landlock_restrict_self(2) with 0, and the kernel never sees the call:
// Enforcement::answered.
Result<void> answer_for_the_kernel();

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_MISBEHAVE_H_
