// One child of a row: the row protocol from its first step to _exit(42).
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_CHILD_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_CHILD_H_

#include <signal.h>
#include <sys/types.h>

#include <string>

#include "base/unique_fd.h"
#include "conformance/wire/slot.h"
#include "conformance/wire/wire.h"
#include "host/own_procfs.h"

namespace lockstep::conformance::harness {

// The exit codes of a child. None is 0 or 1, so that an accidental exit is not taken for one of them.
inline constexpr int exit_completed = 42;
inline constexpr int exit_setup_failed = 43;
inline constexpr int exit_skipped = 44;
inline constexpr int exit_actor_failed = 45;
inline constexpr int exit_refused = 46;

// Signals that a worker ignores: it ends when the driver closes its socket. Every other signal is at its default.
inline constexpr int worker_ignores[] = {SIGINT, SIGTERM, SIGQUIT, SIGPIPE};

struct ChildContext {
  const wire::RowRequest* request = nullptr;
  bool restricts = false;  // false: the control
  bool privileged = false;
  pid_t parent = 0;
  uid_t uid = 0;      // of identity `user`
  pid_t sibling = 0;  // the canary's
  const ProcfsFacts* procfs = nullptr;
  std::string mount_point;
  std::string scratch;
  wire::Slot slot;
  int slot_fd = -1;
  int request_fd = -1;
  int helper_fd = -1;
  int cuda_helper_fd = -1;
  int output_fd = -1;
};

[[noreturn]] void run_child(const ChildContext& context);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_CHILD_H_
