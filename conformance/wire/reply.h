// What a worker answers: how the two children of a row ended, and what each saw, as plain structs.
#ifndef LOCKSTEP_CONFORMANCE_WIRE_REPLY_H_
#define LOCKSTEP_CONFORMANCE_WIRE_REPLY_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>

#include "conformance/wire/request.h"
#include "conformance/wire/walks.h"

namespace lockstep::conformance::wire {

enum class ChildOutcome : std::uint8_t {
  completed,  // exit 42, complete, every cell valid
  skipped,    // cannot be run here; `message` names what is missing
  timed_out,
  crashed,        // by a signal: `detail`
  leaked,         // a descendant survived and was ended
  setup_failed,   // before the restriction: `message` has the call, `detail` the errno
  harness_error,  // anything else: exited early, invalid cells, ...
  refused         // before the restriction: preparing refuses the policy on this machine; `message` says why
};
std::string_view name(ChildOutcome outcome);

// In `ret`: the errno is one that two of the kernel's checks give, one before it asks Landlock and one after, and here
// it was the later one. See probes/probe.h.
inline constexpr std::int64_t errno_is_late = -4096;

enum class CellState : std::uint32_t { unset = 0, done = 1, unsupported = 2 };

struct CellReply {
  CellState state = CellState::unset;
  std::int32_t err = 0;     // 0 or errno of the step that decided
  std::int64_t ret = 0;     // result of the last call; of a survey, files that opened for writing
  std::uint64_t aux = 0;    // step that failed (1-based); of a survey, files tried; of comm_open, errno of the write;
                            // of cu_init all four: see wire/cu_result.h
  std::uint64_t after = 0;  // the probe's post-condition: see probes/probe.h
};

struct ChildReply {
  ChildOutcome outcome = ChildOutcome::harness_error;
  std::int32_t detail = 0;
  std::string message;
  std::string output;  // what it wrote to stdout and stderr, at most 4 KiB
  std::uint32_t cells_done = 0;
  bool canary_before = false;      // readlink of the sibling's exe worked before
  std::int32_t canary_after = -1;  // its errno after; 0: it still worked
  // The errno with which procfs (hidepid) refuses this identity the entries of processes it may not trace, such as
  // those outside its domain; 0: it does not. Read from how procfs is mounted, not tried.
  std::int32_t hidden = 0;
  std::vector<CellReply> cells;  // parallel to the request's
  // Of the control child alone; parallel to view_paths and cells.
  Walks view_walks;
  Walks first_walks;
  Walks second_walks;
};

struct RowReply {
  std::uint64_t id = 0;
  ChildReply control;
  ChildReply restricted;
  std::uint64_t cpu_us = 0;  // CPU time of the worker and of what it reaped, since its last reply
};

// Who a row can be run as here: see identity.h.
struct Identities {
  bool privileged = false;  // root, with capabilities: user, container-root and root may be had; else only self
  std::array<std::string, 4> missing;  // by IdentityKind; empty: it can be had
  const std::string& missing_for(IdentityKind kind) const { return missing[static_cast<std::size_t>(kind)]; }
};

// The first thing a worker says.
struct WorkerHello {
  std::int32_t pid = 0;
  std::uint32_t slot = 0;
  std::int32_t mount_namespace = 0;  // 0: can be had; else errno of trying
  std::string scratch;               // its own directory: the driver removes it where the worker is killed
  Identities identities;
  std::string failure;  // why it cannot start; then nothing else is said
  ErrorKind failure_kind = ErrorKind::internal;
};

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_REPLY_H_
