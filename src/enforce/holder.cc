#include "enforce/holder.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <span>

#include "base/descriptors.h"

namespace lockstep {
namespace {

// Of the holder there are system calls alone: it is a copy of a process whose other threads may have held a lock of
// malloc()'s, and nobody is there to give it back.

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// False where a filter answers for the kernel: whoever goes on then takes a whole processor.
bool sleep_one_second() {
  const std::int64_t start = now_ms();
  const timespec second{1, 0};
  return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &second, nullptr) == 0 && now_ms() - start >= 999;
}

// Whether we are told to end. Its end alone means nothing: whom we hold for has executed a program.
bool told_to_end(int control) {
  char byte = 0;
  return ::recv(control, &byte, 1, MSG_DONTWAIT) == 1;
}

// Every signal is blocked, so nothing comes between: an error is a filter's, and would come again.
void wait_by_poll(int pidfd, int control) {
  pollfd ended[] = {{pidfd, POLLIN, 0}, {control, POLLIN, 0}};
  while (::poll(ended, 2, -1) > 0) {
    if (ended[0].revents != 0 || told_to_end(control)) ::_exit(0);
    if (ended[1].revents == 0) return;
    ended[1].fd = -1;
  }
}

[[noreturn]] void hold(std::span<int> kept, int pidfd, int control, pid_t parent) {
  ::prctl(PR_SET_NAME, "lockstep-pins");
  ::prctl(PR_SET_DUMPABLE, 0);  // it has the policy in its memory
  ::setsid();
  if (!close_all_but(kept)) ::_exit(1);  // whoever waits for the end of a pipe must not wait for us
  if (::chdir("/") != 0) ::_exit(1);
  if (::send(control, "h", 1, MSG_NOSIGNAL) != 1) ::_exit(1);
  if (pidfd >= 0) wait_by_poll(pidfd, control);
  // pidfd_open() or poll() is denied. The kernel has no other event: a signal at a parent's end would be denied
  // by the scope. 0: it is of another PID namespace.
  const pid_t seen = ::getppid();
  while ((seen == parent || seen == 0) && ::getppid() == seen && !told_to_end(control) && sleep_one_second()) {
  }
  ::_exit(0);
}

}  // namespace

Result<void> Holder::wait_until_it_holds() const {
  if (char byte = 0; read_from_child(control_.get(), &byte, 1, pid_, unseen) == 1) return {};
  return internal_error("the process that is to keep the entries below /proc open ended before it held them");
}

void Holder::end() noexcept {
  if (!control_ || !is_this_process(owner_)) return;
  (void)::send(control_.get(), "e", 1, MSG_NOSIGNAL);
  control_.reset();
  (void)wait_for(pid_, nullptr, unseen);
}

Holder& Holder::operator=(Holder&& other) noexcept {
  if (this == &other) return *this;
  end();
  control_ = std::move(other.control_);
  pid_ = other.pid_;
  owner_ = other.owner_;
  return *this;
}

Result<Holder> start_holder(std::vector<Pin> pins) {
  const ProcessMark parent = this_process();
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, parent.pid, 0)));
  if (!pidfd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) return system_error(errno, "pidfd_open()");
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return system_error(errno, "socketpair()");
  UniqueFd ours(ends[0]), its(ends[1]);
  std::vector<int> kept = {its.get()};
  for (const Pin& pin : pins) kept.push_back(pin.fd.get());
  if (pidfd) kept.push_back(pidfd.get());
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = clone_process(0);  // the command must not wait for a child that it did not make
  const int err = errno;
  if (child == 0) hold(kept, pidfd.get(), its.get(), parent.pid);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = err;
  if (child < 0)
    return call_error(
        "a rule below /proc takes a second process, which keeps its entry open, and none can be made: "
        "clone()");
  return Holder(std::move(ours), child);
}

}  // namespace lockstep
