// Under filters that answer in the kernel's place, each in a child of its own.
#include "base/fork.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <new>

#include "testing/seccomp.h"

namespace lockstep {
namespace {

int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Fork, MakesAChildAndSaysHowItEnded) {
  EXPECT_EQ(in_child([] {
              const pid_t pid = fork_process();
              if (pid == 0) ::_exit(7);
              int status = 0;
              return wait_for(pid, &status) && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            }),
            7);
}

// A process of a namespace of its own can have its parent's number.
TEST(Fork, AChildWithItsParentsNumberIsAChild) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: to make PID namespaces";
  EXPECT_EQ(in_child([] {
              if (::unshare(CLONE_NEWPID) != 0) return 1;
              return in_child([] {
                const ProcessMark before = this_process();
                if (!is_this_process(before) || ::unshare(CLONE_NEWPID) != 0) return 2;
                const pid_t pid = fork_process();
                if (pid < 0) return 3;
                if (pid == 0) run_child([&] { return ::getpid() == 1 && !is_this_process(before) ? 7 : 4; });
                int status = 0;
                return ::getpid() == 1 && wait_for(pid, &status) && WIFEXITED(status) ? WEXITSTATUS(status) : 5;
              });
            }),
            7);
}

TEST(Fork, NoExceptionLeavesAChild) {
  const pid_t before = ::getpid();
  int status = 0;
  try {
    const pid_t pid = fork_process();
    if (pid == 0) run_child([]() -> int { throw std::bad_alloc(); });
    ASSERT_TRUE(wait_for(pid, &status));
  } catch (const std::bad_alloc&) {
    if (::getpid() != before) ::_exit(1);
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == child_threw) << status;
}

// Neither wait() nor a handler sees it, and who asks for it gets its code.
TEST(Fork, AChildWithoutASignalIsSeenByWhoAsksForItAlone) {
  EXPECT_EQ(in_child([] {
              const auto make = [](int signal) {
                const pid_t pid = clone_process(signal);
                if (pid == 0) ::_exit(7);
                return pid;
              };
              const auto wait_code = [](pid_t pid, int flags) {
                int status = 0;
                return wait_for(pid, &status, flags) && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
              };
              const auto sigchld_came = [] {
                sigset_t pending;
                return ::sigpending(&pending) == 0 && sigismember(&pending, SIGCHLD) != 0;
              };
              sigset_t all;
              ::sigfillset(&all);
              ::sigprocmask(SIG_SETMASK, &all, nullptr);
              const pid_t hidden = make(0);
              if (hidden <= 0 || ::waitpid(-1, nullptr, 0) != -1 || errno != ECHILD) return 1;
              if (wait_code(hidden, unseen) != 7 || sigchld_came()) return 2;
              const pid_t seen = make(SIGCHLD);
              return seen > 0 && wait_code(seen, 0) == 7 && sigchld_came() ? 42 : 3;
            }),
            42);
}

TEST(Fork, AFilterThatSaysItIsTheChildIsNotBelieved) {
  EXPECT_EQ(in_child([] {
              const pid_t before = ::getpid();
              std::vector<testing::CallAnswer> lies = {{.call = SYS_clone}, {.call = SYS_clone3}};
              if (!testing::answer_calls(lies)) return 1;
              if (fork_process() != -1 || errno != EPROTO) return 2;
              if (clone_process(0) != -1 || errno != EPROTO) return 4;
              const Error error = call_error();
              return error.exit_code() == 4 && error.message.find("filter") != std::string::npos && ::getpid() == before
                         ? 42
                         : 3;
            }),
            42);
}

TEST(Fork, AWaitThatIsAnsweredByAFilterComesToItsEnd) {
  for (const int err : {EINTR, EPERM, 0})
    EXPECT_EQ(in_child([err] {
                ::alarm(60);
                const pid_t pid = fork_process();
                if (pid == 0) ::_exit(0);
                int status = 0;
                if (!testing::answer_calls({{.call = SYS_wait4, .err = err}, {.call = SYS_waitid, .err = err}}))
                  return 1;
                return wait_for(pid, &status) ? 2 : call_error("waitpid()").exit_code();
              }),
              err == EPERM ? system_error(EPERM, "").exit_code() : 4)
        << err;
}

}  // namespace
}  // namespace lockstep
