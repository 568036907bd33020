// Under filters that answer in the kernel's place, each in a child of its own.
#include "base/fork.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

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

TEST(Fork, AFilterThatSaysItIsTheChildIsNotBelieved) {
  EXPECT_EQ(in_child([] {
              const pid_t before = ::getpid();
              std::vector<testing::CallAnswer> lies = {{.call = SYS_clone}, {.call = SYS_clone3}};
              if (!testing::answer_calls(lies)) return 1;
              if (fork_process() != -1 || errno != EPROTO) return 2;
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
