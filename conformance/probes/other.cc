// exec, and what Landlock leaves alone.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/probes/spawn.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {

bool is_of_interpreter(int err, const char* path) {
  struct stat st;
  return (err == ENOENT || err == ELOOP || err == ENAMETOOLONG) && ::stat(path, &st) == 0;
}

namespace {

struct Execution {
  const char* path;
  wire::SlotCell* cell;
};

void execute(void* it) {
  const auto* execution = static_cast<const Execution*>(it);
  char* argv[] = {const_cast<char*>(execution->path), nullptr};
  char* envp[] = {nullptr};
  ::execve(execution->path, argv, envp);
  const int err = errno;
  if (is_of_interpreter(err, execution->path)) execution->cell->ret = wire::errno_is_late;
  execution->cell->err = err;
}

}  // namespace

// In a child: where the format search unexpectedly finds a handler for the file, this process must not be
// replaced.
void probe_exec(const Probe& probe, wire::SlotCell* cell) {
  cell->err = -1;
  Execution execution{probe.path, cell};  // the slot is shared memory: the child reports into it directly
  const pid_t pid = lend_to_child(execute, &execution);
  if (pid < 0) {
    step(cell, 1, false);
    return;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // It was executed after all, and ended by itself. One that was killed may have been stopped at any point:
  // that stays -1.
  if (cell->err == -1 && WIFEXITED(status)) cell->err = 0;
  if (cell->ret != wire::errno_is_late) cell->ret = status;
  cell->aux = cell->err == 0 ? 0 : 2;
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
