#include "base/standard_fds.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace lockstep {
namespace {

int in_child(int (*body)()) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StandardDescriptors, ThoseThatAreOpenStayAsTheyAre) {
  EXPECT_EQ(in_child([] {
              const int before = ::fcntl(1, F_GETFL);
              return fill_standard_descriptors() && ::fcntl(1, F_GETFL) == before && ::fcntl(1, F_GETFD) == 0 ? 0 : 1;
            }),
            0);
}

TEST(StandardDescriptors, WhatIsClosedIsFilledAndStillFails) {
  EXPECT_EQ(in_child([] {
              for (const int fd : {0, 1, 2}) ::close(fd);
              if (!fill_standard_descriptors()) return 1;
              char byte = 'x';
              for (const int fd : {1, 2})
                if (::write(fd, &byte, 1) != -1 || errno != EBADF) return 2;
              if (::read(0, &byte, 1) != -1 || errno != EBADF) return 3;
              for (const int fd : {0, 1, 2})
                if (::fcntl(fd, F_GETFD) != FD_CLOEXEC) return 4;  // a command finds it closed
              return ::open("/dev/null", O_RDONLY | O_CLOEXEC) > 2 ? 0 : 5;
            }),
            0);
}

TEST(StandardDescriptors, OneInTheMiddleToo) {
  EXPECT_EQ(in_child([] {
              ::close(1);
              return fill_standard_descriptors() && ::fcntl(1, F_GETFD) == FD_CLOEXEC && ::fcntl(2, F_GETFD) == 0 ? 0
                                                                                                                  : 1;
            }),
            0);
}

}  // namespace
}  // namespace lockstep
