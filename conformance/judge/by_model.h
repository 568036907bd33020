// The readiness of a simulated row where nothing can be laid out for it (no mount namespace): what the model says,
// without asking a kernel.
//
//   if (std::optional<ReadinessVerdict> said = readiness_by_model(row, kernel)) ...   // empty: the model cannot say
//
// Paths are looked up in the case's own tree, as it would be laid out: links are followed, and what is not there is
// ENOENT. On procfs and on this machine's sysfs every path is assumed to be there. This is no witness: it never makes a
// row agree.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_BY_MODEL_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_BY_MODEL_H_

#include <optional>

#include <lockstep/kernel.h>

#include "conformance/judge/row.h"
#include "gpu/readiness.h"

namespace lockstep::conformance::judge {

// Empty for a policy with a rule below /proc, which is about one process, and where the host is this machine.
std::optional<gpu::ReadinessVerdict> readiness_by_model(const Row& row, const KernelLandlock& kernel);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_BY_MODEL_H_
