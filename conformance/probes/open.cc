// The open family, and what acts on an opened file.
#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance {
namespace {

// A probe must not hang on a FIFO or take a terminal.
constexpr int quiet = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

std::uint64_t size_of(const char* path) {
  struct stat st;
  return ::stat(path, &st) == 0 ? static_cast<std::uint64_t>(st.st_size) : ~std::uint64_t{0};
}

bool open_step(const char* path, int flags, SlotCell* cell, int* fd, mode_t mode = 0) {
  *fd = ::open(path, flags, mode);
  cell->ret = *fd < 0 ? -1 : 0;
  return step(cell, 1, *fd >= 0);
}

// A request that changes nothing and that the stand-in nodes and terminals answer with 0; any other device says ENOTTY or
// EINVAL, which comes after Landlock as well.
int harmless_ioctl(int fd) {
  struct stat st;
  const bool terminal = ::fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && (st.st_rdev >> 8 & 0xfff) >= 136 && (st.st_rdev >> 8 & 0xfff) <= 143;
  char buffer[256];
  return ::ioctl(fd, terminal ? static_cast<unsigned long>(TCGETS) : static_cast<unsigned long>(RNDGETENTCNT), buffer);
}

int access_mode(Operation operation) {
  switch (operation) {
    case Operation::open_w: return O_WRONLY | quiet;
    case Operation::open_rw: return O_RDWR | quiet;
    case Operation::open_path: return O_PATH | O_CLOEXEC;
    case Operation::open_trunc: return O_WRONLY | O_TRUNC | quiet;
    case Operation::opendir: return O_RDONLY | O_DIRECTORY | quiet;
    default: return O_RDONLY | quiet;
  }
}

void reopen(const Probe& probe, SlotCell* cell) {
  int fd = probe.before_fd;
  if (probe.mode != Mode::before && !open_step(probe.path, O_PATH | O_CLOEXEC, cell, &fd)) return;
  char link[40];
  const int again = ::open(fd_path(fd, link), O_RDONLY | quiet);
  step(cell, 2, again >= 0);
  if (again >= 0) ::close(again);
  if (probe.mode != Mode::before) ::close(fd);
}

}  // namespace

int open_before(const Probe& probe) {
  switch (probe.operation) {
    case Operation::ftruncate: return ::open(probe.path, O_WRONLY | quiet);
    case Operation::ioctl: return ::open(probe.path, O_RDWR | quiet);
    default: return ::open(probe.path, O_RDONLY | quiet);
  }
}

void probe_open(const Probe& probe, SlotCell* cell) {
  int fd = -1;
  if (open_step(probe.path, access_mode(probe.operation), cell, &fd)) ::close(fd);
  if (probe.operation == Operation::open_trunc) cell->after = size_of(probe.path);
}

void probe_tmpfile(const Probe& probe, SlotCell* cell) {
  int fd = -1;
  if (open_step(probe.path, O_WRONLY | O_TMPFILE | O_CLOEXEC, cell, &fd, 0600)) ::close(fd);
}

void probe_truncate(const Probe& probe, SlotCell* cell) {
  step(cell, 1, ::truncate(probe.path, 1) == 0);
  cell->after = size_of(probe.path);
}

void probe_ftruncate(const Probe& probe, SlotCell* cell) {
  int fd = probe.before_fd;
  if (probe.mode == Mode::before || open_step(probe.path, O_WRONLY | quiet, cell, &fd)) {
    step(cell, 2, ::ftruncate(fd, 1) == 0);
    if (probe.mode != Mode::before) ::close(fd);
  }
  cell->after = size_of(probe.path);
}

void probe_ioctl(const Probe& probe, SlotCell* cell) {
  int fd = probe.before_fd;
  if (probe.mode != Mode::before && !open_step(probe.path, O_RDWR | quiet, cell, &fd)) return;
  step(cell, 2, harmless_ioctl(fd) == 0);
  if (probe.mode != Mode::before) ::close(fd);
}

void probe_reopen(const Probe& probe, SlotCell* cell) { reopen(probe, cell); }

}  // namespace lockstep::conformance
