// Under filters that deny what closes descriptors, or answer in the kernel's place, each in a child of its own.
#include "base/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "testing/seccomp.h"

namespace lockstep {
namespace {

constexpr int high = 300, middle = 200;

// 42: what is kept is open, all else is closed, and that is what was said. 10: it said that something is open.
int close_under(const std::vector<testing::CallAnswer>& filter) {
  int ends[2];
  const rlimit few{400, 400};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0 || ::pipe2(ends, O_CLOEXEC) != 0 || ::dup2(ends[0], middle) != middle ||
      ::dup2(ends[1], high) != high || ::dup2(ends[1], middle + 1) != middle + 1)
    return 1;
  if (!filter.empty() && !testing::answer_calls(filter)) return 2;
  int keep[] = {middle, -1, 2};
  if (!close_all_but(keep)) return 10;
  for (int fd = 0; fd < 400; ++fd)
    if ((::fcntl(fd, F_GETFD) >= 0) != (fd == 2 || fd == middle)) return 3;
  char byte;
  return ::read(middle, &byte, 1) == 0 ? 42 : 4;
}

int in_child(const std::vector<testing::CallAnswer>& filter) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(close_under(filter));
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr testing::CallAnswer lying_range{.call = SYS_close_range};

TEST(Descriptors, AllButTheseAreClosedWhateverAFilterAnswers) {
  const std::vector<std::vector<testing::CallAnswer>> filters = {
      {},
      {{.call = SYS_close_range, .err = ENOSYS}},
      {{.call = SYS_close_range, .err = EPERM}},
      {lying_range},
      {lying_range, {.call = SYS_openat, .err = EACCES}},
      {lying_range, {.call = SYS_getdents64, .err = EPERM}},
      {lying_range, {.call = SYS_getdents64}},
      {lying_range, {.call = SYS_getdents64}, {.call = SYS_prlimit64}},
      {{.call = SYS_getdents64}},
  };
  for (std::size_t i = 0; i < filters.size(); ++i) EXPECT_EQ(in_child(filters[i]), 42) << i;
}

TEST(Descriptors, WhatStaysOpenIsSaid) {
  const testing::CallAnswer lying_close{.call = SYS_close}, no_close{.call = SYS_close, .err = EPERM};
  EXPECT_EQ(in_child({lying_range, lying_close}), 10);
  EXPECT_EQ(in_child({lying_range, no_close}), 10);
  EXPECT_EQ(in_child({lying_range, lying_close, {.call = SYS_openat, .err = EACCES}}), 10);
  EXPECT_EQ(in_child({lying_range, no_close, {.call = SYS_openat, .err = EACCES}}), 10);
}

}  // namespace
}  // namespace lockstep
