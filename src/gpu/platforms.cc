#include "gpu/platforms.h"

#include <algorithm>

#include "gpu/nodes.h"

namespace lockstep::gpu {

bool is_tegra(const Host& host) {
  return host.exists("/dev/nvmap");
}
bool is_fabric(const Host& host) {
  return host.exists("/dev/nvidia-nvswitchctl") || host.exists("/run/nvidia-fabricmanager");
}
bool is_mps(const Host& host) {
  return host.exists("/tmp/nvidia-mps/control");
}
bool is_mig(const Host& host) {
  return std::any_of(host.present.begin(), host.present.end(),
                     [](const HostEntry& entry) { return is_instance_node(entry.path); });
}

std::vector<std::string> platforms(const Host& host) {
  std::vector<std::string> out;
  const auto say = [&](bool is, const char* word) {
    if (is) out.emplace_back(word);
  };
  say(host.gpu == GpuKind::wsl2, "wsl2");
  say(host.gpu == GpuKind::amd, "amd");
  say(host.gpu == GpuKind::intel, "intel");
  say(is_tegra(host), "tegra");
  say(host.numa_coherent, "coherent");
  say(is_fabric(host), "fabric");
  say(is_mig(host), "mig");
  say(is_mps(host), "mps");
  return out;
}

}  // namespace lockstep::gpu
