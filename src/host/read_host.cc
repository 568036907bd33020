#include "host/read_host.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "policy/effective.h"

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

std::vector<std::string> gpu_nodes() {
  std::vector<std::string> out;
  if (DIR* directory = ::opendir("/dev")) {
    while (const dirent* entry = ::readdir(directory)) {
      std::string path = std::string("/dev/") + entry->d_name;
      if (is_gpu_node(path)) out.push_back(std::move(path));
    }
    ::closedir(directory);
  }
  std::sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;  // numerical order
  });
  return out;
}

}  // namespace

void complete_from_machine(Host& host) {
  host.real = true;
  if (host.gpu_nodes.empty()) host.gpu_nodes = gpu_nodes();
  for (const std::string_view path : baseline_paths()) look_for(std::string(path), host);
  for (const std::string& node : host.gpu_nodes) look_for(node, host);
  if (!host.kernel)
    if (const Result<KernelLandlock> kernel = query_kernel(); kernel.ok()) host.kernel = *kernel;
}

Host read_host() {
  Host host;
  complete_from_machine(host);
  if (host.exists("/dev/nvidiactl")) host.gpu = GpuKind::nvidia;
  if (host.exists("/dev/dxg")) host.gpu = GpuKind::wsl2;
  return host;
}

}  // namespace lockstep
