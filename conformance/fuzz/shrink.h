// Cuts a case that disagrees down to the least that still does: one operation, as few layers, rules, rights and items
// as can be, the plainest actor and identity.
//
//   FuzzCase small = shrink(found, [&](const FuzzCase& each) { return disagrees(each); });
//
// `fails` builds the case anew each time; a case that cannot be built does not fail. The result is a local minimum.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_SHRINK_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_SHRINK_H_

#include <functional>

#include "conformance/fuzz/case.h"

namespace lockstep::conformance::fuzz {

FuzzCase shrink(FuzzCase found, const std::function<bool(const FuzzCase&)>& fails);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_SHRINK_H_
