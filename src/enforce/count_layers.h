// How many Landlock layers are around this process already.
//
//   const LayerCount count = count_layers();
//   if (count.layers && *count.layers > 0) ...      // what they deny stays denied, whatever comes on top
//   count.how;                                      // what it rests on, or why it is not known
//
// The kernel tells nobody, so a child stacks empty-handed layers until they are used up (16, from ABI 2 on). The caller is not
// restricted. Waits for the child, which makes no more than some twenty calls.
#ifndef LOCKSTEP_ENFORCE_COUNT_LAYERS_H_
#define LOCKSTEP_ENFORCE_COUNT_LAYERS_H_

#include <optional>
#include <string>

namespace lockstep {

struct LayerCount {
  std::optional<int> layers;
  std::string how;
};

LayerCount count_layers();

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_COUNT_LAYERS_H_
