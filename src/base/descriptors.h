// Closes whatever a copy of a process has open, but a few. For children, which one thread alone is in.
//
//   int keep[] = {socket, ruleset};
//   if (!close_all_but(keep)) ::_exit(1);   // something is open that ought not to be
//
// A filter may deny close_range(), or answer that it was done: so what is open is looked up, in /proc/self/fd or else by
// asking for every number up to the hard limit, and closed one by one. Allocates nothing and takes no lock: the process
// may be a copy of one with threads.
#ifndef LOCKSTEP_BASE_DESCRIPTORS_H_
#define LOCKSTEP_BASE_DESCRIPTORS_H_

#include <span>

namespace lockstep {

// Sorts `keep`; negative ones are none. False: not all the others could be closed.
[[nodiscard]] bool close_all_but(std::span<int> keep);

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_DESCRIPTORS_H_
