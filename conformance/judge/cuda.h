// CUDA's start-up as a list of steps, each an operation that libcuda makes: what a policy must let through, and what breaks if
// it does not. Not libcuda itself: a compound probe for machines without a GPU.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_CUDA_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_CUDA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/harness/wire.h"
#include "policy/host.h"

namespace lockstep::conformance {

enum class CudaImportance : std::uint8_t { fatal, degraded, harmless };
// How sure we are of the step and its class: measured on a GPU, read in public sources, or inferred from them.
enum class Certainty : std::uint8_t { measured, source, inferred };

struct CudaStep {
  std::string id;  // "comm", "node /dev/nvidia0"
  CellRequest cell;
  CudaImportance importance = CudaImportance::fatal;
  Certainty certainty = Certainty::source;
  bool optional = false;  // a path that may be missing: ENOENT without the policy is no failure
  bool one_of = false;    // a GPU among others: fatal only where none of them works, else its own absence alone
  std::string_view breaks;
};

// In the order of the start-up. The device nodes are the host's own.
std::vector<CudaStep> cuda_steps(const Host& host);

std::string_view name(CudaImportance importance);
std::string_view name(Certainty certainty);

}  // namespace lockstep::conformance

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CUDA_H_
