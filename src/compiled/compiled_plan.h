// CompiledPlan: what a policy comes to on one machine, as a file. `lockstep exec --plan` enforces it, and reads neither
// the policy nor the machine again.
//
//   LOCKSTEP_ASSIGN(const std::string text, encode(compiled));                         // lockstep show --format plan
//   LOCKSTEP_ASSIGN(const CompiledPlan compiled, decode_compiled_plan(text, "p.plan"));
//
// Frozen when it is made: the policy's text, the ABI, what CONTEXT said (GPU, proxy, source, workdir, conflicts, CDI
// specs), and which paths of the baseline existed. Not frozen: what stands at a path, and whom run_as_user names. Both
// are looked up when the command starts, as under the policy itself. So a plan is bound:
//   - to its ABI: exec refuses it on a kernel of another (a right that the plan does not know would be free), unless
//     --abi names it;
//   - to its baseline: a path of it that is no longer there says that the machine is another one, and exec refuses.
// The same policy on the same machine gives the same bytes: cmp(1) says whether a plan is still what its policy says.
//
// The file: "lockstep.plan/1" and a line feed, the number of the bytes that follow the next, their checksum, and they
// themselves: the fields of plan_fields.h. The checksum finds what was cut, damaged or edited by accident. It is no
// signature: who may write a plan decides what it says, as with a policy.
#ifndef LOCKSTEP_COMPILED_COMPILED_PLAN_H_
#define LOCKSTEP_COMPILED_COMPILED_PLAN_H_

#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/plan.h>

namespace lockstep {

struct CompiledPlan {
  std::string policy;  // the name of the policy's file, for messages
  std::string run_as_user;
  std::string run_as_group;
  std::vector<Notice> notices;  // of the policy and of what was added to it
  std::vector<Plan> layers;     // to be stacked in this order; today exactly one
};

inline constexpr std::size_t compiled_plan_size_limit = 16U << 20;

// Fails (input) for what no reader would take: more rules than a plan may have, say.
Result<std::string> encode(const CompiledPlan& compiled);
// `name` is the file's, for errors, which say at which byte. Nothing is taken that encode() would not write.
Result<CompiledPlan> decode_compiled_plan(std::string_view bytes, const std::string& name);

}  // namespace lockstep

#endif  // LOCKSTEP_COMPILED_COMPILED_PLAN_H_
