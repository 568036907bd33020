// Which platforms a host is, as its nodes say:
//   tegra            /dev/nvmap
//   wsl2, amd, intel the host's `gpu`
//   coherent         the host's `numa_coherent`
//   fabric           /dev/nvidia-nvswitchctl or /run/nvidia-fabricmanager
//   mig              a node of /dev/nvidia-caps beyond the first two, which every MIG-capable GPU has
//   mps              /tmp/nvidia-mps/control; on a real host only where somebody serves it, for it outlives its daemon
#ifndef LOCKSTEP_GPU_PLATFORMS_H_
#define LOCKSTEP_GPU_PLATFORMS_H_

#include <string>
#include <vector>

#include <lockstep/host.h>

namespace lockstep::gpu {

bool is_tegra(const Host& host);
bool is_fabric(const Host& host);
bool is_mps(const Host& host);
bool is_mig(const Host& host);

// In the words above: {"fabric", "mig"}. Empty: an ordinary machine with NVIDIA GPUs, or none.
std::vector<std::string> platforms(const Host& host);

}  // namespace lockstep::gpu

#endif  // LOCKSTEP_GPU_PLATFORMS_H_
