// Operations on names: what is asked of the directory that holds them.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

std::uint64_t exists(const char* path) {
  struct stat st;
  return ::lstat(path, &st) == 0 ? 1 : 0;
}

bool whiteout(const Probe& probe) {
  return probe.mode == Mode::whiteout;
}

bool bind_socket(const char* path, wire::SlotCell* cell) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof(address.sun_path)) {
    cell->state = static_cast<std::uint32_t>(wire::CellState::unsupported);
    return true;
  }
  std::memcpy(address.sun_path, path, std::strlen(path));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!step(cell, 1, fd >= 0)) return false;
  const bool bound = step(cell, 2, ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  ::close(fd);
  return bound;
}

}  // namespace

void probe_make(const Probe& probe, wire::SlotCell* cell) {
  switch (probe.operation) {
    case Operation::create: {
      const int fd = ::open(probe.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      step(cell, 1, fd >= 0);
      if (fd >= 0) ::close(fd);
      break;
    }
    case Operation::mkdir:
      step(cell, 1, ::mkdir(probe.path, 0777) == 0);
      break;
    case Operation::mkfifo:
      step(cell, 1, ::mknod(probe.path, S_IFIFO | 0666, 0) == 0);
      break;
    case Operation::mknod_chr:
      step(cell, 1, ::mknod(probe.path, S_IFCHR | 0666, whiteout(probe) ? makedev(0, 0) : makedev(1, 3)) == 0);
      break;
    case Operation::mknod_blk:
      step(cell, 1, ::mknod(probe.path, S_IFBLK | 0666, makedev(7, 0)) == 0);
      break;
    case Operation::symlink:
      step(cell, 1, ::symlink("target", probe.path) == 0);
      break;
    default:
      bind_socket(probe.path, cell);
  }
  cell->after = exists(probe.path);
}

void probe_remove(const Probe& probe, wire::SlotCell* cell) {
  step(cell, 1, (probe.operation == Operation::unlink ? ::unlink(probe.path) : ::rmdir(probe.path)) == 0);
  cell->after = exists(probe.path);
}

void probe_move(const Probe& probe, wire::SlotCell* cell) {
  long result = 0;
  if (probe.operation == Operation::link) {
    result = ::link(probe.path, probe.path2);
  } else {
    const unsigned flags = probe.operation == Operation::exchange ? RENAME_EXCHANGE
                           : whiteout(probe)                      ? RENAME_WHITEOUT
                                                                  : 0;
    result = ::syscall(SYS_renameat2, AT_FDCWD, probe.path, AT_FDCWD, probe.path2, flags);
  }
  if (!step(cell, 1, result == 0) && probe.operation == Operation::link && cell->err == EPERM &&
      may_link_to(probe.path))
    cell->ret = wire::errno_is_late;
  cell->after = exists(probe.path2);
}

}  // namespace lockstep::conformance::probes
