#include "enforce/holder.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "base/fork.h"

namespace lockstep {
namespace {

void close_between(unsigned first, unsigned last) {
  if (first > last || ::syscall(SYS_close_range, first, last, 0) == 0) return;
  // Denied by a filter. Pins are entries of a procfs, so there is one to ask.
  DIR* open = ::opendir("/proc/self/fd");
  if (open == nullptr) return;
  std::vector<int> found;
  while (const dirent* entry = ::readdir(open)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != ::dirfd(open) && static_cast<unsigned>(fd) >= first &&
        static_cast<unsigned>(fd) <= last)
      found.push_back(fd);
  }
  ::closedir(open);
  for (int fd : found) ::close(fd);
}

// Whoever waits for the end of a pipe must not wait for us.
void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (int fd : kept) {
    if (fd > 0) close_between(next, static_cast<unsigned>(fd) - 1);
    next = static_cast<unsigned>(fd) + 1;
  }
  close_between(next, ~0U);
}

// False where a filter answers for the kernel: whoever goes on then takes a whole processor.
bool sleep_one_second() {
  const auto start = std::chrono::steady_clock::now();
  const timespec second{1, 0};
  return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &second, nullptr) == 0 &&
         std::chrono::steady_clock::now() - start >= std::chrono::seconds(1);
}

[[noreturn]] void hold(const std::vector<Pin>& pins, int pidfd, pid_t parent) {
  ::prctl(PR_SET_NAME, "lockstep-pins");
  ::prctl(PR_SET_DUMPABLE, 0);  // it has the policy in its memory
  ::setsid();
  std::vector<int> kept;
  for (const Pin& pin : pins) kept.push_back(pin.fd.get());
  if (pidfd >= 0) kept.push_back(pidfd);
  close_all_but(std::move(kept));
  if (::chdir("/") != 0) ::_exit(1);
  // Every signal is blocked, so nothing comes between: any other answer is a filter's, and would come again.
  pollfd ended{pidfd, POLLIN, 0};
  if (pidfd >= 0 && ::poll(&ended, 1, -1) == 1) ::_exit(0);
  // pidfd_open() or poll() is denied. The kernel has no other event: a signal at a parent's end would be denied
  // by the scope. 0: it is of another PID namespace.
  const pid_t seen = ::getppid();
  while ((seen == parent || seen == 0) && ::getppid() == seen && sleep_one_second()) {
  }
  ::_exit(0);
}

}  // namespace

Result<void> hold_pins(std::vector<Pin> pins) {
  const pid_t parent = ::getpid();
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, parent, 0)));
  if (!pidfd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) return system_error(errno, "pidfd_open()");
  sigset_t all, before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  // fork() without SIGCHLD: the command must not wait for a child that it did not make.
  const pid_t child = checked_child(::syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr), parent);
  const int err = errno;
  if (child == 0) hold(pins, pidfd.get(), parent);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = err;
  if (child < 0)
    return call_error(
        "a rule below /proc takes a second process, which keeps its entry open, and none can be made: "
        "clone()");
  return {};
}

}  // namespace lockstep
