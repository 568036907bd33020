// The steps behind Sandbox and spawn(): the first two restrict nothing, the third is irreversible.
//
//   LOCKSTEP_ASSIGN(OpenedPolicy opened, plan_policy(effective, options, std::nullopt));   // for this kernel
//   LOCKSTEP_CHECK(open_paths(opened));                                     // in the process that is to be restricted
//   LOCKSTEP_ASSIGN(const Enforcement done, enforce(opened, Pins::in_this_process));
#ifndef LOCKSTEP_SANDBOX_OPENED_POLICY_H_
#define LOCKSTEP_SANDBOX_OPENED_POLICY_H_

#include <optional>
#include <vector>

#include <lockstep/kernel.h>
#include <lockstep/sandbox.h>

#include "base/fork.h"
#include "enforce/holder.h"
#include "enforce/prepare.h"

namespace lockstep {

struct OpenedPolicy {
  EffectivePolicy effective;
  bool all_threads = false;
  FreeThreads free_threads = FreeThreads::refused;
  std::optional<KernelLandlock> kernel;  // nothing: there is no Landlock, and Unsandboxed::allowed
  Plan plan;
  bool was_compiled = false;         // before, on a machine that was to be this one
  std::optional<Identity> identity;  // nothing: stay who we are
  Enforcement enforcement;           // what will be so once enforce() has done its work
  std::vector<Notice> notices;
  std::optional<Prepared> prepared;
  ProcessMark opener;
  Holder holder;  // of the pins, where a process beside has them: ends with this unless it is to stay
  bool used = false;
};

// `identity`: the caller's wish; the policy's word must not be another. `compiled`: what the policy came to when it was
// compiled, in place of compiling it; then its ABI must be the one to plan for, and its paths of the baseline must all
// be there.
Result<OpenedPolicy> plan_policy(EffectivePolicy effective, const SandboxOptions& options,
                                 const std::optional<Identity>& identity, std::optional<Plan> compiled = std::nullopt);
Result<void> open_paths(OpenedPolicy& opened);
Result<Enforcement> enforce(OpenedPolicy& opened, Pins pins);

}  // namespace lockstep

#endif  // LOCKSTEP_SANDBOX_OPENED_POLICY_H_
