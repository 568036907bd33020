#include "base/standard_fds.h"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <initializer_list>
#include <iterator>

namespace lockstep {

bool fill_standard_descriptors() {
  for (const int fd : {0, 1, 2}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is the one that is missing. Without a /dev/null any directory does: it can be
    // neither read nor written.
    const int flags = (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC;
    int filled = ::open("/dev/null", flags);
    if (filled < 0) filled = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (filled != fd) return false;
  }
  return true;
}

namespace {

constexpr int write_signals[] = {SIGPIPE, SIGXFSZ};
void (*before[])(int) = {SIG_DFL, SIG_DFL};

}  // namespace

void ignore_write_signals() {
  for (std::size_t i = 0; i < std::size(write_signals); ++i) before[i] = ::signal(write_signals[i], SIG_IGN);
}

void restore_write_signals() {
  for (std::size_t i = 0; i < std::size(write_signals); ++i) ::signal(write_signals[i], before[i]);
}

Result<void> flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return system_error(errno != 0 ? errno : EIO, "write(stdout)");
}

}  // namespace lockstep
