// Runs a fuzz case. One side tries every operation in its tree without the restriction: the control. Another restricts
// itself and tries the same in an identical tree. The model says beforehand what Landlock will answer.
//
//   Board board(fuzz_case.operations.size());
//   LOCKSTEP_CHECK(try_control(fuzz_case, tree, setting, board));
//   LOCKSTEP_CHECK(try_restricted(fuzz_case, another, setting, board));
//   judge(fuzz_case.operations[0], board.cells[0]).agrees
//   fuzz_case.layers = others;                       // the control, which has none, stands for them as well
//   LOCKSTEP_CHECK(try_restricted(fuzz_case, third, setting, board));
//
// A side is a forked child or a thread, as the setting says: Landlock restricts the thread that asks, so both must
// answer alike. Operations of one case must not depend on one another: the model is asked about all of them before the
// first is tried.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_EXECUTE_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_EXECUTE_H_

#include <cstdint>
#include <string>

#include <lockstep/kernel.h>

#include "conformance/fuzz/case.h"
#include "conformance/fuzz/faults.h"
#include "conformance/fuzz/others.h"
#include "conformance/fuzz/tree.h"
#include "conformance/wire/slot.h"

namespace lockstep::conformance::fuzz {

enum class Tier : std::uint8_t { process, thread };

struct Setting {
  KernelLandlock kernel;
  bool real_root = true;  // else a user namespace of one user
  Tier tier = Tier::process;
  const Fault* fault = nullptr;
  int helper = -1;                   // memfd of the program that executes
  int drop_caches = -1;              // of cases with reclaim
  const Outside* outside = nullptr;  // null: what has no path cannot be tried
  bool explain = false;              // write what the model says into the cells
};

// What a side writes about one operation: in shared memory.
struct Cell {
  wire::SlotCell control, restricted;
  std::int32_t asked;  // 1: the model was asked
  std::int32_t err, layer;
  std::uint64_t needed, missing;
  char words[160];
};

class Board {
 public:
  explicit Board(std::size_t size);
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
  ~Board();
  struct Side {
    std::int32_t done;  // 1: came to its end
    std::int32_t err;
    std::uint32_t not_reclaimed;  // rules that were to be lost and were not
    char failed[160];             // the call that failed
  };
  Side* sides;  // restricted, control
  Cell* cells;
  std::size_t size;

 private:
  std::size_t bytes_;
};

// An error where a side could not be set up or did not come to its end; `internal` is a fault of the fuzzer,
// `input` one of the case (a rule on a path that is not there). A restricted side leaves the cells' controls as they are.
Result<void> try_control(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting, Board& board);
Result<void> try_restricted(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting, Board& board);

struct Judged {
  bool agrees = true;
  bool tried = false;    // false: cannot be tried here
  bool allowed = false;  // the operation did what it does
  bool denied = false;   // Landlock's answer was seen, and the control's was another
  int expected = 0;
};
Judged judge(const OperationSpec& operation, const Cell& cell);
std::string describe(const OperationSpec& operation, const Cell& cell);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_EXECUTE_H_
