// A layer of a fuzz case on its way into the kernel, and what the model is told of it.
//
//   LOCKSTEP_ASSIGN(ReadyLayer ready, make_layer(layer, tree, abi));    // before the restriction
//   uapi::restrict_self(ready.ruleset.get(), 0);
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_LAYERS_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_LAYERS_H_

#include <vector>

#include "conformance/fuzz/case.h"
#include "conformance/fuzz/faults.h"
#include "conformance/fuzz/tree.h"

namespace lockstep::conformance::fuzz {

struct ReadyLayer {
  UniqueFd ruleset;
  RuleLayer told;
  std::vector<UniqueFd> pins;  // open to the end: an entry of procfs that is reclaimed takes its rule along
};

// An error with EINVAL: a rule on a path that is not there.
Result<ReadyLayer> make_layer(const LayerSpec& layer, const Tree& tree, int abi);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_LAYERS_H_
