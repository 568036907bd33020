// The vocabulary of operations: one list for explain, cases, probes and the report.
//
// Plain enums, so that a restricted child can use them: nothing here allocates or calls the system.
#ifndef LOCKSTEP_OPERATION_OPERATION_H_
#define LOCKSTEP_OPERATION_OPERATION_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace lockstep {

// In the order of the names in operation.cc. What each does exactly stands beside its probe; which rights it needs is
// in the model.
enum class Operation : std::uint8_t {
  open_r,      // open(path, O_RDONLY)
  open_w,      // open(path, O_WRONLY)
  open_rw,     // open(path, O_RDWR)
  open_path,   // open(path, O_PATH)
  open_trunc,  // open(path, O_WRONLY | O_TRUNC) of an existing file
  opendir,     // open(path, O_RDONLY | O_DIRECTORY)
  create,      // open(path, O_WRONLY | O_CREAT | O_EXCL): the name does not exist
  tmpfile,     // open(directory, O_WRONLY | O_TMPFILE)
  truncate,    // truncate(path)
  ftruncate,   // open(path, O_WRONLY), ftruncate
  rename,      // rename(path, path2): path2 does not exist
  exchange,    // renameat2(path, path2, RENAME_EXCHANGE)
  link,        // link(path, path2): path2 does not exist
  mkdir,
  mkfifo,
  mknod_chr,  // mknod(path, S_IFCHR, 1:3)
  mknod_blk,  // mknod(path, S_IFBLK, 7:0)
  mksock,     // bind(path) of a UNIX stream socket
  symlink,    // symlink("target", path)
  unlink,
  rmdir,
  exec,          // execve(path): a file without an interpreter, so that "allowed" is ENOEXEC and nobody is replaced
  ioctl,         // open(path, O_RDWR), ioctl
  connect_unix,  // connect() to the socket at path, by a client of the server's type where no mode names one; the
                 // server stands outside the domain, but for Mode::own_server
  stat,
  chmod,
  readlink,
  reopen_fd,  // open(path, O_PATH), then open("/proc/self/fd/N", O_RDONLY)
  comm_open,  // the write that names a thread: see Mode
  // From here on no path.
  bind_tcp,     // bind() to a port of the loopback
  connect_tcp,  // connect() to a port of the loopback
  bind_udp,
  send_udp,          // connect() of a UDP socket that is not bound, or sendto(): see Mode
  signal,            // kill(sibling, 0): a process outside the domain
  connect_abstract,  // connect() to an abstract UNIX socket; its server stands outside, but for Mode::own_server
  cu_init,           // the real cuInit(0), of libcuda.so.1: many operations at once, which no model predicts
};
inline constexpr int operation_count = static_cast<int>(Operation::cu_init) + 1;
inline constexpr int path_operation_count = static_cast<int>(Operation::comm_open) + 1;

// What an operation is asked about.
enum class Operand : std::uint8_t { none, path, two_paths, port };

// A variant of an operation. `plain` for most.
enum class Mode : std::uint8_t {
  plain,
  before,      // ftruncate, ioctl, reopen_fd, write...: the descriptor was opened before the restriction
  own_server,  // connect_unix, connect_abstract: to a server that the acting process makes at the name just before
  sendto,      // send_udp, connect_unix, connect_abstract: sendto() of a datagram socket instead of connect()
  // of comm_open: how the file is opened
  rdwr,      // O_RDWR, as glibc's pthread_setname_np() for another thread
  wronly,    // O_WRONLY
  trunc,     // O_WRONLY | O_TRUNC, as a shell's redirection and fopen("w"): CUDA's access in drivers 550 and 555
  setname,   // pthread_setname_np() itself
  prctl,     // prctl(PR_SET_NAME), which opens nothing
  whiteout,  // of mknod_chr: device 0:0; of rename: RENAME_WHITEOUT, which leaves one behind
  work,      // of cu_init: a context, a kernel and its result as well, up to the end
  // of connect_unix and connect_abstract: a client of this type, whatever the server is
  stream,
  seqpacket,
  dgram,
};
inline constexpr int mode_count = static_cast<int>(Mode::dgram) + 1;

// Who tries it.
enum class Actor : std::uint8_t {
  self,    // the restricted thread
  thread,  // another thread, started after the restriction
  child,   // a child of the restricted process
  grandchild,
  exec,          // a freshly executed program, in a child
  early_thread,  // a thread that ran before the restriction: bound only where all threads are (`threads: all`, ABI 8)
};

// Whose comm, for comm_open; else `own`.
enum class Target : std::uint8_t {
  own,            // the acting thread's own, by /proc/self/task/<tid>/comm
  other_thread,   // a thread started by the actor after the restriction, by /proc/self/task/<tid>/comm
  numeric,        // the same thread, by /proc/<pid>/task/<tid>/comm
  other_process,  // the canary sibling's, by /proc/<pid>/comm: a write there is EINVAL even where the open succeeds
};

std::string_view name(Operation operation);  // "open-r"
std::string_view name(Mode mode);
std::string_view name(Actor actor);
std::string_view name(Target target);  // own, other-thread, numeric, other-process
std::optional<Operation> operation_from_name(std::string_view name);
std::optional<Mode> mode_from_name(std::string_view name);
std::optional<Actor> actor_from_name(std::string_view name);
std::optional<Target> target_from_name(std::string_view name);

Operand operand(Operation operation);
bool takes_two_paths(Operation operation);  // rename, exchange, link
// Whether the operation has the mode.
bool has_mode(Operation operation, Mode mode);

// Whether the operation acts on what a symbolic link in the last component points to.
bool follows_last_symlink(Operation operation);
bool changes_paths(Operation operation);    // what it did to its paths can be seen afterwards
bool makes_name(Operation operation);       // its path must not be there before
bool wants_directory(Operation operation);  // its path must be a directory

}  // namespace lockstep

#endif  // LOCKSTEP_OPERATION_OPERATION_H_
