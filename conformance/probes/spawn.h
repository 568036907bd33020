// Processes that cost little: a fork without what libc does for programs of many threads, and a child that borrows this
// process's memory.
//
//   const pid_t pid = plain_fork();                                    // as fork(2): only while there is one thread
//   const pid_t pid = lend_to_child([](void* it) { ... }, &argument);  // as vfork(2): waits until it executes or ends
//
// Such a child writes into this process's memory and has everything else to itself: its number, descriptors,
// credentials. It must not return from what it does in it but by ending, may not start a thread, and has
// `lent_stack` bytes of stack. Where there is no such call, or a sanitizer that does not know it, it is a fork: whoever
// uses it must not need what the child wrote, but in memory that is shared anyway.
#ifndef LOCKSTEP_CONFORMANCE_PROBES_SPAWN_H_
#define LOCKSTEP_CONFORMANCE_PROBES_SPAWN_H_

#include <sys/types.h>

#include <cstddef>

namespace lockstep::conformance::probes {

inline constexpr std::size_t lent_stack = 64U << 10;  // of which only what is used costs anything

// Both: -1 and errno.
pid_t plain_fork();
pid_t lend_to_child(void (*body)(void*), void* argument);

// 0 to 255 where it ended by itself, else -1. Waits.
int exit_code_of(pid_t pid);

}  // namespace lockstep::conformance::probes

#endif  // LOCKSTEP_CONFORMANCE_PROBES_SPAWN_H_
