// CDI: what a container runtime would give a workload for the devices it asks for, as paths for a policy.
//
//   LOCKSTEP_ASSIGN(CdiChoice choice, choose_cdi({"/etc/cdi"}, "0,2"));
//   choice.paths[0].path;                 // "/dev/nvidia0", from "/etc/cdi/nvidia.yaml:7"
//   context.cdi = choice;                 // enrich() adds them, with origin cdi
//
// Container Device Interface, up to 1.1: nodes, mounts and sockets of the chosen devices, and of the spec as a whole. YAML or JSON by
// the policies' own strict decoder, but for one thing: a field that is not known is a warning that names it, for specs come from newer
// tools. Hooks and environment are not for Landlock. Paths are the host's (hostPath where there is one): policies are enforced on
// the host's files. `permissions` of a node are a device controller's: r and w become opening for reading and writing, each with
// ioctl; absent means all; m alone opens nothing. A mount is read only, unless its options say rw; a socket, which is a mount as
// well, is for connecting to. What a spec does not say (procfs, sysfs, the control nodes) stays the baseline's business.
#ifndef LOCKSTEP_POLICY_CDI_H_
#define LOCKSTEP_POLICY_CDI_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "landlock/access.h"

namespace lockstep {

struct CdiPath {
  std::string path;    // normalised; never the root
  AccessSet access;    // never empty; read_write as every right
  std::string device;  // "nvidia.com/gpu=0"; the kind alone for what every device brings
  std::string spec;    // "FILE:LINE"
};

struct CdiChoice {
  std::vector<CdiPath> paths;         // sorted, one a path: rights joined where several name it
  std::vector<std::string> warnings;  // "FILE:LINE: ..."
};

// A path that would open every device (/, /dev) is an error.
//
// `places`: files, or directories whose *.yaml, *.yml and *.json are read in order (runtimes look in /etc/cdi and /var/run/cdi).
// `devices`: "all", or names separated by commas: a name of a spec ("0", "1:0", a UUID), or qualified, "nvidia.com/gpu=0". Fails (input)
// where a spec is malformed, a device is not there, or a name stands in two specs.
Result<CdiChoice> choose_cdi(const std::vector<std::string>& places, std::string_view devices);

// Without a spec: those of a host's GPU nodes that are chosen by number, or all.
Result<std::vector<std::string>> choose_nodes(const std::vector<std::string>& nodes, std::string_view devices);

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_CDI_H_
