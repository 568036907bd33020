// The children of this process: those it forked, and those that came to it because it is a subreaper.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_DESCENDANTS_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_DESCENDANTS_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace lockstep::conformance {

// By procfs, zombies included.
std::vector<pid_t> children_of_this_process();

// Ends and reaps every child but those to keep, until no more come. Returns how many there were that had not ended by themselves.
std::size_t end_children(const std::function<bool(pid_t)>& keep);

// Reaps `pid` within the time, or kills it and reaps it then. The wait status.
int reap(pid_t pid, int timeout_ms);

}  // namespace lockstep::conformance

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_DESCENDANTS_H_
