#include "conformance/judge/compose.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace lockstep::conformance {
namespace {

// Errnos that the kernel gives only after Landlock's hook was asked: a denial hides them. Everything else comes first
// (lookup, EEXIST, EROFS, EXDEV of mounts, permissions on open).
constexpr std::array<int, 4> after_open = {ENXIO, ENODEV, ETXTBSY, 0};
constexpr std::array<int, 5> after_name = {EACCES, EPERM, ENOSPC, EMLINK, EDQUOT};
// unlink and rmdir: the directory's permissions, the sticky bit and the kind of the victim are looked at after the hook.
constexpr std::array<int, 6> after_remove = {EACCES, EPERM, EISDIR, ENOTDIR, ENOTEMPTY, EBUSY};
constexpr std::array<int, 7> after_move = {EACCES, EPERM, EISDIR, ENOTDIR, ENOTEMPTY, EMLINK, ENOSPC};
constexpr std::array<int, 4> after_exec = {ENOEXEC, E2BIG, ELIBBAD, ENOMEM};
constexpr std::array<int, 5> after_ioctl = {ENOTTY, EINVAL, EFAULT, EPERM, ENXIO};
constexpr std::array<int, 3> after_connect = {ECONNREFUSED, EPROTOTYPE, EAGAIN};
constexpr std::array<int, 2> after_comm = {EINVAL, ESRCH};  // of the write, once the open was allowed
constexpr std::array<int, 2> after_truncate = {ETXTBSY, EFBIG};
constexpr std::array<int, 2> after_tmpfile = {EOPNOTSUPP, ENOSPC};

std::span<const int> after_hook(Operation operation) {
  switch (operation) {
    case Operation::unlink:
    case Operation::rmdir: return after_remove;
    case Operation::rename:
    case Operation::exchange:
    case Operation::link: return after_move;
    case Operation::create:
    case Operation::mkdir:
    case Operation::mkfifo:
    case Operation::mknod_chr:
    case Operation::mknod_blk:
    case Operation::mksock:
    case Operation::symlink: return after_name;
    case Operation::exec: return after_exec;
    case Operation::ioctl: return after_ioctl;
    case Operation::connect_unix: return after_connect;
    case Operation::comm_open: return after_comm;
    case Operation::truncate:
    case Operation::ftruncate: return after_truncate;
    case Operation::tmpfile: return after_tmpfile;
    default: return after_open;
  }
}

// mknod(2) of a device asks for CAP_MKNOD (vfs_mknod) after the hook, like the other names; bind(2) reports the name's own errors.
bool comes_after(Operation operation, int err) {
  const std::span<const int> list = after_hook(operation);
  return std::find(list.begin(), list.end(), err) != list.end();
}

}  // namespace

Composed compose(Operation operation, Mode /*mode*/, int control_err, const model::Decision& landlock) {
  if (landlock.err == 0) return {control_err, true};
  if (control_err == 0) return {landlock.err, true};
  if (control_err == landlock.err) return {control_err, false};
  return {comes_after(operation, control_err) ? landlock.err : control_err, true};
}

}  // namespace lockstep::conformance
