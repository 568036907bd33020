#include "gpu/steps.h"

#include <algorithm>
#include <span>

#include "gpu/nodes.h"
#include "gpu/platforms.h"

namespace lockstep::gpu {
namespace {

using enum Importance;
using enum Certainty;
using enum Operation;

// Reads of procfs and sysfs, in the order traces show them. A policy that hides a path is told apart from a machine
// without it.
constexpr FixedStep reads[] = {
    {"proc-modules", open_r, "/proc/modules", degraded, source, true, "the driver's modules look unloaded"},
    {"proc-devices", open_r, "/proc/devices", degraded, source, true, "the major numbers of the nodes stay unknown"},
    {"self-status", open_r, "/proc/self/status", degraded, source, false, "the allowed memory nodes stay unknown"},
    {"self-maps", open_r, "/proc/self/maps", degraded, inferred, false, "libraries already loaded stay unknown"},
    {"driver-params", open_r, "/proc/driver/nvidia/params", degraded, source, true,
     "node permissions fall back to defaults"},
    {"mmap-min-addr", open_r, "/proc/sys/vm/mmap_min_addr", degraded, source, true,
     "address reservation falls back to a default"},
    {"memory-block", open_r, "/sys/devices/system/memory/block_size_bytes", harmless, source, true,
     "no failure is known"},
    {"numa-nodes", opendir, "/sys/devices/system/node", harmless, source, true,
     "nothing on x86, where CUDA starts without"},
    {"numa-cpumap", open_r, "/sys/devices/system/node/node0/cpumap", harmless, source, true,
     "nothing on x86, where CUDA starts without"},
    {"cpu-info", open_r, "/proc/cpuinfo", harmless, measured, true, "read at loading; no failure is known"},
    {"cpus-online", open_r, "/sys/devices/system/cpu/online", harmless, measured, true,
     "the number of CPUs falls back to others"},
    {"pci-list", opendir, "/sys/bus/pci/devices", harmless, measured, true,
     "read before any device is found; no failure is known"},
    {"pci-config", open_r, "/sys/bus/pci/devices/0000:00:00.0/config", harmless, measured, true, "as pci-list"},
    {"pci-devices", stat, "/sys/bus/pci/devices", harmless, source, true,
     "no failure is known; Landlock never restricts it"},
    {"driver-uvm", opendir, "/proc/driver/nvidia-uvm", harmless, inferred, true,
     "one source reads it, another has none"},
    {"mig-config", open_r, "/proc/driver/nvidia/capabilities/mig/config", harmless, source, true,
     "MIG instances alone"},
};

constexpr FixedStep control_nodes[] = {
    {"node /dev/nvidiactl", ioctl, "/dev/nvidiactl", fatal, source, false, "no device is found (100 or 999)"},
    {"node /dev/nvidia-uvm", ioctl, "/dev/nvidia-uvm", fatal, source, false, "cuInit fails (999)"},
    {"node /dev/nvidia-uvm-tools", ioctl, "/dev/nvidia-uvm-tools", degraded, inferred, true, "sources disagree"},
    {"node /dev/nvidia-modeset", ioctl, "/dev/nvidia-modeset", harmless, source, true, "displays alone, not computing"},
    {"mig-nodes", opendir, "/dev/nvidia-caps", harmless, source, true, "MIG instances alone"},
};

constexpr FixedStep wsl_steps[] = {
    {"wsl-library", open_r, "/usr/lib/wsl/lib/libcuda.so.1.1", fatal, source, true, "libcuda.so.1 cannot be loaded"},
    {"wsl-dxcore", open_r, "/usr/lib/wsl/lib/libdxcore.so", fatal, source, true,
     "libcuda.so.1 cannot be loaded: it needs this library"},
    {"node /dev/dxg", ioctl, "/dev/dxg", fatal, source, false, "no device is found"},
};

constexpr FixedStep last[] = {
    {"mps", connect_unix, "/tmp/nvidia-mps/control", harmless, source, true, "its absence is normal"},
    {"persistenced", connect_unix, "/run/nvidia-persistenced/socket", harmless, inferred, true,
     "the persistence mode stays unknown"},
    {"shared-memory", opendir, "/dev/shm", harmless, source, true, "CUDA IPC and NCCL's shared memory"},
};

// What is otherwise on some platforms: a row of the same id as one above stands in its place, any other is a step of
// its own.
constexpr FixedStep tegra_rows[] = {
    // The board's driver has no unified memory node of this kind.
    {"node /dev/nvidia-uvm", ioctl, "/dev/nvidia-uvm", fatal, source, true, "cuInit fails (999)"},
    {"node /dev/nvmap", ioctl, "/dev/nvmap", fatal, source, false, "no memory can be mapped (999 or 100)"},
    {"soc-family", open_r, "/sys/devices/soc0/family", fatal, source, true,
     "without /sys the driver says 801 (CUDA_ERROR_NOT_SUPPORTED)"},
    {"tegra-chip", open_r, "/sys/module/tegra_fuse/parameters/tegra_chip_id", fatal, inferred, true,
     "without /sys the driver says 801 (CUDA_ERROR_NOT_SUPPORTED)"},
};
// Where the driver finds its GPU's memory among the machine's nodes, it walks this directory and does not check what it
// got.
constexpr FixedStep coherent_rows[] = {
    {"numa-nodes", opendir, "/sys/devices/system/node", fatal, source, false, "libcuda crashes (SIGSEGV)"},
    {"numa-cpumap", open_r, "/sys/devices/system/node/node0/cpumap", fatal, inferred, true,
     "libcuda crashes (SIGSEGV)"},
    {"memory-block", open_r, "/sys/devices/system/memory/block_size_bytes", degraded, inferred, true,
     "the size in which GPU memory goes online stays unknown"},
};
constexpr FixedStep fabric_rows[] = {
    {"node /dev/nvidia-nvswitchctl", ioctl, "/dev/nvidia-nvswitchctl", harmless, inferred, true,
     "the fabric manager's node, not the workload's: 802 (SYSTEM_NOT_READY) comes from that manager"},
    {"fabricmanager", connect_unix, "/run/nvidia-fabricmanager/socket", degraded, inferred, true,
     "the fabric's partitions cannot be asked for"},
};
constexpr FixedStep mps_rows[] = {
    {"mps", connect_unix, "/tmp/nvidia-mps/control", degraded, inferred, true,
     "the GPU is not shared through the MPS server, and refused where that holds it exclusively"},
};

void put(std::span<const FixedStep> rows, std::vector<Step>& out) {
  for (const FixedStep& row : rows) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const Step& step) { return step.id == row.id; });
    if (same != out.end())
      *same = make_step(row);
    else
      out.push_back(make_step(row));
  }
}

