// Reads this machine into a Host: its GPU nodes, which paths of the baseline exist, which paths that tell platforms
// apart exist, Landlock's ABI and errata.
#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
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

// Sorted, of names that begin with `prefix`.
std::vector<std::string> names_in(const std::string& folder, std::string_view prefix) {
  std::vector<std::string> out;
  if (DIR* directory = ::opendir(folder.c_str())) {
    while (const dirent* entry = ::readdir(directory))
      if (entry->d_name[0] != '.' && std::string_view(entry->d_name).starts_with(prefix))
        out.push_back(folder + "/" + entry->d_name);
    ::closedir(directory);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> gpu_nodes() {
  std::vector<std::string> out = names_in("/dev", "nvidia");
  std::erase_if(out, [](const std::string& path) { return !is_gpu_node(path); });
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
void look_for_platforms(Host& host) {
  for (const char* path : {"/dev/nvmap", "/dev/nvidia-nvswitchctl", "/dev/kfd"}) look_for(path, host);
  for (const char* path : {"/run/nvidia-fabricmanager/socket", "/tmp/nvidia-mps/control"})
    if (is_served(path)) look_for(path, host);
  constexpr std::pair<const char*, const char*> listed[] = {{"/dev", "nvhost-"},
                                                            {"/dev/nvidia-caps", "nvidia-cap"},
                                                            {"/dev/nvidia-caps-imex-channels", "channel"},
                                                            {"/dev/dri", "renderD"}};
  for (const auto& [folder, prefix] : listed)
    for (const std::string& path : names_in(folder, prefix)) look_for(path, host);
  for (const std::string& gpu : names_in("/dev/nvgpu", "igpu"))
    for (const std::string& path : names_in(gpu, "")) look_for(path, host);
  // The driver makes this file where it has given the GPU's memory a NUMA node, and nowhere else.
  struct stat st;
  for (const std::string& gpu : names_in("/proc/driver/nvidia/gpus", ""))
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
  if (host.gpu_nodes.empty()) host.gpu_nodes = gpu_nodes();
  for (const std::string_view path : baseline_paths()) look_for(std::string(path), host);
  for (const std::string& node : host.gpu_nodes) look_for(node, host);
  look_for_platforms(host);
  if (!host.kernel)
    if (const Result<KernelLandlock> kernel = query_kernel(); kernel.ok()) host.kernel = *kernel;
}

Host read_host() {
  Host host;
  complete_from_machine(host);
  const std::vector<std::string> render = names_in("/dev/dri", "renderD");
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
