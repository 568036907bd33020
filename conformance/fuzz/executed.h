// What a freshly executed program tries: the suite's helper, run from memory, inside the layers of the caller.
//
//   ExecutedRun run{.helper = fd, .directory = dir, .cells = cells, .walks = true};
//   if (!run_executed(run)) ...       // run.replies[i], and for comm-open run.walked[i]
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_EXECUTED_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_EXECUTED_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "conformance/wire/slot.h"
#include "conformance/wire/wire.h"
#include "model/read_walk.h"

namespace lockstep::conformance::fuzz {

struct ExecutedRun {
  int helper;     // memfd of the program
  int directory;  // to start in; -1: where the caller is
  std::vector<wire::CellRequest> cells;
  int keeper = -1;     // keeper.h
  bool walks = false;  // read what the path of each comm-open leads to as well
  std::vector<wire::SlotCell> replies = {};
  std::vector<model::RawWalk> walked = {};
};

// False, and errno, where the program could not be started or did not come to its end.
bool run_executed(ExecutedRun& run);

// A child that is the helper, which does nothing until the other end of `alive` is closed. It ends with 0, and with 1
// where it could not be executed. -1: there is none.
pid_t execute_and_wait(int helper, int alive);

// Waits for a child. False where it was ended by a signal, says that it failed, or is none (-1).
bool came_to_its_end(pid_t pid);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_EXECUTED_H_
