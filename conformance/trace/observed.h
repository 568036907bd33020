// Holds a trace of the real libcuda against the steps of the compound probe (judge/cuda.h): what CUDA was seen to do
// and the probe never tries. A policy could deny that, CUDA would not start, and the row would still say ready.
//
//   for (const std::string& each : *not_in_probe(trace)) ...   // "open O_RDWR /dev/nvidia-caps/nvidia-cap2"
//
// Only what worked counts, from the opening of libcuda.so on, and only what Landlock can restrict. Reading the system's
// own files (libraries and settings below /usr, /lib, /etc, /opt) is needed under every policy and is no step. A trace
// cannot know which of it is fatal, so all of it must be in the probe.
#ifndef LOCKSTEP_CONFORMANCE_TRACE_OBSERVED_H_
#define LOCKSTEP_CONFORMANCE_TRACE_OBSERVED_H_

#include <string>
#include <vector>

#include <lockstep/host.h>

#include "conformance/trace/trace.h"

namespace lockstep::conformance::trace {

// Each once, in order. An error where the trace shows no libcuda: then it says nothing about the probe.
Result<std::vector<std::string>> not_in_probe(const Trace& trace);

// The GPU nodes that the trace opened, as a host.
Host host_of(const Trace& trace);

// The path without what differs from run to run, so that two runs and the probe spell it alike: the command's own
// processes are "self", a thread is "N", a memory node is 0, a PCI device is the first.
std::string without_numbers(const std::string& path, const Trace& trace);

}  // namespace lockstep::conformance::trace

#endif  // LOCKSTEP_CONFORMANCE_TRACE_OBSERVED_H_
