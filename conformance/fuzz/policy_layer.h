// A layer that the library makes of a policy: enriched, compiled, prepared and restricted as `lockstep exec` does it.
//
//   LOCKSTEP_ASSIGN(PolicyLayer layer, make_policy_layer(spec, restrictions, tree, 5, nullptr));
//   restrict_self(layer.prepared, {.threads = Threads::calling});
//
// The model gets the effective policy alone, `told`: never the plan.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_POLICY_LAYER_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_POLICY_LAYER_H_

#include <memory>

#include "conformance/fuzz/case.h"
#include "conformance/fuzz/faults.h"
#include "conformance/fuzz/tree.h"
#include "enforce/prepare.h"

namespace lockstep::conformance::fuzz {

struct PolicyLayer {
  Prepared prepared;
  std::shared_ptr<const ToldPolicy> told;
};

// An `input` error with EINVAL where the library refuses the policy.
Result<PolicyLayer> make_policy_layer(const PolicySpec& spec, const Restrictions& restrictions, const Tree& tree,
                                      int plan_abi, const Fault* fault);
// The same policy, and what its paths lead to now.
std::shared_ptr<const ToldPolicy> told_now(ToldPolicy told);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_POLICY_LAYER_H_
