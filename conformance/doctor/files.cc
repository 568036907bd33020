#include "conformance/doctor/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/unique_fd.h"

namespace lockstep::conformance::doctor {
namespace {

constexpr std::size_t text_limit = 4U << 20;
constexpr char library[] = "libcuda.so.1";

// \040 and its like, as the kernel writes blanks in a mount point.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool octal =
        text[i] == '\\' && i + 3 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1])) != 0;
    out += octal ? static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8)) : text[i];
    if (octal) i += 3;
  }
  return out;
}

bool has_option(const std::string& options, const std::string& option) {
  return ("," + options + ",").find("," + option + ",") != std::string::npos;
}

void look_at(const std::string& path, std::vector<Node>& out) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return;
  Node node;
  node.path = path;
  node.kind = S_ISCHR(st.st_mode)    ? 'c'
              : S_ISDIR(st.st_mode)  ? 'd'
              : S_ISSOCK(st.st_mode) ? 's'
              : S_ISREG(st.st_mode)  ? 'f'
                                     : '?';
  node.mode = st.st_mode & 07777U;
  node.uid = st.st_uid;
  node.gid = st.st_gid;
  if (node.kind == 'c') node.major = gnu_dev_major(st.st_rdev), node.minor = gnu_dev_minor(st.st_rdev);
  const int flags = node.kind == 'd' ? O_RDONLY | O_DIRECTORY : O_RDWR | O_NONBLOCK;
  // Anything else under such a name is not the driver's: opening it could wait for somebody.
  if (node.kind == 'c' || node.kind == 'd') {
    const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
    node.opens = fd ? 0 : errno;
  }
  out.push_back(std::move(node));
}

std::vector<Node> gpu_nodes() {
  std::vector<Node> out;
  for (const std::string& name : names_in("/dev")) {
    const bool ours =
        name.starts_with("nvidia") || name.starts_with("nvhost") || name == "dxg" || name == "nvmap" || name == "nvgpu";
    if (ours) look_at("/dev/" + name, out);
  }
  for (const char* folder : {"/dev/nvidia-caps", "/dev/dri"})
    for (const std::string& name : names_in(folder)) look_at(std::string(folder) + "/" + name, out);
  return out;
}

// The file the loader's cache has under the library's name: its paths stand in the file as they are.
std::string in_loader_cache() {
  const std::string cache = read_text("/etc/ld.so.cache");
  const std::string wanted = std::string("/") + library + '\0';
  const std::size_t at = cache.find(wanted);
  if (at == std::string::npos) return "";
  const std::size_t start = cache.rfind('\0', at);
  return cache.substr(start + 1, at + wanted.size() - 1 - (start + 1));
}

// Where the loader looks, in its order: what a program of the name's own says aside.
void find_library(Machine& out) {
  const auto is_there = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; };
  if (const char* list = std::getenv("LD_LIBRARY_PATH")) {
    std::istringstream folders(list);
    for (std::string folder; std::getline(folders, folder, ':');) {
      const std::string path = (folder.empty() ? "." : folder) + "/" + library;
      if (!is_there(path)) continue;
      out.libcuda = path, out.libcuda_by = "LD_LIBRARY_PATH";
      return;
    }
  }
  if (const std::string cached = in_loader_cache(); !cached.empty() && is_there(cached)) {
    out.libcuda = cached, out.libcuda_by = "ld.so.cache";
    return;
  }
  const std::string triplet = out.architecture + "-linux-gnu";
  for (const std::string& folder : {"/lib/" + triplet, "/usr/lib/" + triplet, std::string("/lib64"),
                                    std::string("/usr/lib64"), std::string("/lib"), std::string("/usr/lib")}) {
    const std::string path = folder + "/" + library;
    if (!is_there(path)) continue;
    out.libcuda = path, out.libcuda_by = "the loader's own directories";
    return;
  }
}

}  // namespace

std::string read_text(const std::string& path) {
  std::string out;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char buffer[16384];
  while (fd && out.size() < text_limit) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  return out;
}

std::string first_line(const std::string& path) {
  std::string text = read_text(path);
  text.resize(std::min({text.size(), text.find('\n'), text.find('\0')}));
  return printable(text);
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> out;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return out;
  while (const dirent* entry = ::readdir(stream))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  ::closedir(stream);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Mount> read_mounts() {
  std::vector<Mount> out;
  std::istringstream lines(read_text("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Mount mount;
    std::string parent, device, root, options, word, source, super;
    if (!(words >> mount.id >> parent >> device >> root >> mount.point >> options)) continue;
    while (words >> word && word != "-") {  // optional fields, as many as there are
    }
    words >> mount.type >> source >> super;
    mount.point = unescape(mount.point);
    // The mount's own options, then those of the file system: procfs has hidepid and subset there.
    mount.options = printable(options + (super.empty() ? "" : "; " + super));
    mount.read_only = has_option(options, "ro") || has_option(super, "ro");
    mount.nodev = has_option(options, "nodev");
    out.push_back(std::move(mount));
  }
  return out;
}

// "Character devices:\n  1 mem\n195 nvidia\n\nBlock devices:\n..."
std::vector<DriverNumber> character_devices(const std::string& text) {
  std::vector<DriverNumber> out;
  std::istringstream lines(text.substr(0, text.find("Block devices:")));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    DriverNumber each;
    if (words >> each.major >> each.name) out.push_back(each);
  }
  return out;
}

std::vector<std::string> nvidia_paths() {
  std::vector<std::string> out;
  for (const std::string& name : names_in("/dev"))
    if (name.starts_with("nvidia")) out.push_back(printable("/dev/" + name));
  return out;
}

void read_gpu(Machine& out) {
  out.numbers = character_devices(read_text("/proc/devices"));
  out.nodes = gpu_nodes();
  out.driver = first_line("/sys/module/nvidia/version");
  if (out.driver.empty()) out.driver = first_line("/proc/driver/nvidia/version");
  for (const std::string& name : names_in("/proc/driver/nvidia/capabilities")) {
    const std::string folder = "/proc/driver/nvidia/capabilities/" + name + "/mig";
    if (name.starts_with("gpu"))
      for (const std::string& instance : names_in(folder)) out.mig.push_back(printable(name + "/" + instance));
  }
  for (const char* folder : {"/etc/cdi", "/var/run/cdi"})
    for (const std::string& name : names_in(folder))
      if (name.ends_with(".yaml") || name.ends_with(".json") || name.ends_with(".yml"))
        out.cdi.push_back(printable(std::string(folder) + "/" + name));
  for (const std::string& name : names_in("/sys/devices/system/node"))
    out.numa_nodes += name.starts_with("node") && std::isdigit(static_cast<unsigned char>(name.back())) != 0 ? 1 : 0;
  find_library(out);
}

}  // namespace lockstep::conformance::doctor
