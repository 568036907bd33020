// exec, connect, and what Landlock leaves alone.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance {

// In a child: where the format search unexpectedly finds a handler for the file, this process must not be
// replaced.
void probe_exec(const Probe& probe, SlotCell* cell) {
  SlotCell* const shared = cell;  // the slot is shared memory: the child reports into it directly
  shared->err = -1;
  const pid_t pid = ::fork();
  if (pid < 0) {
    step(cell, 1, false);
    return;
  }
  if (pid == 0) {
    char* argv[] = {const_cast<char*>(probe.path), nullptr};
    char* envp[] = {nullptr};
    ::execve(probe.path, argv, envp);
    shared->err = errno;
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // It was executed after all, and ended by itself. One that was killed may have been stopped at any point:
  // that stays -1.
  if (shared->err == -1 && WIFEXITED(status)) shared->err = 0;
  cell->ret = status;
  cell->aux = shared->err == 0 ? 0 : 2;
}

void probe_connect(const Probe& probe, SlotCell* cell) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(probe.path) >= sizeof(address.sun_path)) {
    cell->state = static_cast<std::uint32_t>(CellState::unsupported);
    return;
  }
  std::memcpy(address.sun_path, probe.path, std::strlen(probe.path));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (!step(cell, 1, fd >= 0)) return;
  step(cell, 2, ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  ::close(fd);
}

void probe_unrestricted(const Probe& probe, SlotCell* cell) {
  struct stat st;
  char target[64];
  switch (probe.operation) {
    case Operation::chmod:
      step(cell, 1, ::chmod(probe.path, 0666) == 0);
      break;
    case Operation::readlink:
      step(cell, 1, ::readlink(probe.path, target, sizeof(target)) >= 0);
      break;
    default:
      step(cell, 1, ::stat(probe.path, &st) == 0);
  }
}

}  // namespace lockstep::conformance
