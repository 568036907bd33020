// Surface: the ways to let CUDA name its threads, side by side: who can then name whom, and how many files of procfs
// open for writing too. Measured on the running kernel, through the whole pipeline. It only opens files and never
// writes (probes/survey.h).
//
//   LOCKSTEP_ASSIGN(std::string json, measure_surface(workers, kernel, "fixtures"));      // lockstep.surface/1
//
// The ways are policies/gpu/comm-*.yaml; "none" is the control child, unrestricted.
// fixtures/observed/procfs-surface.json is what this gave on one machine (lockstep-conformance --surface FILE). Counts
// differ between kernels; the relations that surface_test.cc checks do not. `set` is a hash of the names that opened:
// equal where the same files did.
#ifndef LOCKSTEP_CONFORMANCE_MEASURE_SURFACE_H_
#define LOCKSTEP_CONFORMANCE_MEASURE_SURFACE_H_

#include <string>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "conformance/harness/workers.h"
#include "conformance/judge/case.h"

namespace lockstep::conformance::measure {

// The ways, by the names of their policies, and one of them as written: no baseline adds to it.
inline constexpr const char* comm_ways[] = {"comm-read-only",           "comm-read-write",      "comm-write-file",
                                            "comm-write-file-truncate", "comm-write-file-only", "comm-self-task"};
Result<judge::Case> case_of_way(const std::string& way, const std::string& fixtures);

// The running kernel's version without what a distribution appends: a committed measurement names no machine.
std::string kernel_version();

Result<std::string> measure_surface(harness::Workers& workers, const KernelLandlock& kernel,
                                    const std::string& fixtures);

}  // namespace lockstep::conformance::measure

#endif  // LOCKSTEP_CONFORMANCE_MEASURE_SURFACE_H_
