// CdiSpec: one valid CDI spec as it is written, before anyone asks what its paths are on a host.
//
//   Result<CdiSpec> spec = read_cdi_spec(text, "/etc/cdi/nvidia.yaml");
//   spec->devices[0].edits.nodes[0].path;       // "/dev/nvidia0", as the container has it
//
// Valid is what both SPEC.md and the runtimes' library take: released versions, fields no newer than the version,
// names, types, permissions, devices with edits of some kind. Anything else is an error with file and line: no runtime
// reads such a spec. Environment, network devices and ids are checked and not kept.
#ifndef LOCKSTEP_HOST_CDI_SPEC_H_
#define LOCKSTEP_HOST_CDI_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>

namespace lockstep {

struct CdiDeviceNode {
  std::string path;       // in the container
  std::string host_path;  // empty: `path`
  std::string type;       // "", b, c, u, p
  std::int64_t major = 0, minor = 0;
  std::string permissions;  // letters of rwm; "" is all of them; "none"
  int line = 0;
};

struct CdiMount {
  std::string host_path;
  std::string container_path;
  std::string type;
  std::vector<std::string> options;
  int line = 0;
};

struct CdiHook {
  std::string name;
  std::string path;
  int line = 0;
};

struct CdiEdits {
  std::vector<CdiDeviceNode> nodes;
  std::vector<CdiMount> mounts;
  std::vector<CdiHook> hooks;
  bool others = false;  // environment, network devices, groups, resource control

  bool empty() const { return nodes.empty() && mounts.empty() && hooks.empty() && !others; }
};

struct CdiDevice {
  std::string name;
  CdiEdits edits;
};

struct CdiSpec {
  std::string file;
  std::string kind;  // "nvidia.com/gpu"
  CdiEdits edits;    // what any device of it brings
  std::vector<CdiDevice> devices;
  std::vector<std::string> warnings;  // "FILE:LINE: ...": what is read otherwise than it looks
};

Result<CdiSpec> read_cdi_spec(std::string_view text, const std::string& file);

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CDI_SPEC_H_
