// In a child of its own: a filter cannot be taken back.
#include "conformance/harness/sibling.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "testing/seccomp.h"

namespace lockstep::conformance::harness {
namespace {

// 42: the sibling has not what was open when it was made.
int start_under(const std::vector<testing::CallAnswer>& filter) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
  if (!filter.empty() && !testing::answer_calls(filter)) return 2;
  UniqueFd stop;
  const pid_t pid = start_sibling(wire::IdentityKind::self, 0, &stop);
  if (pid <= 0) return 3;
  ::close(ends[1]);
  char byte;
  pollfd end{ends[0], POLLIN, 0};
  const bool alone = ::poll(&end, 1, 0) == 1 && ::read(ends[0], &byte, 1) == 0;
  ::kill(pid, SIGKILL);  // one that has the other end of `stop` would wait for itself
  return ::waitpid(pid, nullptr, 0) == pid && alone ? 42 : 4;
}

TEST(Sibling, HasNothingOfItsMakersOpen) {
  const std::vector<std::vector<testing::CallAnswer>> filters = {
      {}, {{.call = SYS_close_range, .err = ENOSYS}}, {{.call = SYS_close_range}}};
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(start_under(filters[i]));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status << ", filter " << i;
  }
}

}  // namespace
}  // namespace lockstep::conformance::harness
