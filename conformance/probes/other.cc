// exec, and what Landlock leaves alone.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {

bool is_of_interpreter(int err, const char* path) {
  struct stat st;
  return (err == ENOENT || err == ELOOP || err == ENAMETOOLONG) && ::stat(path, &st) == 0;
}

// In a child: where the format search unexpectedly finds a handler for the file, this process must not be
// replaced.
void probe_exec(const Probe& probe, wire::SlotCell* cell) {
  wire::SlotCell* const shared = cell;  // the slot is shared memory: the child reports into it directly
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
    const int err = errno;
    if (is_of_interpreter(err, probe.path)) shared->ret = wire::errno_is_late;
    shared->err = err;
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // It was executed after all, and ended by itself. One that was killed may have been stopped at any point:
  // that stays -1.
  if (shared->err == -1 && WIFEXITED(status)) shared->err = 0;
  if (cell->ret != wire::errno_is_late) cell->ret = status;
  cell->aux = shared->err == 0 ? 0 : 2;
}

void probe_unrestricted(const Probe& probe, wire::SlotCell* cell) {
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

}  // namespace lockstep::conformance::probes
