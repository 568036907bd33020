// The case of a policy that a user brings: nothing is written down of it, so the model and the kernel stand alone.
#include "conformance/judge/case.h"

namespace lockstep::conformance::judge {

Result<Case> case_for_policy(const std::string& policy_file, const std::string& host_file,
                             const std::vector<std::string>& cdi, const std::string& gpu_devices,
                             const std::string& conflicts) {
  Case out;
  out.file = policy_file;
  out.own_policy = true;
  out.name = "policy:" + printable(policy_file);
  out.why = "a policy of the user's own";
  LOCKSTEP_ASSIGN(out.policy, load_policy(policy_file));
  if (host_file.empty()) {
    out.context.host = read_host();
  } else {
    LOCKSTEP_ASSIGN(out.context.host, load_host(host_file));
  }
  if (!cdi.empty() || !gpu_devices.empty()) LOCKSTEP_CHECK(choose_devices(cdi, gpu_devices, &out.context));
  if (!conflicts.empty()) {
    LOCKSTEP_ASSIGN(out.context.administrator_conflicts, load_conflicts(conflicts));
  }
  out.identities = {wire::IdentityKind::user, wire::IdentityKind::container_root};
  return out;
}

}  // namespace lockstep::conformance::judge
