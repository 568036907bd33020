// The only file that restricts.
#include "enforce/restrict.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>

#include "landlock/abi.h"
#include "landlock/kernel.h"
#include "landlock/uapi.h"

namespace lockstep {
namespace {

// By the links of the directory, which no earlier layer keeps us from reading: one for each thread, and two.
Result<unsigned long> count_threads() {
  struct stat st {};
  if (::stat("/proc/self/task", &st) != 0) {
    const int err = errno;
    // Where there is no /proc: this unshares nothing, and fails in a process with another thread.
    if (::unshare(CLONE_THREAD) == 0) return 1UL;
    return system_error(err, "stat(\"/proc/self/task\")");
  }
  if (st.st_nlink < 3) return internal_error("/proc/self/task does not say how many threads there are");
  return st.st_nlink - 2;
}

// Whether all threads are to be restricted by one call.
Result<bool> wants_all(const Prepared& prepared, const RestrictOptions& options, RestrictFlags known) {
  if (options.threads == Threads::calling) {
    if (!prepared.all_threads) return false;
    return input_error("", 0, "the policy restricts all threads, and the caller the calling one alone: take threads: all out, or ask for all");
  }
  const bool all = prepared.all_threads || options.threads == Threads::all;
  if (all && known.contains(RestrictFlag::tsync)) return true;
  LOCKSTEP_ASSIGN(const unsigned long threads, count_threads());
  if (threads == 1) return false;
  const std::string has = "this process has " + std::to_string(threads) + " threads";
  if (all) return unsupported_error(0, has + ", and this kernel restricts one alone (all from ABI 8 on): restrict it before it starts others");
  return input_error("", 0, has + ": say threads: all in the policy (ABI 8), or that the calling one alone is meant");
}

Error refused(int err, RestrictFlags flags) {
  Error error = system_error(err, "landlock_restrict_self(" + join(names(flags)) + ")");
  if (err == E2BIG)
    error.message = "this process is below " + std::to_string(most_layers) +
                    " layers of Landlock, and a kernel allows no more (" + error.message +
                    "): what runs it restricts itself too often";
  if (err == EPERM || err == ENOSYS) error.message += std::string(": ") + filter_answers;
  return error;
}

Result<void> restrict_thread(int ruleset_fd, RestrictFlags flags, RestrictFlags known) {
  // With log_subdomains_off the kernel takes -1 for a wish about the log alone, and restricts nothing.
  if (ruleset_fd < 0) return internal_error("restrict_self: there is no rule set");
  if (known.contains(RestrictFlag::no_new_privs)) {
    flags |= RestrictFlag::no_new_privs;
  } else if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return system_error(errno, "prctl(PR_SET_NO_NEW_PRIVS, 1)");
  }
  if (uapi::restrict_self(ruleset_fd, static_cast<std::uint32_t>(flags.bits())) != 0)
    return refused(errno, flags);
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
    return internal_error(std::string("no_new_privs is not set, and the kernel said that it is: ") +
                          filter_answers);
  return {};
}

// By the kernel's number and not by trial: a flag refused for another reason must not look like an old kernel.
Result<RestrictFlags> known_flags() {
  LOCKSTEP_ASSIGN(const KernelLandlock kernel, query_kernel());
  return abi_info(kernel.abi < newest_abi ? kernel.abi : newest_abi)->flags;
}

}  // namespace

Result<void> restrict_self(const Prepared& prepared, const RestrictOptions& options) {
  LOCKSTEP_ASSIGN(const RestrictFlags known, known_flags());
  LOCKSTEP_ASSIGN(const bool all, wants_all(prepared, options, known));
  return restrict_thread(prepared.ruleset.fd(), all ? prepared.log | RestrictFlag::tsync : prepared.log, known);
}

Result<void> restrict_self(int ruleset_fd, RestrictFlags log) {
  LOCKSTEP_ASSIGN(const RestrictFlags known, known_flags());
  return restrict_thread(ruleset_fd, log, known);
}

}  // namespace lockstep
