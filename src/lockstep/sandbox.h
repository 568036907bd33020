// Sandbox: a policy opened on this machine, and the restriction of the process that opened it. All of embedding:
//
//   LOCKSTEP_ASSIGN(const Policy policy, load_policy("sandbox.yaml"));
//   LOCKSTEP_ASSIGN(Sandbox sandbox, Sandbox::open(policy, {this_machine()}));   // opened; nothing is restricted yet
//   for (const Notice& each : sandbox.notices()) log(each.message);
//   LOCKSTEP_ASSIGN(const Enforcement done, sandbox.restrict_self());            // once: it cannot be taken back
//   if (done.level != Enforcement::Level::full) ...                // the notices and done.dropped say what is missing
//
// A supervisor stays free, and restricts what it starts:
//
//   LOCKSTEP_ASSIGN(const Spawned child, spawn(policy, {"/usr/bin/worker"}, std::nullopt, {this_machine()}));
//
// It fails closed. What weakens is asked for by a word that can be searched for, `::allowed` or `OlderAbi`; there is no
// other way. The kernel is not believed unseen: restrict_self() asks it for what its ABI number promises, and proves
// that the restriction is there: a process that is not dumpable is so for a moment where that takes a second process.
// Where it returns an error, the process may be restricted in part or not at all.
//
// A rule on an entry of procfs (/proc/self/task) is lost when the kernel takes the entry back, unless something keeps
// it open. What does is a pin. restrict_self() leaves the pins with the process for as long as it lives, also when the
// Sandbox is gone.
#ifndef LOCKSTEP_SANDBOX_H_
#define LOCKSTEP_SANDBOX_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/context.h>
#include <lockstep/effective.h>
#include <lockstep/error.h>
#include <lockstep/plan.h>

namespace lockstep {

// This kernel has no Landlock: nothing is restricted, and a notice says so.
enum class Unsandboxed { refused, allowed };
// Threads that run already are not restricted. It does not overrule a policy that says `threads: all`.
enum class FreeThreads { refused, allowed };
// process.run_as_user and run_as_group are not acted on.
enum class KeptIdentity { refused, allowed };

// Enforce the policy as a kernel of that ABI would: newer rights are not restricted.
struct OlderAbi {
  int abi = newest_abi;
};

struct SandboxOptions {
  Context context;
  bool all_threads = false;  // restrict those that run already as well, as `threads: all` in the policy does: ABI 8
  Unsandboxed unsandboxed = Unsandboxed::refused;
  FreeThreads free_threads = FreeThreads::refused;
  KeptIdentity kept_identity = KeptIdentity::refused;
  std::optional<OlderAbi> older_abi = std::nullopt;
};

// Who keeps the pins: descriptors of this process, which are closed when it executes a program; or a process beside it,
// outside the restriction. No wait() of this process sees it; it ends when this process has ended, whatever that
// executed in between, and is then for process 1 or a subreaper to reap, as any orphan.
enum class Pins { in_this_process, in_a_process_beside };

struct [[nodiscard]] Enforcement {
  // none: with Unsandboxed::allowed alone; full: nothing was dropped, and nothing that weakens was asked for.
  enum class Level { none, partial, full };
  Level level = Level::none;
  int abi = 0;                       // the ABI enforced
  std::vector<Missing> dropped;      // what the policy relies on, and this ABI lacks
  std::vector<SkippedPath> skipped;  // could not be opened: nothing below it is granted
  std::vector<std::string> pinned;   // entries of procfs whose rules hold as long as they are kept open
};
std::string_view name(Enforcement::Level level);  // none, partial, full

struct OpenedPolicy;

class [[nodiscard]] Sandbox {
 public:
  // Opens every path of the policy, which needs the rights to. Entries below /proc/self are of the process that opens.
  static Result<Sandbox> open(const Policy& policy, const SandboxOptions& options);
  // The same of a policy that was enriched already. The options' context is not asked.
  static Result<Sandbox> open(EffectivePolicy effective, const SandboxOptions& options);
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;
  ~Sandbox();

  const EffectivePolicy& effective() const;  // empty where it was moved from, as are the other two
  const Plan& plan() const;                  // of ABI 0 and empty where nothing is to be restricted
  // Everything the caller should know, in the order found: of the policy, of the plan, of the paths.
  const std::vector<Notice>& notices() const;

  // Restricts the calling thread (or all: SandboxOptions) and what it starts, and then becomes process.run_as_user.
  // Once. Sets no_new_privs first, also where it fails.
  Result<Enforcement> restrict_self(Pins pins = Pins::in_this_process);

 private:
  explicit Sandbox(std::unique_ptr<OpenedPolicy> opened);
  std::unique_ptr<OpenedPolicy> opened_;
};

// Whom a restricted process becomes.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups = {};  // supplementary
  std::uint64_t keep =
      0;  // capabilities, bit N = capability N, of uid 0 alone; unless all, lost by executing a program
};
// From run_as_user and run_as_group (a name or a number each; an empty group is the user's own). Fails (input) for a
// name that the machine does not know.
Result<Identity> lookup_identity(const std::string& user, const std::string& group);

struct [[nodiscard]] Spawned {
  pid_t pid = -1;  // a child of the caller, to be waited for; it executes argv
  Enforcement enforcement;
  std::vector<Notice> notices;
};

// Starts argv (looked up in PATH where argv[0] has no slash) restricted by the policy, as `identity` or as the policy
// says. Where both say it and differ, also in the groups, it fails. A rule on /proc/self is the child's own, and a
// process beside the child keeps the pins. Descriptors, signals and environment are the caller's. Where anything fails,
// executing included, nothing is left behind: the child ends, also where it has no memory, and is reaped. It is forked,
// and allocates before it executes, as glibc allows.
Result<Spawned> spawn(const Policy& policy, const std::vector<std::string>& argv,
                      const std::optional<Identity>& identity, const SandboxOptions& options);

}  // namespace lockstep

#endif  // LOCKSTEP_SANDBOX_H_
