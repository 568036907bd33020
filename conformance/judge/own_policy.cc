// The case of a policy that a user brings: nothing is written down of it, so the model and the kernel stand alone.
#include "conformance/judge/case.h"
#include "host/context_flags.h"

namespace lockstep::conformance::judge {

Result<Case> case_for_policy(const std::string& policy_file, const ContextFlags& flags) {
  Case out;
  out.file = policy_file;
  out.own_policy = true;
  out.name = "policy:" + printable(policy_file);
  out.why = "a policy of the user's own";
  LOCKSTEP_ASSIGN(out.policy, load_policy(policy_file));
  LOCKSTEP_ASSIGN(out.context, make_context(flags));
  out.identities = {wire::IdentityKind::user, wire::IdentityKind::container_root};
  return out;
}

}  // namespace lockstep::conformance::judge
