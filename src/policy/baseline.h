// The baseline: the paths a runtime needs whatever the policy says. Only tables; enrich() decides when each applies.
#ifndef LOCKSTEP_POLICY_BASELINE_H_
#define LOCKSTEP_POLICY_BASELINE_H_

#include <array>
#include <string_view>

#include <lockstep/effective.h>

namespace lockstep {

struct BaselinePath {
  std::string_view path;
  Access access;
  Origin origin;
  std::string_view reason;
};

inline constexpr std::array<BaselinePath, 8> proxy_baseline = {{
    {"/usr", Access::read_only, Origin::proxy_baseline, "programs and libraries"},
    {"/lib", Access::read_only, Origin::proxy_baseline, "libraries"},
    {"/etc", Access::read_only, Origin::proxy_baseline, "configuration, certificates, names"},
    {"/app", Access::read_only, Origin::proxy_baseline, "the application image"},
    {"/var/log", Access::read_only, Origin::proxy_baseline, "logs of the sandbox"},
    {"/proc", Access::read_only, Origin::proxy_baseline, "runtimes read their own process"},
    {"/dev/urandom", Access::read_only, Origin::proxy_baseline, "random numbers"},
    {"/tmp", Access::read_write, Origin::proxy_baseline, "temporary files"},
}};

inline constexpr std::array<BaselinePath, 8> gpu_baseline = {{
    {"/run/nvidia-persistenced", Access::read_only, Origin::gpu_baseline, "the persistence daemon's socket"},
    {"/usr/lib/wsl", Access::read_only, Origin::gpu_baseline, "the driver's libraries under WSL2"},
    {"/dev/nvidiactl", Access::read_write, Origin::gpu_baseline, "the driver's control node"},
    {"/dev/nvidia-uvm", Access::read_write, Origin::gpu_baseline, "unified memory"},
    {"/dev/nvidia-uvm-tools", Access::read_write, Origin::gpu_baseline, "unified memory, tools"},
    {"/dev/nvidia-modeset", Access::read_write, Origin::gpu_baseline, "mode setting"},
    {"/dev/dxg", Access::read_write, Origin::gpu_baseline, "the GPU under WSL2"},
    {"/proc", Access::read_write, Origin::gpu_baseline, "cuInit() names its threads by /proc/<pid>/task/<tid>/comm"},
}};

// What CUDA reads of sysfs; a CDI spec never lists it.
inline constexpr std::array<BaselinePath, 4> cdi_baseline = {{
    {"/sys/bus/pci/devices", Access::read_only, Origin::gpu_baseline, "the driver looks for devices"},
    {"/sys/devices/system/cpu", Access::read_only, Origin::gpu_baseline, "the number of CPUs"},
    {"/sys/devices/system/memory", Access::read_only, Origin::gpu_baseline, "the size of memory blocks"},
    {"/sys/devices/system/node", Access::read_only, Origin::gpu_baseline,
     "NUMA nodes: a crash in libcuda without, on coherent GPUs"},
}};

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_BASELINE_H_
