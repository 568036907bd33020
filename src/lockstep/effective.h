// EffectivePolicy: the policy after the runtime's baseline was added and the conflicts were settled; and enrich(), the
// one way to get there, whoever supplied the policy.
//
//   Context context{.host = host, .source = Source::user};
//   LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(policy, context));
//   for (const EffectiveRule& rule : effective.rules) ...      // sorted by path; each says where it came from and why
//
// Nothing is allowed at run time that is not a rule here. Paths are spellings, not objects: two names of one object are
// found when a sandbox is opened (lockstep/sandbox.h). Enriching as_policy(effective) under the same context changes
// nothing.
#ifndef LOCKSTEP_EFFECTIVE_H_
#define LOCKSTEP_EFFECTIVE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/context.h>
#include <lockstep/error.h>
#include <lockstep/policy.h>

namespace lockstep {

enum class Origin { policy, workdir, proxy_baseline, gpu_baseline, gpu_device, cdi };
enum class Access { read_only, read_write, grant };

struct EffectiveRule {
  std::string path;  // normalised
  Access access = Access::read_only;
  AccessSet granted;  // of a grant; empty for the lists, whose rights depend on the ABI
  Origin origin = Origin::policy;
  std::string reason;
  std::optional<Access> promoted_from;
  int line = 0;  // in the policy file; 0 where the author did not write it
  bool quiet = false;
  std::string spec = {};  // of origin cdi: "FILE:LINE" in the CDI spec
  AccessSet added = {};   // of a promotion: the rights it adds to those of the author's own rules, at the newest ABI
  // The rights this rule asks for on a directory at an ABI whose rights are `all`.
  AccessSet rights(AccessSet all) const;
};

struct SkippedPath {
  std::string path;
  Origin origin = Origin::policy;
  std::string reason;
  int line = 0;
};

// Something done that the author did not ask for (info), or that will hurt (warning). `code` is stable: proc-promoted,
// promoted, baseline-kept, both-lists, policy-warning, promotion-adds, right-dropped, procfs-pinned, procfs-unpinned,
// same-object, path-skipped, unsandboxed, ...
struct Notice {
  enum class Level { info, warning };
  Level level = Level::info;
  std::string code;
  std::string path;  // may be empty
  std::string message;
};

struct EffectivePolicy {
  std::string file;
  Source source = Source::user;
  Compatibility compatibility = Compatibility::best_effort;
  int min_abi = 2;
  bool include_workdir = false;
  bool gpu = false;    // the GPU baseline was applied
  bool proxy = false;  // the proxy baseline was applied
  std::string run_as_user;
  std::string run_as_group;
  Restrictions restrictions;
  // How many network_policies and network_middlewares there are. What they say is not here, and so in no output and no
  // snapshot: it may be secret, and even a digest of a short secret can be guessed.
  std::string network;
  std::vector<EffectiveRule> rules;  // sorted by path, lists before grants; a path stands in one list at most
  std::vector<SkippedPath> skipped;
  std::vector<Notice> notices;
  std::vector<PolicyWarning> warnings;  // the policy's own, and those of enriching it

  std::vector<std::string> read_only() const;   // sorted
  std::vector<std::string> read_write() const;  // sorted
};

// Fails (input) where a conflict is rejected, and where the workdir is unusable.
Result<EffectivePolicy> enrich(const Policy& policy, const Context& context);

// All that is to be said of it: its warnings and its notices.
std::vector<Notice> notices(const EffectivePolicy& effective);

// The effective policy written as a policy again, complete: lists, grants, compatibility, min_abi.
Policy as_policy(const EffectivePolicy& effective);

// Every path the baselines can add, but for /dev/nvidia<digits>: what a host is asked about.
std::vector<std::string_view> baseline_paths();
// What is read of sysfs and no CDI spec names: added where one is in use.
std::vector<std::string_view> cdi_baseline_paths();

std::string_view name(Origin origin);  // policy, workdir, proxy-baseline, gpu-baseline, gpu-device, cdi
std::optional<Origin> origin_from_name(std::string_view name);
std::string_view name(Access access);  // read_only, read_write, grant
std::string_view name(Notice::Level level);

}  // namespace lockstep

#endif  // LOCKSTEP_EFFECTIVE_H_
