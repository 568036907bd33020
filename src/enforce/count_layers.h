// How many Landlock layers are around this process already.
//
//   const LayerCount count = count_layers();
//   if (count.layers && *count.layers > 0) ...      // what they deny stays denied, whatever comes on top
//   count.how;                                      // what it rests on, or why it is not known
//
// The kernel does not tell, so a child stacks layers of its own, which restrict next to nothing, until the kernel takes
// no more (16, from ABI 2 on). The caller is not restricted. It waits for the child, which makes some twenty calls.
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
