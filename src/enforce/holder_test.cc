// The process that keeps pins open, seen from the process that asked for it and from outside. In forked
// children.
#include "enforce/holder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "testing/seccomp.h"

namespace lockstep {
namespace {

std::vector<Pin> pins() {
  std::vector<Pin> out;
  out.push_back({"/proc/self/task", UniqueFd(::open("/proc/self/task", O_PATH | O_CLOEXEC))});
  return out;
}

Result<Holder> hold_pins(std::vector<Pin> given) {
  LOCKSTEP_ASSIGN(Holder out, start_holder(std::move(given)));
  LOCKSTEP_CHECK(out.wait_until_it_holds());
  return out;
}

// The holder's number, by what procfs has as this process's children; 0: none, or several.
pid_t holder() {
  std::ifstream in("/proc/self/task/" + std::to_string(::gettid()) + "/children");
  pid_t first = 0, second = 0;
  in >> first >> second;
  return second == 0 ? first : 0;
}

// What the child with a holder saw; 0: all was well.
int live_with_a_holder(int said, const std::vector<testing::CallAnswer>& filter) {
  if (!filter.empty() && !testing::answer_calls(filter)) return 1;
  Result<Holder> held = hold_pins(pins());
  if (!held.ok()) return 2;
  held->keep();
  const pid_t pid = holder();
  if (pid <= 0) return 3;
  if (::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD) return 4;
  if (::getsid(pid) != pid && ::getsid(pid) != ::getsid(0)) return 5;  // its own, once it has come so far
  sigset_t pending;
  if (::sigpending(&pending) != 0 || sigismember(&pending, SIGCHLD) != 0) return 6;
  if (::write(said, &pid, sizeof(pid)) != sizeof(pid)) return 7;
  ::close(said);
  return 0;
}

#ifdef SYS_poll
constexpr long poll_call = SYS_poll;
#else
constexpr long poll_call = SYS_ppoll;
#endif

TEST(Holder, IsSeenByNobodyAndEndsWithWhoAsked) {
  const std::vector<std::vector<testing::CallAnswer>> filters = {
      {},
      {{.call = SYS_pidfd_open, .err = EPERM}, {.call = SYS_close_range, .err = ENOSYS}},
      {{.call = poll_call, .err = EPERM}},
      {{.call = poll_call, .err = EINTR}},
      {{.call = poll_call}},
  };
  for (const std::vector<testing::CallAnswer>& filter : filters) {
    int said[2], go_on[2];
    ASSERT_EQ(::pipe2(said, O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(go_on, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(go_on[1]);
      ::signal(SIGCHLD, SIG_DFL);
      const int saw = live_with_a_holder(said[1], filter);
      char byte;
      ::_exit(saw == 0 && ::read(go_on[0], &byte, 1) == 1 ? 42 : saw);
    }
    ::close(said[1]);
    ::close(go_on[0]);
    pid_t pid = 0;
    ASSERT_EQ(::read(said[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
    // The end of the pipe comes while both live: the holder keeps nothing but its pins.
    pollfd end{said[0], POLLIN, 0};
    char byte = 0;
    EXPECT_TRUE(::poll(&end, 1, 20000) == 1 && ::read(said[0], &byte, 1) == 0) << "it keeps a pipe open";
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    ASSERT_TRUE(pidfd);
    pollfd lives{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&lives, 1, 0), 0) << "it ended too early";
    EXPECT_EQ(::write(go_on[1], "g", 1), 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status;
    EXPECT_EQ(::poll(&lives, 1, 20000), 1) << "it outlived who asked";
    ::close(said[0]);
    ::close(go_on[1]);
  }
}

// Where it can wait for nothing it would take a whole processor for as long as the command lives.
TEST(Holder, EndsAtOnceWhereEveryWaitIsAnsweredByAFilter) {
  for (const int err : {EPERM, EINTR, 0}) {
    int holds[2];
    ASSERT_EQ(::pipe2(holds, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGCHLD, SIG_DFL);
      const bool filtered =
          testing::answer_calls({{.call = poll_call, .err = err}, {.call = SYS_clock_nanosleep, .err = err}});
      std::vector<Pin> pin;
      pin.push_back({"/proc/self/task", UniqueFd(::dup(holds[1]))});
      ::close(holds[1]);
      Result<Holder> held = hold_pins(std::move(pin));
      if (!filtered || !held.ok()) ::_exit(1);
      held->keep();
      char byte;
      ::_exit(::read(holds[0], &byte, 1) == 0 ? 42 : 2);  // its end closes the last
    }
    ::close(holds[0]);
    ::close(holds[1]);
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    pollfd ended{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 20000), 1) << "the holder goes on, where poll() is answered by " << err;
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status;
  }
}

// Another thread may hold a lock of malloc()'s at the moment the holder is made, and the holder has no such thread.
TEST(Holder, HoldsInAProcessWithThreads) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::mallopt(M_ARENA_MAX, 1);  // one lock for all
    const auto allocate = [] {
      for (std::vector<void*> some(64);;) {
        for (void*& each : some) each = std::malloc(3000);
        for (void* each : some) std::free(each);
      }
    };
    for (int i = 0; i < 3; ++i) std::thread(allocate).detach();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) ::_exit(1);
    for (int round = 0; round < 50; ++round) {
      if (!hold_pins(pins()).ok()) ::_exit(2);  // and ends it
      if (::waitpid(-1, nullptr, __WALL | WNOHANG) != -1 || errno != ECHILD) ::_exit(3);
    }
    ::_exit(42);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status;
}

// Denied, or answered by a filter that does not do it.
TEST(Holder, ClosesWhatItDoesNotKeepWithoutCloseRange) {
  for (const int err : {ENOSYS, 0}) {
    const pid_t child = ::fork();
    if (child == 0) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0 || ::dup2(ends[1], 700) != 700) ::_exit(1);
      if (!testing::answer_calls({{.call = SYS_close_range, .err = err}})) ::_exit(2);
      Result<Holder> held = hold_pins(pins());
      if (!held.ok()) ::_exit(3);
      ::close(ends[1]);
      ::close(700);
      char byte;
      pollfd end{ends[0], POLLIN, 0};  // it holds already: what it closes is closed
      ::_exit(::poll(&end, 1, 0) == 1 && ::read(ends[0], &byte, 1) == 0 ? 42 : 4);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status << ", answered by " << err;
  }
}

// FULL is not said of what nobody holds, nor of a holder that keeps a stranger's pipe open.
TEST(Holder, OneThatCannotHoldIsAnError) {
  const std::vector<std::vector<testing::CallAnswer>> filters = {
      {{.call = SYS_chdir, .err = EACCES}},
      {{.call = SYS_close_range}, {.call = SYS_close, .err = EPERM}},
  };
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(60);
      if (!testing::answer_calls(filters[i])) ::_exit(2);
      const Result<Holder> held = hold_pins(pins());
      if (held.ok() || held.error().kind != ErrorKind::internal) ::_exit(3);
      ::_exit(::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD ? 42 : 4);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status << ", filter " << i;
  }
}

}  // namespace
}  // namespace lockstep
