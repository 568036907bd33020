// Who stopped a step, and what to do: a pure function of what was seen. Nothing that was denied is tried again.
//
//   Finding found = attribute(evidence);
//   found.layers == {Layer::landlock};  found.remedy == "filesystem_policy.read_write: [/dev/nvidia0]"
//
// Where the evidence fits several layers alike, the finding names them all; where it fits none, it says unknown. `by`
// says what the finding rests on: "audit" is the kernel's own record, "model" is what the policy says, "errno and stat"
// is the rest.
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_LAYERS_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_LAYERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/host.h>

#include "operation/operation.h"

namespace lockstep::conformance::doctor {

enum class Layer : std::uint8_t {
  landlock,        // the policy on trial
  outer_landlock,  // a restriction that was around us before
  permissions,     // owner, mode, ACL: discretionary access control
  read_only_mount,
  nodev_mount,
  seccomp,
  device_cgroup,  // the device controller of a container
  missing_path,
  security_module,  // another one: AppArmor, SELinux
  capability,
  driver,  // the driver itself answered so
  unknown,
};
std::string_view name(Layer layer);  // "landlock", "outer-landlock", "permissions", ...

// What the row's identity sees of a path without the restriction. The denied operation is not tried again: examine.h.
struct PathFacts {
  std::string path;
  int err = 0;  // errno of stat(); then `culprit` is what is missing, or the directory that may not be searched
  std::string culprit;
  char kind = '?';  // c, b, d, s, f
  unsigned mode = 0, uid = 0, gid = 0;
  unsigned major = 0, minor = 0;  // of a device
  bool mode_allows = true;        // by mode, owner, groups and capabilities alone
  bool has_acl = false;
  int access = 0;                         // errno of access() for what the step wants
  bool read_only = false, nodev = false;  // of its mount
  std::string mount_point, mount_type;
};

// A line of /proc/devices.
struct DriverNumber {
  std::string name;
  unsigned major = 0;
};

// What confines every process here.
struct Surroundings {
  std::optional<int> outer_layers;  // of Landlock; absent: not known
  int seccomp = 0;                  // 2: a filter
  std::string confined_by;          // the label of another security module
  bool container = false;           // marks of one were seen
  bool first_user_namespace = true;
  GpuKind gpu = GpuKind::none;
  std::vector<DriverNumber> numbers = {};  // of character devices
};

// A record of the kernel's: which right was missing, on which object.
struct DenialRecord {
  std::string blockers;  // "fs.write_file"
  std::string path;
};

struct Evidence {
  std::string step;
  Operation operation = Operation::open_r;
  std::string path;
  int control = 0, observed = 0;  // errnos without the policy and under it
  std::uint64_t failed_step = 0;  // of the operation: an ioctl's second is the ioctl itself
  AccessSet missing;              // by the model
  std::string decided;            // the model's words, with the rule that came nearest
  PathFacts facts;                // meaningful where the control failed
  bool same_call_worked = false;  // without the policy, the same operation on another path
  std::optional<DenialRecord> record;
  Surroundings around;
};

struct Finding {
  std::vector<Layer> layers;  // never empty
  std::string sentence;       // who, and why it is known
  std::string remedy;         // a line of the policy, or a command; empty where there is none to name
  std::string by;
};

Finding attribute(const Evidence& evidence);

// A line of a policy that grants the rights on the path. For an entry of procfs it grants them on /proc.
std::string policy_line(const std::string& path, AccessSet missing, bool device);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_LAYERS_H_
