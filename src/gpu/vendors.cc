// The steps of AMD's and Intel's runtimes. No baseline knows their nodes: a policy names them itself.
#include "gpu/steps.h"

namespace lockstep::gpu {
namespace {

using enum Importance;
using enum Certainty;
using enum Operation;

// ROCm: the runtime learns of its GPUs from the driver's topology, and talks to all of them through one node.
constexpr FixedStep rocm[] = {
    {"rocm-library", open_r, "/opt/rocm/lib/libhsa-runtime64.so.1", fatal, inferred, true,
     "the runtime cannot be loaded"},
    {"node /dev/kfd", ioctl, "/dev/kfd", fatal, source, false, "hsa_init fails (0x1008): no GPU is found"},
    {"kfd-generation", open_r, "/sys/devices/virtual/kfd/kfd/topology/generation_id", fatal, inferred, true,
     "the topology cannot be read: no GPU is found"},
    {"kfd-system", open_r, "/sys/devices/virtual/kfd/kfd/topology/system_properties", fatal, inferred, true,
     "the topology cannot be read: no GPU is found"},
    {"kfd-nodes", opendir, "/sys/devices/virtual/kfd/kfd/topology/nodes", fatal, inferred, true,
     "the topology cannot be read: no GPU is found"},
    {"kfd-gpu-id", open_r, "/sys/devices/virtual/kfd/kfd/topology/nodes/1/gpu_id", fatal, inferred, true,
     "the topology cannot be read: no GPU is found"},
    {"kfd-properties", open_r, "/sys/devices/virtual/kfd/kfd/topology/nodes/1/properties", fatal, inferred, true,
     "the topology cannot be read: no GPU is found"},
    {"amdgpu-module", open_r, "/sys/module/amdgpu/initstate", harmless, inferred, true,
     "tools say that the driver is not loaded"},
    {"amdgpu-names", open_r, "/usr/share/libdrm/amdgpu.ids", harmless, inferred, true, "the card's name stays unknown"},
    {"shared-memory", opendir, "/dev/shm", harmless, inferred, true, "shared memory between processes, RCCL's too"},
};

constexpr FixedStep intel[] = {
    {"opencl-vendors", opendir, "/etc/OpenCL/vendors", degraded, inferred, true,
     "OpenCL finds no driver; Level Zero needs none"},
    {"drm-class", opendir, "/sys/class/drm", degraded, inferred, true, "the GPU's attributes stay unknown"},
    {"perf-paranoid", open_r, "/proc/sys/dev/i915/perf_stream_paranoid", harmless, source, true, "metrics alone"},
    {"shared-memory", opendir, "/dev/shm", harmless, inferred, true, "shared memory between processes"},
};

// A host without any is asked for the first: what is missing must not look ready.
void add_render_nodes(const Host& host, std::vector<Step>& out) {
  std::vector<std::string> nodes;
  for (const HostEntry& entry : host.present)
    if (is_render_node(entry.path) && host.exists(entry.path)) nodes.push_back(entry.path);
  if (nodes.empty()) nodes.emplace_back("/dev/dri/renderD128");
  for (const std::string& path : nodes) {
    Step step;
    step.id = "node " + path;
    step.operation = ioctl;
    step.path = path;
    step.group = StepGroup::gpu;
    step.breaks = "this GPU is missing";
    out.push_back(std::move(step));
  }
}

}  // namespace

std::vector<Step> amd_steps(const Host& host) {
  std::vector<Step> out;
  for (const FixedStep& row : rocm) out.push_back(make_step(row));
  add_render_nodes(host, out);
  return out;
}

std::vector<Step> intel_steps(const Host& host) {
  std::vector<Step> out;
  for (const FixedStep& row : intel) out.push_back(make_step(row));
  add_render_nodes(host, out);
  return out;
}

}  // namespace lockstep::gpu
