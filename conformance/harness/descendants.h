// The children of this process: those it forked, and those that came to it because it is a subreaper.
//
// They are found in a procfs that was proved to be of this process's own PID namespace (host/own_procfs.h), and each number is
// held against the kernel's own word before it gets a signal (harness/ending.h): what is listed and no child of ours is passed over.
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

// Ends and reaps every child but those to keep, until no more come or no more can be ended. Returns how many there were that had
// not ended by themselves.
std::size_t end_children(const OwnProcfs& procfs, const std::function<bool(pid_t)>& keep);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_DESCENDANTS_H_