Step node_step(const std::string& path, Operation operation, Importance importance, Certainty certainty,
               std::string_view breaks) {
  Step step;
  step.id = "node " + path;
  step.operation = operation;
  step.path = path;
  step.importance = importance;
  step.certainty = certainty;
  step.breaks = breaks;
  return step;
}

// Nodes that a host has under names of its own.
void add_own_nodes(const Host& host, std::vector<Step>& out) {
  std::vector<std::string> gpus = host.gpu_nodes;
  // A host that lists none is asked for the first: what is missing must not look ready. A board's GPU has other names.
  if (gpus.empty() && host.gpu == GpuKind::nvidia && !is_tegra(host)) gpus.emplace_back("/dev/nvidia0");
  for (const std::string& path : gpus) {
    out.push_back(node_step(path, ioctl, fatal, source, "this device is missing"));
    out.back().group = StepGroup::gpu;
  }
  for (const HostEntry& entry : host.present) {
    const std::string& path = entry.path;
    if (!host.exists(path) || entry.kind != NodeKind::character) continue;
    if (is_instance_node(path)) {
      out.push_back(node_step(path, open_r, fatal, source, "its MIG instance is not found"));
      out.back().group = StepGroup::mig;
    } else if (path.starts_with("/dev/nvidia-caps-imex-channels/")) {
      out.push_back(
          node_step(path, open_rw, degraded, inferred, "no memory is shared with other machines of the fabric (IMEX)"));
    } else if (path.starts_with("/dev/nvhost-") || path.starts_with("/dev/nvgpu/")) {
      const bool gpu = is_board_gpu(path);
      out.push_back(node_step(path, ioctl, gpu ? fatal : harmless, inferred,
                              gpu ? "the board's GPU cannot be driven (999 or 100)" : "video and profiling alone"));
    }
  }
}

Step comm_step(const char* id, Mode mode, Target target, Actor actor) {
  Step step;
  step.id = id;
  step.operation = comm_open;
  step.mode = mode;
  step.target = target;
  step.actor = actor;
  step.breaks = "cuInit returns 304 (CUDA_ERROR_OPERATING_SYSTEM)";
  return step;
}

