// Reads this machine into a Host: its GPU nodes, which paths of the baseline exist, which paths that tell platforms
// apart exist, Landlock's ABI and errata.
#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include <lockstep/effective.h>

#include "base/unique_fd.h"

namespace lockstep {
namespace {

NodeKind kind_of(const struct stat& st) {
  if (S_ISDIR(st.st_mode)) return NodeKind::directory;
  if (S_ISCHR(st.st_mode)) return NodeKind::character;
  if (S_ISSOCK(st.st_mode)) return NodeKind::socket;
  return NodeKind::file;
}

void look_for(const std::string& path, Host& host) {
  struct stat st;
  if (::stat(path.c_str(), &st) == 0) host.present.push_back({path, kind_of(st)});
}

// Sorted.
std::vector<std::string> paths_in(const std::string& folder) {
  std::vector<std::string> out;
  if (DIR* directory = ::opendir(folder.c_str())) {
    while (const dirent* entry = ::readdir(directory))
      if (entry->d_name[0] != '.') out.push_back(folder + "/" + entry->d_name);
    ::closedir(directory);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> gpu_nodes(const std::vector<std::string>& dev) {
  std::vector<std::string> out;
  std::copy_if(dev.begin(), dev.end(), std::back_inserter(out),
               [](const std::string& path) { return is_gpu_node(path); });
  std::sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;  // numerical order
  });
  return out;
}

// Whether somebody serves the socket: a daemon that quit leaves it behind. Asked as a datagram client, of which a
// listening server is told nothing: the kernel says EPROTOTYPE where there is one, and ECONNREFUSED where there is
// none.
bool is_served(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view name = path;
  name.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return !fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
         errno != ECONNREFUSED;
}

// What tells one platform from another: where it is absent, nothing is asked of it.
void look_for_platforms(const std::vector<std::string>& dev, Host& host) {
  for (const char* path : {"/dev/nvmap", "/dev/nvidia-nvswitchctl", "/dev/kfd"}) look_for(path, host);
  struct stat st;
  for (const char* path : {"/run/nvidia-fabricmanager/socket", "/tmp/nvidia-mps/control"})
    if (::stat(path, &st) == 0 && is_served(path)) look_for(path, host);
  const auto look_for_all = [&](const std::vector<std::string>& paths, std::string_view start) {
    for (const std::string& path : paths)
      if (path.starts_with(start)) look_for(path, host);
  };
  look_for_all(dev, "/dev/nvhost-");
  look_for_all(paths_in("/dev/nvidia-caps"), "/dev/nvidia-caps/nvidia-cap");
  look_for_all(paths_in("/dev/nvidia-caps-imex-channels"), "/dev/nvidia-caps-imex-channels/channel");
  look_for_all(paths_in("/dev/dri"), "/dev/dri/renderD");
  for (const std::string& gpu : paths_in("/dev/nvgpu"))
    if (gpu.starts_with("/dev/nvgpu/igpu")) look_for_all(paths_in(gpu), gpu);
  // The driver makes this file where it has given the GPU's memory a NUMA node, and nowhere else.
  for (const std::string& gpu : paths_in("/proc/driver/nvidia/gpus"))
    host.numa_coherent = host.numa_coherent || ::stat((gpu + "/numa_status").c_str(), &st) == 0;
}

// PCI's number for the maker of a render node's GPU: Intel.
bool is_intel(const std::string& node) {
  std::ifstream in("/sys/class/drm/" + node.substr(node.rfind('/') + 1) + "/device/vendor");
  std::string vendor;
  return std::getline(in, vendor) && vendor == "0x8086";
}

}  // namespace

void complete_from_machine(Host& host) {
  host.real = true;
  const std::vector<std::string> dev = paths_in("/dev");
  if (host.gpu_nodes.empty()) host.gpu_nodes = gpu_nodes(dev);
  for (const std::string_view path : baseline_paths()) look_for(std::string(path), host);
  for (const std::string& node : host.gpu_nodes) look_for(node, host);
  look_for_platforms(dev, host);
  if (!host.kernel)
    if (const Result<KernelLandlock> kernel = query_kernel(); kernel.ok()) host.kernel = *kernel;
}

Host read_host() {
  Host host;
  complete_from_machine(host);
  std::vector<std::string> render;
  for (const HostEntry& each : host.present)
    if (is_render_node(each.path)) render.push_back(each.path);
  if (std::any_of(render.begin(), render.end(), is_intel)) host.gpu = GpuKind::intel;
  if (!render.empty() && host.exists("/dev/kfd")) host.gpu = GpuKind::amd;
  if (host.exists("/dev/nvidiactl")) host.gpu = GpuKind::nvidia;
  if (host.exists("/dev/dxg")) host.gpu = GpuKind::wsl2;
  host.numa_coherent = host.numa_coherent && host.gpu == GpuKind::nvidia;
  return host;
}

Context this_machine() {
  Context out;
  out.host = read_host();
  return out;
}

}  // namespace lockstep
