// The children of this process: those it forked, and those that came to it because it is a subreaper.
//
// They are looked up in a procfs that was proved to be of this process's own PID namespace (host/own_procfs.h). Before
// a number gets a signal, the kernel is asked whether it is a child of ours (harness/ending.h); any other number is
// passed over.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_DESCENDANTS_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_DESCENDANTS_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "host/own_procfs.h"

namespace lockstep::conformance::harness {

// Zombies included.
std::vector<pid_t> children_of_this_process(const OwnProcfs& procfs);

// Ends and reaps every child but those to keep, until no more come or none of the rest can be ended. Returns how many
// had not ended by themselves.
std::size_t end_children(const OwnProcfs& procfs, const std::function<bool(pid_t)>& keep);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_DESCENDANTS_H_
