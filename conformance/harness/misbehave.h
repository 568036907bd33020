// What the harness's own tests ask a child to do wrong. Only the restricted child does, in place of its probes or before them.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_MISBEHAVE_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_MISBEHAVE_H_

#include "conformance/harness/request.h"
#include "conformance/harness/slot.h"

namespace lockstep::conformance {

void misbehave(const RowRequest& request, const Slot& slot);

}  // namespace lockstep::conformance

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_MISBEHAVE_H_
