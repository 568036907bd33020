// The plans that a row enforces, decoded from its request: its own policy's, and those stacked on it.
//
//   for (const Plan& plan : plans_of(request)) ...    // in the order in which they come into force
#ifndef LOCKSTEP_CONFORMANCE_WIRE_PLANS_H_
#define LOCKSTEP_CONFORMANCE_WIRE_PLANS_H_

#include <vector>

#include <lockstep/plan.h>

#include "conformance/wire/request.h"

namespace lockstep::conformance::wire {

std::vector<Plan> plans_of(const RowRequest& request);

// The other way round, for a plan that is stacked.
WireLayer to_wire(const Plan& plan);
WirePlanRule to_wire(const PlanRule& rule);

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_PLANS_H_
