#include "sandbox/opened_policy.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "enforce/canary.h"
#include "enforce/privilege.h"
#include "enforce/restrict.h"
#include "landlock/ladder.h"

namespace lockstep {
namespace {

// All the groups that it is in.
std::vector<gid_t> groups_of(const Identity& identity) {
  std::vector<gid_t> groups = identity.groups;
  groups.push_back(identity.gid);
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

bool is_the_same(const Identity& one, const Identity& other) {
  return one.uid == other.uid && one.gid == other.gid && groups_of(one) == groups_of(other);
}

// "1000:1000", with the groups where those are what differs.
std::string ids(const Identity& identity, bool with_groups) {
  std::string out = std::to_string(identity.uid) + ":" + std::to_string(identity.gid);
  if (!with_groups) return out;
  out += " with the groups";
  for (const gid_t each : groups_of(identity)) out += " " + std::to_string(each);
  return out;
}

// Looked up before the restriction, which may close what names are looked up in. Nothing: stay who we are.
Result<std::optional<Identity>> wanted_identity(const EffectivePolicy& effective, const SandboxOptions& options,
                                                const std::optional<Identity>& given) {
  const bool asked = !effective.run_as_user.empty() || !effective.run_as_group.empty();
  if (!asked || options.kept_identity == KeptIdentity::allowed) return given;
  LOCKSTEP_ASSIGN(Identity identity, lookup_identity(effective.run_as_user, effective.run_as_group));
  if (identity.uid == 0) {
    LOCKSTEP_ASSIGN(identity.keep, permitted_capabilities());
    if (given) identity.keep &= given->keep;
  }
  // Who is that user already keeps the groups it has now, which the machine's list may lack.
  if (::geteuid() != 0 && identity.uid == ::geteuid() && identity.gid == ::getegid())
    identity.groups = current_groups();
  if (given && !is_the_same(*given, identity)) {
    const bool groups = given->uid == identity.uid && given->gid == identity.gid;
    return input_error(effective.file, 0,
                       "process.run_as_user and run_as_group are " + ids(identity, groups) +
                           ", and the caller asks for " + ids(*given, groups) +
                           ": take one of the two out, or say KeptIdentity::allowed");
  }
  return std::optional<Identity>(std::move(identity));
}

// By what the caller asks for and the kernel says, which is proved before the restriction: that takes no_new_privs.
Result<int> abi_to_plan_for(const KernelLandlock& kernel, const std::optional<OlderAbi>& older) {
  if (!older) return std::min(kernel.abi, newest_abi);
  if (older->abi > kernel.abi)
    return unsupported_error(
        0, "ABI " + std::to_string(older->abi) + " is asked for: this kernel has ABI " + std::to_string(kernel.abi));
  return older->abi;
}

// A plan of an older ABI leaves free what it does not know.
Result<void> check_abi(const Plan& compiled, int abi) {
  if (compiled.abi == abi) return {};
  const std::string of = std::to_string(compiled.abi);
  return unsupported_error(0, "the plan of " + printable(compiled.file) + " was compiled for ABI " + of + ", and ABI " +
                                  std::to_string(abi) +
                                  " is to be enforced: compile it anew on this kernel, or ask for ABI " + of);
}

// What was added to a policy existed when its plan was compiled. Where it does not, more may have been added than would
// be now: what a machine without a GPU is to allow is less.
Result<void> check_baseline(const Plan& compiled, const Prepared& prepared) {
  for (const SkippedPath& each : prepared.skipped) {
    if (each.origin == Origin::policy) continue;
    return input_error(compiled.file, each.line,
                       printable(each.path) + " was added to the policy when its plan was compiled, and cannot be " +
                           "opened any more (" + each.reason + "): compile it anew on this machine");
  }
  return {};
}

// What the caller let be weaker, as far as it is: each is said.
void note_weakening(const SandboxOptions& options, OpenedPolicy& out) {
  const EffectivePolicy& effective = out.effective;
  const bool keeps_identity = options.kept_identity == KeptIdentity::allowed &&
                              (!effective.run_as_user.empty() || !effective.run_as_group.empty());
  const bool frees_threads = options.free_threads == FreeThreads::allowed && !out.all_threads;
  if (keeps_identity)
    out.notices.push_back({Notice::Level::warning, "identity-kept", "",
                           "process.run_as_user and run_as_group are not acted on: the caller keeps its identity"});
  if (frees_threads)
    out.notices.push_back({Notice::Level::warning, "threads-free", "",
                           "threads that run already are not restricted: the caller lets them be free"});
  const bool full = out.enforcement.dropped.empty() && !keeps_identity && !frees_threads &&
                    out.plan.abi == std::min(out.kernel->abi, newest_abi);
  out.enforcement.level = full ? Enforcement::Level::full : Enforcement::Level::partial;
}

Result<void> restrict(OpenedPolicy& opened, Pins keeper) {
  Prepared& prepared = *opened.prepared;
  std::vector<Pin>& pins = prepared.pins;
  if (!pins.empty() && !is_this_process(opened.opener))
    return input_error(opened.effective.file, 0,
                       printable(pins[0].path) +
                           " is an entry of procfs, opened by another process than the one that restricts itself: open "
                           "the policy there, or spawn()");
  // The ladder's questions need it.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error(errno, "prctl(PR_SET_NO_NEW_PRIVS, 1)");
  const bool holds = keeper == Pins::in_a_process_beside && !pins.empty();
  if (holds) {  // it makes itself ready while this process goes on
    LOCKSTEP_ASSIGN(opened.holder, start_holder(std::move(pins)));
  }
  LOCKSTEP_CHECK(check_ladder(*opened.kernel));
  RestrictOptions options;
  if (opened.free_threads == FreeThreads::allowed) options.threads = Threads::calling;
  if (opened.all_threads) options.threads = Threads::all;
  // Proved as who we are now: after a change of identity nobody may look into this process, and the proof would have to
  // allow it for a moment.
  Canary canary;
  LOCKSTEP_CHECK(canary.set(prepared));
  LOCKSTEP_CHECK(restrict_self(prepared, options));
  LOCKSTEP_CHECK(canary.prove());
  if (holds) LOCKSTEP_CHECK(opened.holder.wait_until_it_holds());
  if (keeper == Pins::in_this_process)
    for (Pin& pin : pins)
      (void)pin.fd.release();  // the restriction stays as long as the process does, and so must they
  pins.clear();
  return {};
}

}  // namespace

Result<OpenedPolicy> plan_policy(EffectivePolicy effective, const SandboxOptions& options,
                                 const std::optional<Identity>& identity, std::optional<Plan> compiled) {
  OpenedPolicy out;
  out.effective = std::move(effective);
  out.all_threads = options.all_threads;
  out.free_threads = options.free_threads;
  out.notices = notices(out.effective);
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok() && options.unsandboxed != Unsandboxed::allowed) return kernel.error();
  LOCKSTEP_ASSIGN(out.identity, wanted_identity(out.effective, options, identity));
  if (!kernel.ok()) {
    out.notices.push_back(
        {Notice::Level::warning, "unsandboxed", "", "NOTHING IS RESTRICTED: " + kernel.error().message});
    return out;
  }
  out.kernel = *kernel;
  LOCKSTEP_ASSIGN(const int abi, abi_to_plan_for(*kernel, options.older_abi));
  out.was_compiled = compiled.has_value();
  if (compiled) {
    LOCKSTEP_CHECK(check_abi(*compiled, abi));
    out.plan = std::move(*compiled);
  } else {
    LOCKSTEP_ASSIGN(out.plan, compile(out.effective, abi));
  }
  const std::vector<Notice> of_plan = notices(out.plan);
  out.notices.insert(out.notices.end(), of_plan.begin(), of_plan.end());
  out.enforcement.abi = abi;
  out.enforcement.dropped = out.plan.dropped;
  note_weakening(options, out);
  return out;
}

Result<void> open_paths(OpenedPolicy& opened) {
  if (!opened.kernel) return {};
  Result<Prepared> opens = prepare(opened.plan, {});
  if (!opens.ok()) {
    LOCKSTEP_CHECK(check_ladder(*opened.kernel));  // a version that is not true is why, and says more
    return std::move(opens).error();
  }
  opened.prepared = std::move(opens).value();
  const Prepared& prepared = *opened.prepared;
  if (opened.was_compiled) LOCKSTEP_CHECK(check_baseline(opened.plan, prepared));
  opened.notices.insert(opened.notices.end(), prepared.notices.begin(), prepared.notices.end());
  opened.enforcement.skipped = prepared.skipped;
  for (const Pin& pin : prepared.pins) opened.enforcement.pinned.push_back(pin.path);
  if (!prepared.pins.empty()) opened.opener = this_process();  // who asks who that is takes a page of memory
  return {};
}

Result<Enforcement> enforce(OpenedPolicy& opened, Pins pins) {
  if (pins != Pins::in_this_process && pins != Pins::in_a_process_beside)
    return input_error("", 0, "restrict_self(): who keeps the pins is neither of the two");
  if (opened.used) return input_error("", 0, "restrict_self() was called before: a sandbox restricts once");
  opened.used = true;
  if (opened.prepared) LOCKSTEP_CHECK(restrict(opened, pins));
  if (opened.identity) LOCKSTEP_CHECK(drop_privileges(*opened.identity));
  return opened.enforcement;
}

}  // namespace lockstep
