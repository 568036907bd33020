// CDI: what a container runtime would give a workload for the devices it asks for, as paths for a policy.
//
//   LOCKSTEP_ASSIGN(CdiChoice choice, choose_cdi({"/etc/cdi", "/var/run/cdi"}, "0,2", host));
//   choice.paths[0].path;                 // "/dev/nvidia0", from "/etc/cdi/nvidia.yaml:7"
//   context.cdi = choice;                 // enrich() adds them, with origin cdi
//
// Container Device Interface, 0.3 to 1.1. Specs are read as runtimes read them (cdi_stack.h, cdi_spec.h), and become
// what a container would get (cdi_container.h). Where no container would start, that is an error, never a wider answer.
// Paths are the host's, because policies are enforced on the host's files. What a spec does not say (procfs, sysfs, the
// control nodes) comes from the baseline.
#ifndef LOCKSTEP_HOST_CDI_H_
#define LOCKSTEP_HOST_CDI_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/context.h>
#include <lockstep/error.h>

namespace lockstep {

// What stands at a path of the host.
struct CdiObject {
  enum class Kind { missing, character, block, fifo, socket, directory, file, link };
  Kind kind = Kind::missing;
  bool numbered = false;  // a device whose numbers are known
  unsigned major = 0, minor = 0;
  bool has_every_device = false;  // the root or /dev, by whatever name
};

struct CdiHost {
  std::function<CdiObject(const std::string& path, bool follow)> look;  // `follow`: through a link at the end
  // The device nodes in a directory, at any depth. Nothing: there is too much below it to look at.
  std::function<std::optional<std::vector<std::string>>(const std::string& path)> devices_below;
  bool complete = false;  // programs of hooks can be looked up too: on a machine, not in a simulation
};

// `places`: directories, the later over the earlier, or files. `devices`: "all", or names separated by commas. A name
// is that of a spec ("0", "1:0", a UUID) or qualified ("nvidia.com/gpu=0"). Fails (input) where a device cannot be had
// as asked.
Result<CdiChoice> choose_cdi(const std::vector<std::string>& places, std::string_view devices, const CdiHost& host);

// Where there is no spec: the host's GPU nodes that are chosen by number, or all of them.
Result<std::vector<std::string>> choose_nodes(const std::vector<std::string>& nodes, std::string_view devices);

// "/dev/nvidia0", "/dev/nvhost-gpu", "/dev/dxg": a node of NVIDIA's drivers or of WSL.
bool is_nvidia_node(std::string_view path);

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CDI_H_
