#include "conformance/harness/ending.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include "base/fork.h"
#include "base/unique_fd.h"

namespace lockstep::conformance::harness {
namespace {

using Clock = std::chrono::steady_clock;
constexpr long longest_nap_ms = 100;  // where the signal may have gone to another thread

long left_until(Clock::time_point deadline) {
  return std::max<long>(0, std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count());
}

UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

Clock::time_point in(int milliseconds) {
  return Clock::now() + std::chrono::milliseconds(std::max(0, milliseconds));
}

// Waits for news of a child, for a moment. False where a filter answers every call that waits.
bool nap(long milliseconds) {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  const timespec time{milliseconds / 1000, milliseconds % 1000 * 1000000};
  if (::sigtimedwait(&child, nullptr, &time) == SIGCHLD || errno == EAGAIN || errno == EINTR) return true;
  return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr) == 0;
}

// False at the deadline, or where nothing can be waited for.
bool ends_by(pid_t pid, const UniqueFd& pidfd, Clock::time_point deadline) {
  bool polled = false;
  while (state_of_child(pid) == ChildState::alive) {
    const long left = left_until(deadline);
    if (left == 0) return false;
    pollfd wait{pidfd.get(), POLLIN, 0};
    // Once: what a filter says at once, and waitid() does not bear out, it would say again.
    if (!polled && pidfd) {
      polled = true;
      ::poll(&wait, 1, static_cast<int>(std::min<long>(left, 60000)));
      continue;
    }
    sigset_t child, before;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::pthread_sigmask(SIG_BLOCK, &child, &before);
    // Blocked before it is looked at once more: an end in between leaves its signal pending.
    const bool waited = state_of_child(pid) != ChildState::alive || nap(std::min(left, longest_nap_ms));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!waited) return false;
  }
  return true;
}

std::vector<pid_t>& given_up() {
  static std::vector<pid_t> pids;
  return pids;
}

}  // namespace

bool is_given_up(pid_t pid) {
  return std::find(given_up().begin(), given_up().end(), pid) != given_up().end();
}

ChildState state_of_child(pid_t pid) {
  if (pid <= 0) return ChildState::not_ours;
  siginfo_t info{};
  // It does not wait, so nothing interrupts it: EINTR is a filter's, and would come again.
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0)
    return ChildState::not_ours;
  return info.si_pid == pid ? ChildState::ended : ChildState::alive;
}

bool ends_within(pid_t pid, int timeout_ms) {
  return ends_by(pid, open_pidfd(pid), in(timeout_ms));
}

Ending await_end(pid_t pid, int timeout_ms, const EndingOptions& options) {
  Ending out;
  if (pid <= 1) return out;  // whatever else is believed: 0 is our own group, -1 is everybody
  const ChildState state = state_of_child(pid);
  if (state == ChildState::not_ours || (state == ChildState::alive && is_given_up(pid))) return out;
  const UniqueFd pidfd = open_pidfd(pid);
  out.in_time = ends_by(pid, pidfd, in(timeout_ms));
  // Not reaped yet, so its number is its own, and no other group's.
  if (options.whole_group) ::kill(-pid, SIGKILL);
  if (!out.in_time) ::kill(pid, SIGKILL);
  if (!out.in_time && !ends_by(pid, pidfd, in(options.after_kill_ms))) {
    given_up().push_back(pid);
    return out;
  }
  out.reaped = ::waitpid(pid, &out.status, WNOHANG | __WALL) == pid;
  given_up().erase(std::remove(given_up().begin(), given_up().end(), pid), given_up().end());
  return out;
}

Result<void> check_waitid() {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(::getpid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0) errno = EPROTO;
  return errno == ECHILD ? Result<void>() : call_error("waitid()");
}

void keep_ended_children() {
  ::signal(SIGCHLD, SIG_DFL);  // which clears SA_NOCLDWAIT as well
}

}  // namespace lockstep::conformance::harness
