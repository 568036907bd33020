#include "conformance/judge/cuda.h"

namespace lockstep::conformance {
namespace {

struct Fixed {
  const char* id;
  Operation operation;
  const char* path;
  CudaImportance importance;
  Certainty certainty;
  bool optional;
  std::string_view breaks;
};

using enum CudaImportance;

// Reads of procfs and sysfs, in the order traces show them. A policy that hides a path is told apart from a machine without it.
constexpr Fixed reads[] = {
    {"proc-modules", Operation::open_r, "/proc/modules", degraded, Certainty::source, true, "the driver's modules look unloaded"},
    {"proc-devices", Operation::open_r, "/proc/devices", degraded, Certainty::source, true, "the major numbers of the nodes stay unknown"},
    {"self-status", Operation::open_r, "/proc/self/status", degraded, Certainty::source, false, "the allowed memory nodes stay unknown"},
    {"self-maps", Operation::open_r, "/proc/self/maps", degraded, Certainty::inferred, false, "libraries already loaded stay unknown"},
    {"driver-params", Operation::open_r, "/proc/driver/nvidia/params", degraded, Certainty::source, true, "node permissions fall back to defaults"},
    {"mmap-min-addr", Operation::open_r, "/proc/sys/vm/mmap_min_addr", degraded, Certainty::source, true, "address reservation falls back to a default"},
    {"memory-block", Operation::open_r, "/sys/devices/system/memory/block_size_bytes", harmless, Certainty::source, true, "no failure is known"},
    {"numa-nodes", Operation::opendir, "/sys/devices/system/node", harmless, Certainty::source, true,
     "harmless on x86; a crash inside libcuda on NUMA-coherent GPUs (GH200)"},
    {"numa-cpumap", Operation::open_r, "/sys/devices/system/node/node0/cpumap", harmless, Certainty::source, true, "as numa-nodes"},
    {"cpu-info", Operation::open_r, "/proc/cpuinfo", harmless, Certainty::measured, true, "read at loading; no failure is known"},
    {"cpus-online", Operation::open_r, "/sys/devices/system/cpu/online", harmless, Certainty::measured, true, "the number of CPUs falls back to others"},
    {"pci-list", Operation::opendir, "/sys/bus/pci/devices", harmless, Certainty::measured, true, "read before any device is found; no failure is known"},
    {"pci-config", Operation::open_r, "/sys/bus/pci/devices/0000:00:00.0/config", harmless, Certainty::measured, true, "as pci-list"},
    {"pci-devices", Operation::stat, "/sys/bus/pci/devices", harmless, Certainty::source, true, "no failure is known; Landlock never restricts it"},
    {"driver-uvm", Operation::opendir, "/proc/driver/nvidia-uvm", harmless, Certainty::inferred, true, "one source reads it, another has none"},
    {"mig-config", Operation::open_r, "/proc/driver/nvidia/capabilities/mig/config", harmless, Certainty::source, true,
     "MIG instances alone"},
};

constexpr Fixed wsl_nodes[] = {
    {"node /dev/dxg", Operation::ioctl, "/dev/dxg", fatal, Certainty::source, false, "no device is found"},
};

constexpr Fixed control_nodes[] = {
    {"node /dev/nvidiactl", Operation::ioctl, "/dev/nvidiactl", fatal, Certainty::source, false, "no device is found (100 or 999)"},
    {"node /dev/nvidia-uvm", Operation::ioctl, "/dev/nvidia-uvm", fatal, Certainty::source, false, "cuInit fails (999)"},
    {"node /dev/nvidia-uvm-tools", Operation::ioctl, "/dev/nvidia-uvm-tools", degraded, Certainty::inferred, true, "sources disagree"},
    {"node /dev/nvidia-modeset", Operation::ioctl, "/dev/nvidia-modeset", harmless, Certainty::source, true, "displays alone, not computing"},
    {"mig-nodes", Operation::opendir, "/dev/nvidia-caps", harmless, Certainty::source, true, "MIG instances alone"},
};

// A Jetson board's own nodes: asked for where the host has them.
constexpr Fixed tegra_nodes[] = {
    {"node /dev/nvmap", Operation::ioctl, "/dev/nvmap", fatal, Certainty::source, false, "no memory can be mapped (999 or 100)"},
    {"soc-family", Operation::open_r, "/sys/devices/soc0/family", fatal, Certainty::source, true,
     "without /sys the driver says 801 (CUDA_ERROR_NOT_SUPPORTED)"},
};

constexpr Fixed last[] = {
    {"mps", Operation::connect_unix, "/tmp/nvidia-mps/control", harmless, Certainty::source, true, "its absence is normal"},
    {"persistenced", Operation::connect_unix, "/run/nvidia-persistenced/socket", harmless, Certainty::inferred, true,
     "the persistence mode stays unknown"},
    {"shared-memory", Operation::opendir, "/dev/shm", harmless, Certainty::source, true, "CUDA IPC and NCCL's shared memory"},
};

CudaStep make(const Fixed& fixed) {
  CudaStep step;
  step.id = fixed.id;
  step.cell.operation = fixed.operation;
  step.cell.path = fixed.path;
  step.importance = fixed.importance;
  step.certainty = fixed.certainty;
  step.optional = fixed.optional;
  step.breaks = fixed.breaks;
  return step;
}

CudaStep comm_step(const char* id, Mode mode, Target target, Actor actor, CudaImportance importance) {
  CudaStep step;
  step.id = id;
  step.cell.operation = Operation::comm_open;
  step.cell.mode = mode;
  step.cell.target = target;
  step.cell.actor = actor;
  step.importance = importance;
  step.certainty = Certainty::source;
  step.breaks = "cuInit returns 304 (CUDA_ERROR_OPERATING_SYSTEM)";
  return step;
}

}  // namespace

std::vector<CudaStep> cuda_steps(const Host& host) {
  std::vector<CudaStep> out;
  for (const Fixed& fixed : reads) out.push_back(make(fixed));
  if (host.gpu == GpuKind::wsl2) {
    for (const Fixed& fixed : wsl_nodes) out.push_back(make(fixed));
  } else {
    const bool tegra = host.exists("/dev/nvmap");
    for (const Fixed& fixed : control_nodes) {
      out.push_back(make(fixed));
      // The board's driver has no unified memory node of this kind.
      if (tegra && out.back().cell.path == "/dev/nvidia-uvm") out.back().optional = true;
    }
    if (tegra)
      for (const Fixed& fixed : tegra_nodes) out.push_back(make(fixed));
    for (const std::string& path : host.gpu_nodes) {
      CudaStep step;
      step.id = "node " + path;
      step.cell.operation = Operation::ioctl;
      step.cell.path = path;
      step.one_of = true;
      step.breaks = "this device is missing";
      out.push_back(std::move(step));
    }
  }
  // The workload is rarely the process that was restricted: it is a program started by it, or a child of that.
  out.push_back(comm_step("comm", Mode::rdwr, Target::other_thread, Actor::self, CudaImportance::fatal));
  out.push_back(comm_step("comm-child", Mode::rdwr, Target::other_thread, Actor::child, CudaImportance::fatal));
  out.push_back(comm_step("comm-grandchild", Mode::rdwr, Target::other_thread, Actor::grandchild, CudaImportance::fatal));
  out.push_back(comm_step("comm-exec", Mode::rdwr, Target::other_thread, Actor::exec, CudaImportance::fatal));
  out.push_back(comm_step("comm-pid", Mode::rdwr, Target::numeric, Actor::self, CudaImportance::fatal));
  out.push_back(comm_step("comm-setname", Mode::setname, Target::other_thread, Actor::exec, CudaImportance::fatal));
  // Other ways to write a name, shown and never demanded.
  CudaStep write_only = comm_step("comm-write-only", Mode::wronly, Target::other_thread, Actor::self, CudaImportance::harmless);
  write_only.certainty = Certainty::inferred;
  write_only.breaks = "nothing that is known: glibc opens for reading as well";
  out.push_back(std::move(write_only));
  // What the libraries of 550.54.15, 550.163.01 and 555.58.02 were seen to do before they look for a device: fopen(comm, "w"). Denied,
  // their cuInit() returns 304. Those of 470 to 535 gave up for want of a device before any thread. What newer ones do is not known:
  // both ways count.
  CudaStep truncating = comm_step("comm-truncating", Mode::trunc, Target::other_thread, Actor::self, CudaImportance::fatal);
  truncating.certainty = Certainty::measured;
  out.push_back(std::move(truncating));
  for (const Fixed& fixed : last) out.push_back(make(fixed));
  return out;
}

std::string_view name(CudaImportance importance) {
  return importance == fatal ? "fatal" : importance == degraded ? "degraded" : "harmless";
}

std::string_view name(Certainty certainty) {
  return certainty == Certainty::measured ? "measured" : certainty == Certainty::source ? "source" : "inferred";
}

}  // namespace lockstep::conformance
