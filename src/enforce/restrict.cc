// The only file that restricts.
#include "enforce/restrict.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "landlock/ladder.h"
#include "landlock/uapi.h"

namespace lockstep {
namespace {

constexpr long procfs_magic = 0x9fa0;
constexpr int most_askings = 200;  // a millisecond apart: what a process with other threads waits for its refusal

// The kernel itself says whether there are others: this unshares nothing, and fails in a process with another thread.
// Where a filter denies the question, by the links of a directory of procfs, which no earlier layer keeps us from
// reading: one for each thread, and two. 0: several.
Result<unsigned long> count_threads() {
  const bool alone = ::unshare(CLONE_THREAD) == 0;
  if (alone) return 1UL;
  const bool asked = errno == EINVAL;
  struct statfs fs {};
  struct stat st {};
  const bool known = ::statfs("/proc/self/task", &fs) == 0 && fs.f_type == procfs_magic &&
                     ::stat("/proc/self/task", &st) == 0 && st.st_nlink >= 3;
  if (known) return st.st_nlink - 2;
  if (asked) return 0UL;
  return unsupported_error(
      0, "nobody says how many threads this process has: unshare(CLONE_THREAD) is denied, and /proc is none");
}

// Whether all threads are to be restricted by one call.
Result<bool> wants_all(const Prepared& prepared, const RestrictOptions& options, RestrictFlags known) {
  if (options.threads == Threads::calling) {
    if (!prepared.all_threads) return false;
    return input_error("", 0,
                       "the policy restricts all threads, and the caller the calling one alone: take threads: all out, "
                       "or ask for all");
  }
  const bool all = prepared.all_threads || options.threads == Threads::all;
  if (all && known.contains(RestrictFlag::tsync)) return true;
  LOCKSTEP_ASSIGN(unsigned long threads, count_threads());
  // A thread that was joined is still counted for a moment: 54 of 20,000 were, on a busy machine. Nothing tells of its
  // end, so it is asked again.
  for (int i = 0; i < most_askings && threads != 1; ++i) {
    ::usleep(1000);
    LOCKSTEP_ASSIGN(threads, count_threads());
  }
  if (threads == 1) return false;
  const std::string has = "this process has " + (threads == 0 ? "several" : std::to_string(threads)) + " threads";
  if (all)
    return unsupported_error(
        0, has + ", and this kernel restricts one alone (all from ABI 8 on): restrict it before it starts others");
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
  if (uapi::restrict_self(ruleset_fd, static_cast<std::uint32_t>(flags.bits())) != 0) return refused(errno, flags);
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
    return internal_error(std::string("no_new_privs is not set, and the kernel said that it is: ") + filter_answers);
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
