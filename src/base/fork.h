// fork() and waitpid() where a filter may answer in the kernel's place, and the body of a child. A filter that answers
// fork() with 0 makes a program take itself for its child, and exit as the child would; one that always answers EINTR
// would keep whoever tries again for ever.
//
//   const pid_t pid = fork_process();
//   if (pid < 0) return call_error();
//   if (pid == 0) run_child([&] { return 7; });   // a process of its own, for certain
//   if (!wait_for(pid, &status)) return call_error("waitpid()");
#ifndef LOCKSTEP_BASE_FORK_H_
#define LOCKSTEP_BASE_FORK_H_

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep {

// Which process this is. A number alone does not say it: another PID namespace has the same ones, and they are used
// again. `token` is another in every process forked from one that was asked; 0: not known, and equal to nothing.
// Allocates nothing, takes no lock.
struct ProcessMark {
  pid_t pid = 0;
  std::uint64_t token = 0;
};
ProcessMark this_process();
bool is_this_process(const ProcessMark& mark);

// -1 with errno; EPROTO: the call said 0, and no process was made.
pid_t fork_process();
// The same without what libc does for it: the child may use system calls alone, for it may be a copy of a process with
// threads, whose locks nobody gives back. `signal` comes at its end. 0: none, and then it is a child that wait() does not
// see and wait_for(pid, &status, unseen) does: a caller that counts its children is not told of it, and one that ignores
// SIGCHLD does not lose its exit code.
pid_t clone_process(int signal);
inline constexpr int unseen = static_cast<int>(__WCLONE);

// Of errno, with what a filter may have to do with it. `call`: as it is written, with its brackets.
Error call_error(const std::string& call = "fork()");

// The exit code of a child that gave none: it threw.
inline constexpr int child_threw = 127;
// Ends this process with what `body` returns. An exception must not unwind into the stack of who called fork(): that
// would go on as a second one.
template <typename Body>
[[noreturn]] void run_child(Body&& body) noexcept {
  try {
    ::_exit(std::forward<Body>(body)());
  } catch (...) {
    ::_exit(child_threw);
  }
}

// Whether this child ended, and how; false with errno otherwise, EPROTO where no kernel answers so.
bool wait_for(pid_t pid, int* status, int flags = 0);

// Reads from a stream socket between this process and its child. Other threads may have forked meanwhile, and who they
// forked has the child's end too: so its end is no sign, and the child is looked at as well. `flags` are wait_for()'s;
// the child is not reaped. 0: the child has closed it or has ended; -1 with errno. `passed` gets the descriptor that came
// along.
ssize_t read_from_child(int socket, void* bytes, std::size_t size, pid_t child, int flags = 0,
                        UniqueFd* passed = nullptr);
// The other side of it. `fd`: a descriptor that goes along; -1: none.
bool pass_to_parent(int socket, const void* bytes, std::size_t size, int fd);

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_FORK_H_