void add_comm(const Host& host, std::vector<Step>& out) {
  // Seen with drivers of ordinary machines; under WSL2 and on Jetson boards nobody has published it.
  const Certainty sure = host.gpu == GpuKind::wsl2 || is_tegra(host) ? inferred : source;
  // The workload is rarely the process that was restricted: it is a program started by it, or a child of that.
  for (Step& step : std::vector<Step>{comm_step("comm", Mode::rdwr, Target::other_thread, Actor::self),
                                      comm_step("comm-child", Mode::rdwr, Target::other_thread, Actor::child),
                                      comm_step("comm-grandchild", Mode::rdwr, Target::other_thread, Actor::grandchild),
                                      comm_step("comm-exec", Mode::rdwr, Target::other_thread, Actor::exec),
                                      comm_step("comm-pid", Mode::rdwr, Target::numeric, Actor::self),
                                      comm_step("comm-setname", Mode::setname, Target::other_thread, Actor::exec)}) {
    step.certainty = sure;
    out.push_back(std::move(step));
  }
  // Shown and never demanded.
  Step write_only = comm_step("comm-write-only", Mode::wronly, Target::other_thread, Actor::self);
  write_only.importance = harmless;
  write_only.certainty = inferred;
  write_only.breaks = "nothing that is known: glibc opens for reading as well";
  out.push_back(std::move(write_only));
  // What the libraries of 550.54.15, 550.163.01 and 555.58.02 were seen to do before they look for a device:
  // fopen(comm, "w"). Denied, their cuInit() returns 304. Those of 470 to 535 gave up for want of a device before any
  // thread. What newer ones do is not known: both ways count.
  for (Step& truncating :
       std::vector<Step>{comm_step("comm-truncating", Mode::trunc, Target::other_thread, Actor::self),
                         comm_step("comm-truncating-child", Mode::trunc, Target::other_thread, Actor::child),
                         comm_step("comm-truncating-grandchild", Mode::trunc, Target::other_thread, Actor::grandchild),
                         comm_step("comm-truncating-exec", Mode::trunc, Target::other_thread, Actor::exec)}) {
    truncating.certainty = sure == source ? measured : inferred;
    out.push_back(std::move(truncating));
  }
}

// Kernels compiled for the GPU at hand are kept below a home directory: asked for where a simulated host lists such a
// file, for the step writes to it.
void add_jit_cache(const Host& host, std::vector<Step>& out) {
  for (const HostEntry& entry : host.present) {
    if (host.real || !entry.path.ends_with("/.nv/ComputeCache/index") || !host.exists(entry.path)) continue;
    out.push_back(node_step(entry.path, open_trunc, degraded, inferred, "kernels are compiled anew at every start"));
    out.back().id = "jit-cache";
    return;
  }
}

}  // namespace

std::size_t needed(StepGroup group) {
  return group == StepGroup::mig ? 2 : 1;
}

Step make_step(const FixedStep& fixed) {
  Step step;
  step.id = fixed.id;
  step.operation = fixed.operation;
  step.path = fixed.path;
  step.importance = fixed.importance;
  step.certainty = fixed.certainty;
  step.optional = fixed.optional;
  step.breaks = fixed.breaks;
  return step;
}

std::vector<Step> steps_of(const Host& host) {
  if (host.gpu == GpuKind::amd) return amd_steps(host);
  if (host.gpu == GpuKind::intel) return intel_steps(host);
  std::vector<Step> out;
  for (const FixedStep& row : reads) out.push_back(make_step(row));
  if (host.gpu == GpuKind::wsl2) {
    for (const FixedStep& row : wsl_steps) out.push_back(make_step(row));
  } else {
    for (const FixedStep& row : control_nodes) out.push_back(make_step(row));
    if (is_tegra(host)) put(tegra_rows, out);
    add_own_nodes(host, out);
  }
  add_comm(host, out);
  for (const FixedStep& row : last) out.push_back(make_step(row));
  add_jit_cache(host, out);
  if (host.numa_coherent) put(coherent_rows, out);
  if (is_fabric(host)) put(fabric_rows, out);
  if (is_mps(host)) put(mps_rows, out);
  return out;
}

std::string_view name(Importance importance) {
  return importance == fatal ? "fatal" : importance == degraded ? "degraded" : "harmless";
}

std::string_view name(Certainty certainty) {
  return certainty == measured ? "measured" : certainty == source ? "source" : "inferred";
}

}  // namespace lockstep::gpu
