// The verbs behind run_probe(), one family a file, and the few things they share.
#ifndef LOCKSTEP_CONFORMANCE_PROBES_VERBS_H_
#define LOCKSTEP_CONFORMANCE_PROBES_VERBS_H_

#include <pthread.h>
#include <semaphore.h>

#include <cerrno>

#include "conformance/probes/probe.h"

namespace lockstep::conformance::probes {

void probe_open(const Probe& probe, wire::SlotCell* cell);  // open.cc
void probe_tmpfile(const Probe& probe, wire::SlotCell* cell);
void probe_truncate(const Probe& probe, wire::SlotCell* cell);
void probe_ftruncate(const Probe& probe, wire::SlotCell* cell);
void probe_ioctl(const Probe& probe, wire::SlotCell* cell);
void probe_reopen(const Probe& probe, wire::SlotCell* cell);
void probe_make(const Probe& probe,
                wire::SlotCell* cell);                        // names.cc: create, mkdir, mkfifo, mknod, mksock, symlink
void probe_remove(const Probe& probe, wire::SlotCell* cell);  // unlink, rmdir
void probe_move(const Probe& probe, wire::SlotCell* cell);    // rename, exchange, link
// Whether execve(2) found the path, and failed because it did not find its interpreter or loader.
bool is_of_interpreter(int err, const char* path);
void probe_exec(const Probe& probe, wire::SlotCell* cell);     // other.cc
void probe_port(const Probe& probe, wire::SlotCell* cell);     // sockets.cc: bind and connect TCP, bind UDP, send UDP
void probe_connect(const Probe& probe, wire::SlotCell* cell);  // to a UNIX socket by path or abstract name
void probe_signal(const Probe& probe, wire::SlotCell* cell);
void probe_unrestricted(const Probe& probe, wire::SlotCell* cell);  // stat, chmod, readlink

// comm.cc: a thread that waits to be named, and says what its name became. One serves all cells of an actor: it is
// started in the acting process by the first that needs it, and takes its own name again after each.
class NamedThread {
 public:
  explicit NamedThread(int keeper = -1) : keeper_(keeper) {}  // keeper.h
  NamedThread(const NamedThread&) = delete;
  NamedThread& operator=(const NamedThread&) = delete;
  ~NamedThread() { finish(); }

  bool start();  // false with errno; does nothing where it runs
  void finish();
  void read_name(char (&out)[16]);
  pthread_t thread() const { return thread_; }
  pid_t tid() const { return tid_; }

 private:
  static void* main(void* self);
  void live();

  int keeper_;
  bool runs_ = false;
  bool ends_ = false;
  bool keeps_name_ = false;  // its own name could not be had again: the next cell needs a new one
  sem_t ready_ = {};
  sem_t asked_ = {};
  pthread_t thread_ = {};
  pid_t tid_ = 0;
  char name_[16] = {};
};
// walk: where to capture, or null.
void probe_comm(const Probe& probe, wire::SlotCell* cell, model::RawWalk* walk, NamedThread& other);
void probe_comm(const Probe& probe, wire::SlotCell* cell, model::RawWalk* walk);

// Notes the step that failed with its errno. Returns `ok`.
inline bool step(wire::SlotCell* cell, std::uint64_t number, bool ok) {
  cell->err = ok ? 0 : errno;
  cell->aux = ok ? 0 : number;
  return ok;
}

// Whether an EPERM of opening or truncating this file has another cause than its attributes (immutable, append-only).
bool is_late_eperm(const char* path);  // late.cc
// Whether fs.protected_hardlinks lets this process link to it.
bool may_link_to(const char* path);

// "/proc/self/fd/N" into `out` (at least 40 bytes); returns it.
const char* fd_path(int fd, char* out);
// Becomes the program behind the descriptor, as fexecve(3) does: by execveat(), or, where a filter denies that, by the
// descriptor's name below /proc. Returns, with errno set, where neither works.
void execute_descriptor(int fd, char* const argv[], char* const envp[]);
// Appends the decimal of `value` at `out` and returns the end, which is NUL-terminated.
char* put_number(char* out, long value);

}  // namespace lockstep::conformance::probes

#endif  // LOCKSTEP_CONFORMANCE_PROBES_VERBS_H_
