// The judge: expected, predicted and observed side by side, cell by cell.
//
//   RowVerdict verdict = judge(row, reply, kernel);
//   verdict.outcome == RowOutcome::agree;  verdict.cells[i].lone == Witness::observed;
//
// A row agrees only where the restricted child came to its end as it should, the canary proved the restriction, every
// cell is valid and none disagrees. What is unknown is never agreement. A row in which none of the hand-written
// expectations could be tried is a skip. Where only some could not, `untried` counts them and their cells say why
// (`decided`).
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_VERDICT_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_VERDICT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/kernel.h>

#include "conformance/judge/row.h"
#include "conformance/judge/shared_text.h"
#include "conformance/wire/wire.h"
#include "gpu/readiness.h"

namespace lockstep::conformance::judge {

enum class Verdict : std::uint8_t { agree, disagree, not_comparable, skip, error };
enum class Witness : std::uint8_t { none, expected, predicted, observed, all };  // who stands alone
enum class RowOutcome : std::uint8_t {
  agree,
  disagree,
  skip,
  error,
  refused
};  // refused: of a user's own policy alone

// Why a row was skipped. `here`: this machine or container could not try it.
enum class SkipReason : std::uint8_t { none, plan_refused, identity, here };

std::string_view name(Verdict verdict);
std::string_view name(Witness witness);
std::string_view name(RowOutcome outcome);
std::string_view name(SkipReason reason);

// There are a quarter of a million in a run, and it keeps them all: what few have is in RowVerdict::special.
struct CellVerdict {
  Verdict verdict = Verdict::error;
  Witness lone = Witness::none;
  std::uint8_t witnesses = 0;
  int control = 0;  // errnos; 0: allowed
  std::optional<int> expected;
  std::optional<int> predicted;  // composed of the control's answer and the model's
  int observed = 0;
  AccessSet needed;    // what the operation needs, by the model
  AccessSet missing;   // what Landlock lacks of it
  SharedText decided;  // the model's words: layer, right, rule, of denials and disagreements; of a skip, why
};

// Of a cell that answers with more than an errno.
struct SpecialAnswer {
  std::int64_t ret = 0;   // of a survey: how many opened
  std::uint64_t aux = 0;  // of a survey: how many were tried; of cu-init: the control's driver version, and its device
                          // count << 32
  std::string control_word;  // of cu-init, in place of the errnos: CUDA's names
  std::string observed_word;
};

struct RowVerdict {
  RowOutcome outcome = RowOutcome::error;
  std::string message;  // of a skip or an error: what is missing, what went wrong
  SkipReason why_skipped = SkipReason::none;
  std::vector<CellVerdict> cells;                // parallel to the row's cells; empty where nothing was run
  std::map<std::size_t, SpecialAnswer> special;  // by index: of every survey and cu-init that was run
  gpu::ReadinessVerdict readiness;
  std::vector<gpu::PredictedReadiness>
      beyond;  // of the row at the kernel's own ABI: what newer plan ABIs would make of it
  std::optional<gpu::ReadinessVerdict>
      by_model;  // of a row on a simulated host that could not be tried here: no kernel was asked
  std::vector<SkippedPath>
      skipped_paths;  // of the author: they could not be opened, and the policy goes on without them
  std::size_t agreed = 0;
  std::size_t disagreed = 0;
  std::size_t not_comparable = 0;
  std::size_t skipped = 0;  // cells
  std::size_t untried = 0;  // of these, the ones with a hand-written expectation
};

RowVerdict judge(const Row& row, const wire::RowReply& reply, const KernelLandlock& kernel);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_VERDICT_H_
