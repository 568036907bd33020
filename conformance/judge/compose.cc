#include "conformance/judge/compose.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <span>

#include <lockstep/rights.h>

#include "conformance/wire/reply.h"

namespace lockstep::conformance::judge {
namespace {

using enum Operation;

// The path itself, and a descriptor for it. Not ENOTDIR: where Landlock denies, the path was found, and it is
// said of what it leads to.
constexpr int lookup[] = {ENOENT, ELOOP, ENAMETOOLONG, EMFILE, ENFILE};

// The checks of the kernel's own that come before Landlock's hook; whatever else it may answer (a file
// system's and a driver's own errnos, which are without end) comes after, so that a denial hides it.
struct Row {
  std::initializer_list<Operation> operations;
  std::initializer_list<int> before;
};

const Row table[] = {
    // Kind and mount of what is opened. EPERM: see is_late.
    {{open_r, open_w, open_rw, open_trunc, opendir, reopen_fd, comm_open}, {EISDIR, EROFS, ETXTBSY, EPERM}},
    {{truncate}, {EISDIR, EINVAL, EROFS, ETXTBSY, EPERM}},
    // Of the name that is to be, or not to be, and of its mount. Permission on the directory, the sticky bit, what the
    // victim is, room and privilege come once the file system is asked.
    {{create, mkdir, mkfifo, mknod_chr, mknod_blk, symlink}, {EEXIST, EROFS}},
    {{mksock}, {EADDRINUSE, EROFS}},
    {{unlink, rmdir}, {EROFS}},
    {{rename, exchange, link}, {EEXIST, EROFS, EXDEV, EPERM}},
    // One socket there is, and whose type.
    {{connect_unix}, {EPROTOTYPE, ECONNREFUSED}},
    // The limit on processes, and on arguments. All that is found out by reading the file comes after: its
    // format, its interpreter.
    {{exec}, {EAGAIN, E2BIG}},
};

bool contains(std::span<const int> errnos, int err) {
  return std::find(errnos.begin(), errnos.end(), err) != errnos.end();
}

const Row* row_of(Operation operation) {
  for (const Row& row : table)
    if (std::find(row.operations.begin(), row.operations.end(), operation) != row.operations.end()) return &row;
  return nullptr;
}

// The probe has told apart what two checks answer alike (probes/probe.h). EPERM of a rename is never one of
// the first.
bool is_late(Operation operation, const Control& control) {
  return control.ret == wire::errno_is_late || ((operation == rename || operation == exchange) && control.err == EPERM);
}

bool in_table(Operation operation, const Control& control) {
  if (contains(lookup, control.err)) return operation == exec && control.ret == wire::errno_is_late;
  const Row* row = row_of(operation);
  const bool before = row != nullptr && contains({row->before.begin(), row->before.size()}, control.err);
  return !before || is_late(operation, control);
}

// Operations of several steps: Landlock is asked at some of them, and `missing` says at which it denied.
bool comes_after(Operation operation, Mode mode, const Control& control, const model::Decision& landlock) {
  constexpr AccessSet opens = AccessSet(Right::read_file) | Right::write_file;
  const bool denied_at_open = !(landlock.missing & opens).empty();
  switch (operation) {
    case create:  // the name, then the new file: denied there, it has been made
      return landlock.missing.contains(Right::make_reg) && in_table(create, control);
    case tmpfile:  // made before it is opened
      return false;
    case ioctl:  // step 1 opens
    case ftruncate:
      return control.step > 1 || (denied_at_open && in_table(open_rw, control));
    case comm_open:  // step 1 opens: Landlock denies there
      return control.err == EINVAL || control.err == ESRCH || in_table(comm_open, control);
    case mksock:  // step 1 is socket()
      return control.step > 1 && in_table(mksock, control);
    case connect_unix:  // its own server it makes first, and is denied its name
      return control.step > 1 && (mode != Mode::own_server ? in_table(connect_unix, control)
                                                           : control.step > 2 || in_table(mksock, control));
    case bind_tcp:  // step 1 is socket(): the address is looked at first by Landlock
    case connect_tcp:
    case bind_udp:
    case send_udp:
      return control.step > 1;
    case exec:  // step 1 is fork()
      return control.step > 1 && in_table(exec, control);
    case signal:            // nobody there, or not ours to signal
    case connect_abstract:  // nobody there, or a queue that is full
    case open_path:
    case stat:
    case chmod:
    case readlink:
    case cu_init:
      return false;
    default:
      return in_table(operation, control);
  }
}

}  // namespace

int declared_unrestricted(Operation operation, Mode /*mode*/) {
  return operation == exec ? ENOEXEC : 0;
}

Composed compose(Operation operation, Mode mode, Control control, const model::Decision& landlock) {
  if (landlock.err == 0) return {control.err, true};
  if (control.err == 0) return {landlock.err, true};
  if (control.err == landlock.err) return {control.err, false};
  return {comes_after(operation, mode, control, landlock) ? landlock.err : control.err, true};
}

}  // namespace lockstep::conformance::judge
