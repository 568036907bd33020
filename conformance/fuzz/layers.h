// A layer of a fuzz case on its way into the kernel, and what the model is told of it.
//
//   LOCKSTEP_ASSIGN(ReadyLayer ready, make_layer(layer, tree, abi));    // before the restriction
//   uapi::restrict_self(ready.ruleset.get(), 0);
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_LAYERS_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_LAYERS_H_

#include <optional>
#include <vector>

#include "conformance/fuzz/case.h"
#include "conformance/fuzz/faults.h"
#include "conformance/fuzz/reclaim.h"
#include "conformance/fuzz/tree.h"
#include "enforce/prepare.h"

namespace lockstep::conformance::fuzz {

struct ReadyLayer {
  UniqueFd ruleset;
  std::optional<Prepared> prepared;  // of a policy, instead
  RuleLayer told;
  std::vector<UniqueFd> pins;  // open to the end: an entry of procfs that is reclaimed takes its rule along
  struct Unpinned {
    ProcEntry entry;
    std::size_t rule;  // in `told`
  };
  std::vector<Unpinned> unpinned;
};

// The error has EINVAL where a rule is on a path that is not there.
Result<ReadyLayer> make_layer(const LayerSpec& layer, const FuzzCase& fuzz_case, const Tree& tree, int abi,
                              const Fault* fault);
int restrict_by(const ReadyLayer& layer);  // 0 or errno

// Whether some unpinned entry is still the same object.
bool any_left(const ReadyLayer& layer, const Tree& tree);
// After reclaim: takes the rules that were lost out of `told`, and pins the rest. Returns how many unpinned rules were
// not lost.
std::size_t forget_lost(ReadyLayer& layer, const Tree& tree);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_LAYERS_H_
