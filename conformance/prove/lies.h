// Lies: a diff with one thing wrong, to prove that the kernel shows it.
//
//   const Lie* lie = find_lie("no-refer");
//   LOCKSTEP_ASSIGN(diff::Diff diff, lie->answer(pair));
//
// A pure transformation of what the diff is asked, or of its answer: there is no hook in src/.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_LIES_H_
#define LOCKSTEP_CONFORMANCE_PROVE_LIES_H_

#include <span>
#include <string_view>

#include "conformance/prove/pair.h"

namespace lockstep::conformance::prove {

struct Lie {
  std::string_view name;
  std::string_view what;
  Result<diff::Diff> (*answer)(Policies pair);
  int first_abi = 1;  // older kernels cannot show it
};

std::span<const Lie> all_lies();
const Lie* find_lie(std::string_view name);  // nullptr: none of that name

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_LIES_H_
