// The open family, and what acts on an opened file.
#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/probes/survey.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

// A probe must not hang on a FIFO or take a terminal.
constexpr int quiet = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

std::uint64_t size_of(const char* path) {
  struct stat st;
  return ::stat(path, &st) == 0 ? static_cast<std::uint64_t>(st.st_size) : ~std::uint64_t{0};
}

// Always false.
bool mark_late(const char* path, wire::SlotCell* cell) {
  if (cell->err == EPERM && is_late_eperm(path)) cell->ret = wire::errno_is_late;
  return false;
}

bool open_step(const char* path, int flags, wire::SlotCell* cell, int* fd, mode_t mode = 0) {
  *fd = ::open(path, flags, mode);
  cell->ret = *fd < 0 ? -1 : 0;
  return step(cell, 1, *fd >= 0) || mark_late(path, cell);
}

// A request that changes nothing: RNDGETENTCNT for the random devices, TCGETS for everything else. Terminals
// answer it; it carries no size and a number that no GPU driver uses, so they refuse it as unknown. Such a
// refusal is the driver speaking: the request got past Landlock, whose own answer is EACCES. Only what is no
// device at all keeps its ENOTTY.
void harmless_ioctl(int fd, wire::SlotCell* cell) {
  struct stat st;
  const bool device = ::fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
  const bool random = device && S_ISCHR(st.st_mode) && (st.st_rdev == makedev(1, 8) || st.st_rdev == makedev(1, 9));
  char buffer[256];
  const unsigned long request = random ? static_cast<unsigned long>(RNDGETENTCNT) : static_cast<unsigned long>(TCGETS);
  const bool ok = ::ioctl(fd, request, buffer) == 0;
  const bool unknown = !ok && device && (errno == ENOTTY || errno == EINVAL);
  if (unknown) cell->ret = -errno;
  step(cell, 2, ok || unknown);
}

int access_mode(Operation operation) {
  switch (operation) {
    case Operation::open_w:
      return O_WRONLY | quiet;
    case Operation::open_rw:
      return O_RDWR | quiet;
    case Operation::open_path:
      return O_PATH | O_CLOEXEC;
    case Operation::open_trunc:
      return O_WRONLY | O_TRUNC | quiet;
    case Operation::opendir:
      return O_RDONLY | O_DIRECTORY | quiet;
    default:
      return O_RDONLY | quiet;
  }
}

void reopen(const Probe& probe, wire::SlotCell* cell) {
  int fd = probe.before_fd;
  if (probe.mode != Mode::before && !open_step(probe.path, O_PATH | O_CLOEXEC, cell, &fd)) return;
  char link[40];
  const int again = ::open(fd_path(fd, link), O_RDONLY | quiet);
  if (!step(cell, 2, again >= 0)) mark_late(link, cell);
  if (again >= 0) ::close(again);
  if (probe.mode != Mode::before) ::close(fd);
}

}  // namespace

int open_before(const Probe& probe) {
  if (probe.survey) return prepare_survey(probe.path);
  switch (probe.operation) {
    case Operation::ftruncate:
      return ::open(probe.path, O_WRONLY | quiet);
    case Operation::ioctl:
      return ::open(probe.path, O_RDWR | quiet);
    case Operation::reopen_fd:
      return ::open(probe.path, O_PATH | O_CLOEXEC);
    default:
      errno = EINVAL;  // nothing of this operation can be done before
      return -1;
  }
}

void probe_open(const Probe& probe, wire::SlotCell* cell) {
  int fd = -1;
  if (open_step(probe.path, access_mode(probe.operation), cell, &fd)) ::close(fd);
  if (probe.operation == Operation::open_trunc) cell->after = size_of(probe.path);
}

void probe_tmpfile(const Probe& probe, wire::SlotCell* cell) {
  int fd = -1;
  if (open_step(probe.path, O_WRONLY | O_TMPFILE | O_CLOEXEC, cell, &fd, 0600)) ::close(fd);
}

void probe_truncate(const Probe& probe, wire::SlotCell* cell) {
  if (!step(cell, 1, ::truncate(probe.path, 1) == 0)) mark_late(probe.path, cell);
  cell->after = size_of(probe.path);
}

void probe_ftruncate(const Probe& probe, wire::SlotCell* cell) {
  int fd = probe.before_fd;
  if (probe.mode == Mode::before || open_step(probe.path, O_WRONLY | quiet, cell, &fd)) {
    step(cell, 2, ::ftruncate(fd, 1) == 0);
    if (probe.mode != Mode::before) ::close(fd);
  }
  cell->after = size_of(probe.path);
}

void probe_ioctl(const Probe& probe, wire::SlotCell* cell) {
  int fd = probe.before_fd;
  if (probe.mode != Mode::before && !open_step(probe.path, O_RDWR | quiet, cell, &fd)) return;
  harmless_ioctl(fd, cell);
  if (probe.mode != Mode::before) ::close(fd);
}

void probe_reopen(const Probe& probe, wire::SlotCell* cell) {
  reopen(probe, cell);
}

}  // namespace lockstep::conformance::probes
