// Context: what decides, beside the policy, what is added to it.
//
//   Context context = this_machine();
//   LOCKSTEP_CHECK(choose_devices({"/etc/cdi", "/var/run/cdi"}, "0,2", &context));      // some of its GPUs
//   LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(policy, context));
#ifndef LOCKSTEP_CONTEXT_H_
#define LOCKSTEP_CONTEXT_H_

#include <optional>
#include <string>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/host.h>
#include <lockstep/policy.h>

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
  bool nvidia = false;  // nodes of NVIDIA's drivers (or WSL's) are among what is chosen: their baseline comes with them
};

enum class Toggle { automatic, on, off };

struct Context {
  Host host;
  Toggle gpu = Toggle::automatic;    // /dev/nvidiactl or /dev/dxg is on the host; by what was chosen where `cdi` is set
  Toggle proxy = Toggle::automatic;  // network_policies is not empty
  Source source = Source::user;
  std::optional<std::string> workdir;                 // for include_workdir; absolute, not the root
  std::vector<ConflictRule> administrator_conflicts;  // come first; their reject is final
  std::optional<CdiChoice> cdi;  // in place of every /dev/nvidia<digits> of the host; choose_devices() sets it
};

// This machine, with nothing chosen: what read_host() found.
Context this_machine();

// Which of a host's devices a workload gets. Sets context.cdi from specs (directories or files). Where there are no specs
// it narrows the host's GPU nodes. `devices` "" means all. What stands at the paths of specs is looked up on this
// machine, or in the simulated host.
Result<void> choose_devices(const std::vector<std::string>& specs, const std::string& devices, Context* context);

}  // namespace lockstep

#endif  // LOCKSTEP_CONTEXT_H_
