// The end of a child of this process, within a time, whatever a filter answers to pidfd_open, and though a driver may hold the
// child in the kernel where no signal ends it.
//
//   const Ending end = await_end(pid, 5000);
//   if (!end.in_time) ...        // it was killed
//   if (!end.reaped) ...         // and even that did not end it within `after_kill_ms`: it is left as it is
//
// Only a child that this process has not reaped gets a signal: the kernel is asked first, so that a number which is (or has
// become) another process's gets none, wherever it was read. For that SIGCHLD must be at its default: see keep_ended_children().
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_ENDING_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_ENDING_H_

#include <sys/types.h>

namespace lockstep::conformance::harness {

struct Ending {
  bool in_time = false;  // it ended by itself
  bool reaped = false;   // its number is free again; false too where it was no child of ours
  int status = 9;        // the wait status; as of one that SIGKILL ended where it was not reaped
};

struct EndingOptions {
  bool whole_group = false;  // what is left of its process group ends with it, while its number is still its own
  int after_kill_ms = 5000;  // then it is given up
};

// Waits alone: kills nothing, reaps nothing. False where it is still alive then.
bool ends_within(pid_t pid, int timeout_ms);

// timeout_ms <= 0: it is killed at once, unless it has ended.
Ending await_end(pid_t pid, int timeout_ms, const EndingOptions& options = {});

enum class ChildState { not_ours, alive, ended };
// No signal ended it in its time, and it is still there: nobody waits for it a second time.
bool is_given_up(pid_t pid);

ChildState state_of_child(pid_t pid);  // reaps nothing; what this process traces is its child too

// A program may be started with SIGCHLD ignored: then its children vanish as they end, with their status, and their numbers may be
// others' by the time a signal is sent. For every program that forks, first thing.
void keep_ended_children();

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_ENDING_H_
