#include "conformance/probes/spawn.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKSTEP_ALWAYS_FORKS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LOCKSTEP_ALWAYS_FORKS
#endif
#endif

namespace lockstep::conformance::probes {
namespace {

struct Lent {
  void (*body)(void*);
  void* argument;
};

[[maybe_unused]] int run_lent(void* argument) {
  const auto* lent = static_cast<const Lent*>(argument);
  lent->body(lent->argument);
  ::_exit(0);
}

}  // namespace

pid_t plain_fork() {
#if defined(LOCKSTEP_ALWAYS_FORKS) || !defined(__GLIBC_PREREQ)
  return ::fork();
#elif __GLIBC_PREREQ(2, 34)
  return ::_Fork();
#else
  return ::fork();
#endif
}

pid_t lend_to_child(void (*body)(void*), void* argument) {
#if !defined(LOCKSTEP_ALWAYS_FORKS)
  // On this thread's own stack: it stands still until the child has ended or executed.
  alignas(64) unsigned char stack[lent_stack];
  Lent lent{body, argument};
  const pid_t lent_to = ::clone(run_lent, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &lent);
  if (lent_to >= 0 || errno == EAGAIN || errno == ENOMEM) return lent_to;
#endif
  const pid_t pid = ::fork();
  if (pid == 0) {
    body(argument);
    ::_exit(0);
  }
  return pid;
}

int exit_code_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace lockstep::conformance::probes
