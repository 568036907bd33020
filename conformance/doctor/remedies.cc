#include "conformance/doctor/remedies.h"

#include <algorithm>
#include <array>

namespace lockstep::conformance::doctor {
namespace {

constexpr unsigned overflow_id = 65534;  // what a user namespace shows of an id that it does not map

enum class Platform { none, nvidia, wsl, tegra, amd, intel };

Platform platform_of(const std::string& path, const Surroundings& around) {
  if (path == "/dev/dxg" || path.starts_with("/usr/lib/wsl")) return Platform::wsl;
  for (const char* each : {"/dev/nvmap", "/dev/nvhost", "/dev/nvgpu", "/dev/nvsciipc", "/dev/nvpps"})
    if (path.starts_with(each)) return Platform::tegra;
  if (path.starts_with("/dev/nvidia") || path.starts_with("/proc/driver/nvidia")) return Platform::nvidia;
  if (path == "/dev/kfd" || path.starts_with("/sys/class/kfd")) return Platform::amd;
  if (!path.starts_with("/dev/dri")) return Platform::none;
  return around.gpu == GpuKind::intel ? Platform::intel : around.gpu == GpuKind::amd ? Platform::amd : Platform::none;
}

std::string in_a_container(Platform platform) {
  switch (platform) {
    case Platform::nvidia:
    case Platform::wsl:
      return "start the container with the device: docker run --gpus all, or --device nvidia.com/gpu=all (CDI)";
    case Platform::tegra:
      return "start the container with the board's runtime: docker run --runtime nvidia, or --device "
             "nvidia.com/gpu=all (CDI)";
    case Platform::amd:
      return "start the container with the devices: docker run --device /dev/kfd --device /dev/dri, or --device "
             "amd.com/gpu=all (CDI)";
    case Platform::intel:
      return "start the container with the devices: docker run --device /dev/dri, or --device intel.com/gpu=all (CDI)";
    default:
      return "";
  }
}

std::string load_module(Platform platform) {
  switch (platform) {
    case Platform::nvidia:
      return "sudo modprobe nvidia; dmesg | grep -i nvrm says why not";
    case Platform::wsl:
      return "wsl --update in Windows, its GPU driver updated, then wsl --shutdown; dmesg | grep -i dxgk says why not";
    case Platform::tegra:
      return "sudo modprobe nvgpu; the board's own packages have it (nvidia-l4t-kernel, nvidia-l4t-cuda); dmesg | grep "
             "-i nvgpu says why not";
    case Platform::amd:
      return "sudo modprobe amdgpu; dmesg | grep -iE 'amdgpu|kfd' says why not";
    case Platform::intel:
      return "sudo modprobe xe || sudo modprobe i915; dmesg | grep -iE 'i915|xe ' says why not";
    default:
      return "";
  }
}

bool is_digits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

struct Registered {
  std::string_view node;                  // what the node's path starts with; the first that fits
  std::array<std::string_view, 3> names;  // as /proc/devices has it, over the drivers' versions
};
constexpr Registered registered[] = {
    {"/dev/nvidia-uvm", {"nvidia-uvm"}},
    {"/dev/nvidia-caps-imex-channels", {"nvidia-caps-imex-channels"}},
    {"/dev/nvidia-caps", {"nvidia-caps"}},
    {"/dev/nvidia-nvswitch", {"nvidia-nvswitch"}},
    {"/dev/nvidia", {"nvidia", "nvidia-frontend", "nvidiactl"}},
    {"/dev/kfd", {"kfd"}},
    {"/dev/dri", {"drm"}},
};

}  // namespace

std::string to_appear(const std::string& path, const Surroundings& around) {
  const Platform platform = platform_of(path, around);
  if (platform == Platform::none) return "";
  if (around.container) return in_a_container(platform);
  if (platform != Platform::nvidia) return load_module(platform);
  if (path.starts_with("/dev/nvidia-uvm")) return "sudo nvidia-modprobe -u -c 0";
  if (path == "/dev/nvidia-modeset") return "sudo nvidia-modprobe -m";
  const std::string digits = path.substr(std::min(path.size(), std::string("/dev/nvidia").size()));
  if (path == "/dev/nvidiactl" || (path.starts_with("/dev/") && is_digits(digits)))
    return "sudo nvidia-modprobe -c " + (is_digits(digits) ? digits : "0");
  return "sudo modprobe nvidia";
}

std::string to_load(const std::string& path, const Surroundings& around) {
  return load_module(platform_of(path, around));
}

std::optional<unsigned> registered_major(const std::string& path, const Surroundings& around) {
  for (const Registered& each : registered) {
    if (!path.starts_with(each.node)) continue;
    for (const DriverNumber& number : around.numbers)
      if (std::find(each.names.begin(), each.names.end(), number.name) != each.names.end()) return number.major;
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Finding> of_procfs(const ProcfsFacts& procfs) {
  if (procfs.kind == ProcfsKind::own) return std::nullopt;
  // A sandbox in a container is as likely as the container itself.
  const std::string remedy =
      "give the sandbox a /proc of its own: unshare --mount-proc, bwrap --proc /proc; a container's runtime mounts "
      "one unless it is told otherwise";
  if (procfs.kind == ProcfsKind::stale)
    return Finding{{Layer::missing_path},
                   "/proc is of another PID namespace, so /proc/self/task/<tid>/comm is not there (ENOENT) and "
                   "cuInit() returns 304, "
                   "though nothing denies it: " +
                       procfs.why,
                   remedy,
                   "procfs"};
  return Finding{{Layer::missing_path},
                 "CUDA names its threads through /proc, and it cannot be relied on here (" +
                     std::string(name(procfs.kind)) + "): " + procfs.why,
                 remedy,
                 "procfs"};
}

std::string to_join(const PathFacts& facts, unsigned wants, const Surroundings& around) {
  const std::string group = std::to_string(facts.gid);
  const unsigned given = (facts.mode >> 3) & 07U;
  if (facts.gid == overflow_id && !around.first_user_namespace && given != 0)
    return "its group is not mapped into this user namespace: podman run --group-add keep-groups (with crun), or map "
           "the group "
           "(--gidmap)";
  // Nobody is to join root's group, nor one that stands for no group at all.
  if (facts.gid == 0 || facts.gid == overflow_id || given == 0) {
    const std::string open = wants == 04U ? "o+r " : "o+rw ";
    return "sudo chmod " + open + facts.path +
           (facts.path.starts_with("/dev/nvidia") ? "   (for good: options nvidia NVreg_DeviceFileMode=0666)" : "");
  }
  const std::string widen = (given & wants) == wants ? "" : "sudo chmod g+rw " + facts.path + "; ";
  return widen + "sudo usermod -aG " + group + " USER   (the group's number; log in again)" +
         (around.container ? "; or start the container with it: docker run --group-add " + group : "");
}

}  // namespace lockstep::conformance::doctor
