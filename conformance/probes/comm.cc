// The write that names a thread, as CUDA and glibc make it and as it is often mistaken.
//
// glibc's pthread_setname_np() for another thread opens /proc/self/task/<tid>/comm O_RDWR; for the calling thread it is
// a prctl. A shell's redirection and fopen("w") add O_TRUNC, and need no reading. The kernel lets only the thread's own
// process write: another process's comm opens and the write is EINVAL.
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "conformance/probes/keeper.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

int flags_of(Mode mode) {
  switch (mode) {
    case Mode::wronly:
      return O_WRONLY | O_CLOEXEC;
    case Mode::trunc:
      return O_WRONLY | O_TRUNC | O_CLOEXEC;
    default:
      return O_RDWR | O_CLOEXEC;
  }
}

// "/proc/self/task/<tid>/comm", or by number "/proc/<pid>/task/<tid>/comm".
void comm_path(Target target, pid_t tid, char* out) {
  if (target == Target::numeric) {
    std::memcpy(out, "/proc/", 6);
    out = put_number(out + 6, ::getpid());
  } else {
    std::memcpy(out, "/proc/self", 10);
    out += 10;
  }
  std::memcpy(out, "/task/", 6);
  out = put_number(out + 6, tid);
  std::memcpy(out, "/comm", 6);
}

void write_name(const char* path, Mode mode, wire::SlotCell* cell) {
  const int fd = ::open(path, flags_of(mode));
  cell->err = fd < 0 ? errno : 0;
  if (fd < 0) return;
  const ssize_t written = ::write(fd, comm_name, sizeof(comm_name) - 1);
  cell->ret = written;
  const bool ok = written == static_cast<ssize_t>(sizeof(comm_name) - 1);
  cell->err = ok ? 0 : written < 0 ? errno : EIO;
  cell->aux = static_cast<std::uint64_t>(cell->err);
  ::close(fd);
}

void wait_for(sem_t* semaphore) {
  while (::sem_wait(semaphore) != 0) {
  }
}

}  // namespace

void* NamedThread::main(void* self) {
  static_cast<NamedThread*>(self)->live();
  return nullptr;
}

// The name is asked of the kernel, for the calling thread: nothing is opened.
void NamedThread::live() {
  char own[16] = {}, now[16] = {};
  ::prctl(PR_GET_NAME, own);
  tid_ = static_cast<pid_t>(::syscall(SYS_gettid));
  while (true) {
    ::sem_post(&ready_);
    wait_for(&asked_);
    if (ends_) return;
    ::prctl(PR_GET_NAME, name_);
    ::prctl(PR_SET_NAME, own);  // so that the next probe cannot see this one's success
    ::prctl(PR_GET_NAME, now);
    keeps_name_ = std::strncmp(own, now, sizeof(now)) != 0;
  }
}

bool NamedThread::start() {
  if (runs_ && !keeps_name_) return true;
  finish();
  ::sem_init(&ready_, 0, 0);
  ::sem_init(&asked_, 0, 0);
  const int failed = ::pthread_create(&thread_, nullptr, main, this);
  if (failed != 0) {
    errno = failed;
    return false;
  }
  runs_ = true;
  wait_for(&ready_);
  if (keeper_ >= 0) {
    char path[80];
    comm_path(Target::other_thread, tid_, path);
    keep_in(keeper_, path);
  }
  return true;
}

void NamedThread::finish() {
  if (!runs_) return;
  ends_ = true;
  ::sem_post(&asked_);
  ::pthread_join(thread_, nullptr);
  runs_ = ends_ = keeps_name_ = false;
}

void NamedThread::read_name(char (&out)[16]) {
  ::sem_post(&asked_);
  wait_for(&ready_);
  std::memcpy(out, name_, sizeof(out));
}

void probe_comm(const Probe& probe, wire::SlotCell* cell, model::RawWalk* walk) {
  NamedThread other;
  probe_comm(probe, cell, walk, other);
}

void probe_comm(const Probe& probe, wire::SlotCell* cell, model::RawWalk* walk, NamedThread& other) {
  if (probe.target == Target::other_process) {
    if (walk != nullptr) model::read_walk(probe.path, true, walk);
    write_name(probe.path, probe.mode, cell);
    return;
  }
  char before[16] = {};
  ::prctl(PR_GET_NAME, before);
  const bool own = probe.target == Target::own;
  if (!own && !other.start()) {
    cell->err = errno;
    return;
  }
  char path[80];
  comm_path(probe.target, own ? static_cast<pid_t>(::syscall(SYS_gettid)) : other.tid(), path);
  if (walk != nullptr) model::read_walk(path, true, walk);

  if (probe.mode == Mode::prctl) {
    cell->err = ::prctl(PR_SET_NAME, comm_name) == 0 ? 0 : errno;
  } else if (probe.mode == Mode::setname) {
    cell->err = ::pthread_setname_np(own ? ::pthread_self() : other.thread(), comm_name);
  } else {
    write_name(path, probe.mode, cell);
  }
  char after[16] = {};
  if (own) {
    ::prctl(PR_GET_NAME, after);
    ::prctl(PR_SET_NAME, before);  // so that the next probe cannot see this one's success
  } else {
    other.read_name(after);
  }
  cell->after = std::strncmp(after, comm_name, sizeof(after)) == 0 ? 1 : 0;
}

}  // namespace lockstep::conformance::probes
