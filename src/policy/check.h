// Whether a policy that was built by hand says what can be enforced. What decode_policy() made of a text always passes;
// a path that is not normalised would miss its conflicts, and a right that is in no table has no name.
//
//   LOCKSTEP_CHECK(check(policy));      // enrich() does it
//   LOCKSTEP_CHECK(check(effective));   // compile() does it
//
// It looks at each path once, allocates nothing, and asks no file system. Errors are of kind input.
#ifndef LOCKSTEP_POLICY_CHECK_H_
#define LOCKSTEP_POLICY_CHECK_H_

#include <string_view>

#include <lockstep/effective.h>
#include <lockstep/error.h>
#include <lockstep/policy.h>

namespace lockstep {

Result<void> check(const Policy& policy);
Result<void> check(const EffectivePolicy& effective);

// Why it is no path as policies have them; empty: it is one.
std::string_view fault_of_path(std::string_view path);

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_CHECK_H_
