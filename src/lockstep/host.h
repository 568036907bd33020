// Host: what a machine offers a policy, as a plain value.
//
//   LOCKSTEP_ASSIGN(Host host, load_host("hosts/nvidia-1.json"));   // lockstep.host/1
//   Host here = read_host();                                        // this machine
//   host.exists("/dev/nvidiactl");
//
// A host with `real` set stands for the machine it runs on: `present` is what was found there, and probes run on its
// real paths. Any other is simulated: exactly the paths listed exist (their parents implied, their children not).
#ifndef LOCKSTEP_HOST_H_
#define LOCKSTEP_HOST_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

namespace lockstep {

enum class GpuKind { none, nvidia, wsl2, amd, intel };
enum class NodeKind { directory, file, character, socket, link };  // written dir, file, char, socket, link

struct HostEntry {
  std::string path;  // normalised
  NodeKind kind = NodeKind::directory;
  std::string target = {};  // of a link, as symlink(2) takes it; of a socket, its type (empty: stream)
};

struct Host {
  std::string file;  // where it was read from; empty for this machine
  GpuKind gpu = GpuKind::none;
  std::vector<std::string> gpu_nodes;  // /dev/nvidia<digits>, in numerical order
  // A GPU's memory is a NUMA node of the machine's, as on Grace Hopper: no device node says so.
  bool numa_coherent = false;
  bool real = false;
  // On a simulated host: all that exists. On a real one: which paths of the baseline exist, and which of those that
  // tell one platform from another. An entry without a kind is a character device below /dev (but /dev/shm, /dev/pts
  // and /dev/nvidia-caps are directories), else a directory.
  std::vector<HostEntry> present;
  std::vector<std::string> absent;  // listed as missing; wins over `present`
  std::optional<KernelLandlock> kernel;

  bool exists(std::string_view path) const;  // also true for the parents of what is present
};

std::string_view name(GpuKind gpu);
std::string_view name(NodeKind kind);

// This machine. Looks with stat(2) and listings of /dev; opens no device. Never fails: what cannot be seen is absent.
Host read_host();

// Where the text says "present": "real", `real` is set and `present` is empty; load_host() fills in what read_host()
// would find, and keeps what the file does say (gpu nodes listed, absent paths, a kernel).
Result<Host> decode_host(std::string_view text, const std::string& name);
Result<Host> load_host(const std::string& path);
void complete_from_machine(Host& host);
std::string host_to_json(const Host& host);  // lockstep.host/1, indented, with a final newline

// "/dev/nvidia0", "/dev/nvidia12"; not "/dev/nvidiactl".
bool is_gpu_node(std::string_view path);
// "/dev/dri/renderD128": of an AMD or Intel GPU.
bool is_render_node(std::string_view path);

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_H_
