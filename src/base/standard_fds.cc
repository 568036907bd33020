#include "base/standard_fds.h"

#include <fcntl.h>

#include <cerrno>
#include <initializer_list>

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

}  // namespace lockstep
