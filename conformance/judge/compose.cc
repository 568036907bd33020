#include "conformance/judge/compose.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>

namespace lockstep::conformance {
namespace {

// Errnos that the kernel gives only after Landlock's hook was asked: a denial hides them. Every other one
// comes first: lookup (ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, search permission), EEXIST, EROFS, EXDEV of
// mounts, EISDIR and permission of open.
struct After {
  std::initializer_list<Operation> operations;
  std::initializer_list<int> errnos;
};

using enum Operation;

// The driver's and the file system's own open() run after the hook; ETXTBSY of a file being executed before.
const After table[] = {
    {{open_r, open_w, open_rw, open_trunc, opendir, reopen_fd}, {ENXIO, ENODEV, EBUSY, EIO, ENOMEM}},
    // An unnamed file is made before it is opened: EOPNOTSUPP and ENOSPC come first.
    {{tmpfile}, {}},
    {{truncate}, {EFBIG}},
    // Opened first, for which Landlock is asked; then ftruncate's own.
    {{ftruncate}, {EINVAL, EFBIG, ENXIO, ENODEV, EBUSY, EIO}},
    {{ioctl}, {ENOTTY, EINVAL, EFAULT, ENXIO, ENODEV, EBUSY, EIO}},
    // The file is refused to writers, and its format looked at, once it is open.
    {{exec}, {ENOEXEC, ETXTBSY, ELIBBAD, ENOMEM}},
    // Permission on the directory, CAP_MKNOD, room: asked when the name is made.
    {{create, mkdir, mkfifo, mknod_chr, mknod_blk, mksock, symlink}, {EACCES, EPERM, ENOSPC, EMLINK, EDQUOT}},
    // Permission, the sticky bit, and what the victim is.
    {{unlink, rmdir}, {EACCES, EPERM, EISDIR, ENOTDIR, ENOTEMPTY, EBUSY}},
    {{rename, exchange}, {EACCES, EPERM, EISDIR, ENOTDIR, ENOTEMPTY, EBUSY, EMLINK, ENOSPC, EDQUOT}},
    {{link}, {EACCES, EMLINK, ENOSPC, EDQUOT}},  // EPERM: see comes_after
    // No server at the path is found out before (7.1, read in the source), the kind of the server after.
    {{connect_unix}, {EPROTOTYPE, EAGAIN}},
    // Of the write, once the open was allowed: another process's comm is EINVAL.
    {{comm_open}, {EINVAL, ESRCH}},
    // What is not there, not answered or already used, is found out after the port was allowed; a port below 1024 too.
    {{bind_tcp, connect_tcp, bind_udp, send_udp}, {EADDRINUSE, EADDRNOTAVAIL, ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, EACCES, EINPROGRESS}},
    // Nobody there (ESRCH, ECONNREFUSED), or not ours to signal: before.
    {{signal, connect_abstract}, {}},
    {{open_path, stat, chmod, readlink, cu_init}, {}},  // no hook, or not one
};

bool comes_after(Operation operation, Mode mode, int err, const model::Decision& landlock) {
  // A directory cannot be linked, which the file system says last; fs.protected_hardlinks says EPERM before
  // the hook.
  if (operation == link && err == EPERM) return landlock.moved == model::FileType::directory;
  // A file system that does not know RENAME_WHITEOUT says so last (overlayfs).
  if (operation == rename && mode == Mode::whiteout && err == EINVAL) return true;
  for (const After& row : table) {
    if (std::find(row.operations.begin(), row.operations.end(), operation) == row.operations.end()) continue;
    return std::find(row.errnos.begin(), row.errnos.end(), err) != row.errnos.end();
  }
  return false;
}

}  // namespace

int declared_unrestricted(Operation operation, Mode /*mode*/) {
  return operation == exec ? ENOEXEC : 0;
}

Composed compose(Operation operation, Mode mode, int control_err, const model::Decision& landlock) {
  if (landlock.err == 0) return {control_err, true};
  if (control_err == 0) return {landlock.err, true};
  if (control_err == landlock.err) return {control_err, false};
  return {comes_after(operation, mode, control_err, landlock) ? landlock.err : control_err, true};
}

}  // namespace lockstep::conformance
