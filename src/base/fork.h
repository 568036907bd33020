// fork() and waitpid() where a filter may answer in the kernel's place. A filter that answers fork() with 0 makes a
// program take itself for its child, and exit as the child would; one that always answers EINTR would keep whoever tries
// again for ever.
//
//   const pid_t pid = fork_process();
//   if (pid < 0) return call_error();
//   if (pid == 0) ...                        // a process of its own, for certain
//   if (!wait_for(pid, &status)) return call_error("waitpid()");
#ifndef LOCKSTEP_BASE_FORK_H_
#define LOCKSTEP_BASE_FORK_H_

#include <sys/types.h>

#include <lockstep/error.h>

namespace lockstep {

// -1 with errno; EPROTO: the call said 0, and no process was made.
pid_t fork_process();
// What clone() or the like said, held against who asks; for calls of one's own.
pid_t checked_child(long said, pid_t parent);
// Of errno, with what a filter may have to do with it. `call`: as it is written, with its brackets.
Error call_error(const std::string& call = "fork()");

// Whether this child ended, and how; false with errno otherwise, EPROTO where no kernel answers so.
bool wait_for(pid_t pid, int* status, int flags = 0);

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_FORK_H_
