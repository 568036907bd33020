#include "base/fork.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace lockstep {
namespace {

constexpr int most_interruptions = 1000;  // no process gets so many signals while it waits

}  // namespace

pid_t checked_child(long said, pid_t parent) {
  if (said != 0 || ::getpid() != parent) return static_cast<pid_t>(said);
  errno = EPROTO;
  return -1;
}

pid_t fork_process() {
  const pid_t parent = ::getpid();
  return checked_child(::fork(), parent);
}

Error call_error(const std::string& call) {
  if (errno == EPROTO) return internal_error(call + " is answered as no kernel does: a filter answers in its place");
  const bool denied = errno == EPERM || errno == EACCES || errno == ENOSYS;
  return system_error(errno, call + (denied ? ", which a filter may deny" : ""));
}

bool wait_for(pid_t pid, int* status, int flags) {
  pid_t ended = -1;
  for (int i = 0; i < most_interruptions && (ended = ::waitpid(pid, status, flags)) < 0 && errno == EINTR; ++i) {
  }
  if ((ended >= 0 && ended != pid) || (ended < 0 && errno == EINTR)) errno = EPROTO;
  return ended == pid;
}

}  // namespace lockstep
