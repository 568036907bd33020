// Ends a child of this process within a time. It works whatever a seccomp filter answers to pidfd_open, and returns
// even where a driver holds the child in the kernel and no signal ends it.
//
//   const Ending end = await_end(pid, 5000);
//   if (!end.in_time) ...        // it was killed
//   if (!end.reaped) ...         // and even that did not end it within `after_kill_ms`: it is left as it is
//
// Only a child that this process has not reaped gets a signal. The kernel is asked first, so a number that is, or has
// become, another process's gets none, wherever it was read. For that SIGCHLD must be at its default: see
// keep_ended_children().
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_ENDING_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_ENDING_H_

#include <sys/types.h>

#include <lockstep/error.h>

namespace lockstep::conformance::harness {

struct Ending {
  bool in_time = false;  // it ended by itself
  bool reaped = false;   // its number is free again; also false where it was no child of ours
  int status = 9;        // the wait status; where it was not reaped, that of a process ended by SIGKILL
};

struct EndingOptions {
  bool whole_group = false;  // ends the rest of its process group too, while that number is still its own
  int after_kill_ms = 5000;  // then it is given up
};

// Only waits: kills nothing, reaps nothing. False where it is still alive after the time.
bool ends_within(pid_t pid, int timeout_ms);

// timeout_ms <= 0: it is killed at once, unless it has ended.
Ending await_end(pid_t pid, int timeout_ms, const EndingOptions& options = {});

enum class ChildState { not_ours, alive, ended };
// Whether the child was killed, did not end, and is still there: nobody waits for it a second time.
bool is_given_up(pid_t pid);

ChildState state_of_child(pid_t pid);  // reaps nothing; what this process traces is its child too

// Call first in every program that forks. A program may be started with SIGCHLD ignored: then its children vanish as
// they end, and their numbers may be other processes' by the time a signal is sent.
void keep_ended_children();
// Whether the kernel can be asked about children at all: without that nothing that is started can be ended.
Result<void> check_waitid();

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_ENDING_H_
