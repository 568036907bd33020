#include "conformance/harness/sibling.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptors.h"
#include "base/fork.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/identity.h"
#include "enforce/privilege.h"

namespace lockstep::conformance::harness {

pid_t start_sibling(wire::IdentityKind kind, uid_t user, UniqueFd* stop) {
  int ready[2], ending[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) return -1;
  if (::pipe2(ending, O_CLOEXEC) != 0) {
    const int err = errno;
    for (const int fd : ready) ::close(fd);
    errno = err;
    return -1;
  }
  const pid_t parent = ::getpid();
  const pid_t pid = fork_process();
  if (pid == 0) {
    int keep[] = {ready[1], ending[0]};
    if (!close_all_but(keep)) ::_exit(1);
    Result<Identity> identity = identity_of(kind, user);
    if (identity.ok()) identity->keep = 0;
    const bool ok = identity.ok() && drop_privileges(*identity).ok() && ::prctl(PR_SET_DUMPABLE, 1) == 0 &&
                    ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
    ::setpgid(0, 0);
    if (!ok || ::getppid() != parent || ::write(ready[1], "r", 1) != 1) ::_exit(1);
    while (stop == nullptr) ::pause();
    char byte;
    while (::read(ending[0], &byte, 1) != 0) {
    }
    ::_exit(0);
  }
  const int failed = errno;
  ::close(ready[1]);
  ::close(ending[0]);
  UniqueFd write_end(ending[1]);
  if (stop != nullptr) *stop = std::move(write_end);
  char byte = 0;
  const bool started = pid > 0 && ::read(ready[0], &byte, 1) == 1;
  ::close(ready[0]);
  if (started) return pid;
  if (pid > 0) await_end(pid, 0);
  errno = pid > 0 ? EPERM : failed;
  return -1;
}

}  // namespace lockstep::conformance::harness
