// Probes: one operation each, tried once, reported as an errno and a post-condition.
//
// Async-signal-safe: no heap, no stdio, no exceptions; descriptors are closed again. A probe changes only what the
// harness made for it. Linked into the harness's child and into the static helper that the exec actor runs.
#ifndef LOCKSTEP_CONFORMANCE_PROBES_PROBE_H_
#define LOCKSTEP_CONFORMANCE_PROBES_PROBE_H_

#include <cstdint>
#include <span>

#include "conformance/wire/slot.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::probes {

// A cell ready to be run: paths resolved ("$scratch", "$sibling"), NUL-terminated, owned by the caller.
struct Probe {
  Operation operation;
  Mode mode;
  Actor actor;
  Target target;
  bool survey;
  const char* path;
  const char* path2;
  std::int32_t before_fd;  // Mode::before and surveys: what open_before() returned; else -1
  std::uint16_t port = 0;
};

// Opens what Mode::before and surveys (survey.h) need, before the restriction. -1 and errno where that fails; the cell
// will be `unsupported`. So it is for the exec actor too, whose program has no descriptors from before.
int open_before(const Probe& probe);

// Runs one probe in the calling thread. `err` is the errno of the step that failed first, `aux` that step's number (but
// for comm_open and surveys: see CellReply). What a caller might not expect:
//   - ioctl: a device that does not know the request answers 0, with the device's own errno, negated, in `ret`: the
//     request arrived.
//   - A client whose server's queue is full answers 0, with -EAGAIN in `ret`: it arrived too.
//   - exec is ENOEXEC for the harness's files, 0 where a program ran, and -1 where it was killed (nobody knows by
//     whom).
//   - A socket path that does not fit into sockaddr_un is `unsupported`.
//
// Some errnos are given by two of the kernel's checks, one before it asks Landlock and one after. `ret` is
// errno_is_late where it was the later one:
//   - ECONNREFUSED: later from a server that is bound and does not listen; earlier where nobody is bound.
//   - EPERM of opening: later from a driver or a file system; earlier from a file that is immutable or append-only.
//   - EPERM of a link: later in every case but that of fs.protected_hardlinks.
//
// `after`:
//   create, mkdir, mkfifo, mknod, mksock, symlink, link   1: the name exists afterwards
//   truncate, ftruncate, open_trunc                       size of the file afterwards
//   unlink, rmdir                                         1: the name still exists
//   rename, exchange                                      1: the new name exists
//   connect_unix to a server of its own                   1: the name exists
//   comm_open                                             1: the thread's name reads back as written
void run_probe(const Probe& probe, wire::SlotCell* cell);

// What a run over the cells of a row needs.
struct ProbeRun {
  std::span<const Probe> probes;
  wire::Slot slot;
  bool capture = false;     // control child: read_walk each probe's paths into the slot, just before it
  bool comm_alone = false;  // captures of comm-open alone, whose path only the actor knows
  bool own_tree = false;    // nobody but the row changes what is not below /proc or /sys (model::WalkReader)
  // Index of the first cell's walk in slot.walks; cell i has first_walk + 2i and + 2i + 1.
  std::uint32_t first_walk = 0;
  int helper_fd = -1;        // memfd of the static helper, for Actor::exec
  bool no_program = false;   // it is no memfd, so the policy could deny it: cells of that actor are `unsupported`
  int request_fd = -1;       // memfd with the encoded RowRequest, for the helper
  int slot_fd = -1;          // memfd of the slot, for the helper
  const char* scratch = "";  // for the helper
  std::int32_t sibling = 0;  // pid of the canary sibling
  int keeper = -1;           // of whoever waits for this process: see keeper.h
};

// Runs every cell with its actor: self first, then thread, child, grandchild, exec. Returns false where an actor could
// not be started or did not come to its end (its cells stay unset). Cells of early_thread are not run here: that thread
// runs before the restriction, and whoever starts it calls run_cells_of().
bool run_probes(const ProbeRun& run);

// Only the cells of one actor, in the calling thread: what run_probes does inside each actor, and the helper
// in its main().
void run_cells_of(const ProbeRun& run, Actor actor);

// The length of the name the comm probe writes, and what the kernel returns for it: 14 bytes,
// "cuda-EvtHandlr".
inline constexpr char comm_name[] = "cuda-EvtHandlr";

}  // namespace lockstep::conformance::probes

#endif  // LOCKSTEP_CONFORMANCE_PROBES_PROBE_H_
