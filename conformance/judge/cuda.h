// The start-up of a GPU's runtime as a list of steps, each an operation that it makes: what a policy must let through,
// and what breaks if it does not. Not the runtime itself: a compound probe for machines without a GPU.
//
//   for (const CudaStep& step : cuda_steps(host)) ...     // in the order of the start-up
//
// A step's class is that on THIS host: a denied /sys/devices/system/node is harmless on x86, and a crash inside libcuda
// on a NUMA-coherent host. The host's nodes say which platforms it is:
//   tegra            /dev/nvmap
//   wsl2, amd, intel the host's `gpu`
//   coherent         the host's `numa_coherent`
//   fabric           /dev/nvidia-nvswitchctl or /run/nvidia-fabricmanager
//   mig              a node of /dev/nvidia-caps beyond the first two, which every MIG-capable GPU has
//   mps              /tmp/nvidia-mps/control; on a real host only where somebody serves it, for it outlives its daemon
// The NVIDIA rows are in cuda.cc, those of AMD and Intel in vendors.cc.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_CUDA_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_CUDA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/host.h>

#include "conformance/wire/wire.h"

namespace lockstep::conformance::judge {

enum class CudaImportance : std::uint8_t { fatal, degraded, harmless };
// How sure we are of the step and its class: measured with the real driver, read in public sources, or inferred from
// them.
enum class Certainty : std::uint8_t { measured, source, inferred };
// A group of steps of which some must work: one GPU of several, the two nodes of one MIG instance of several. A failing
// step is fatal where fewer work than needed(); else only that one device is lost.
enum class StepGroup : std::uint8_t { none, gpu, mig };
std::size_t needed(StepGroup group);

struct CudaStep {
  std::string id;  // "comm", "node /dev/nvidia0"
  wire::CellRequest cell;
  CudaImportance importance = CudaImportance::fatal;
  Certainty certainty = Certainty::source;
  // The path may be missing, or the socket be without its server: that is no failure where it is so without the policy.
  bool optional = false;
  StepGroup group = StepGroup::none;
  std::string_view breaks;
};

// A row of the tables.
struct FixedStep {
  const char* id;
  Operation operation;
  const char* path;
  CudaImportance importance;
  Certainty certainty;
  bool optional;
  std::string_view breaks;
};
CudaStep make_step(const FixedStep& fixed);

// In the order of the start-up. The device nodes are the host's own. No id and no cell is there twice.
std::vector<CudaStep> cuda_steps(const Host& host);
// Of AMD and Intel hosts: vendors.cc.
std::vector<CudaStep> amd_steps(const Host& host);
std::vector<CudaStep> intel_steps(const Host& host);

// What a host is, in the words above: {"fabric", "mig"}. Empty: an ordinary machine with NVIDIA GPUs, or none.
std::vector<std::string> platforms(const Host& host);

std::string_view name(CudaImportance importance);
std::string_view name(Certainty certainty);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CUDA_H_
