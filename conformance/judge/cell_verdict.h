// One cell of a row: what was expected, predicted and observed, side by side. For judge() of verdict.h, which makes a
// row's verdict of them.
//
//   model::Decision decision;
//   const CellVerdict cell = judge_cell(row, model, i, reply, &decision);
//
// Not cu-init's: the other witness of that is the readiness of the row.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_CELL_VERDICT_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_CELL_VERDICT_H_

#include <cstddef>

#include "conformance/judge/row.h"
#include "conformance/judge/verdict.h"
#include "conformance/wire/wire.h"
#include "model/model.h"

namespace lockstep::conformance::judge {

// `decision` is what the model said; of a survey it is left as it is.
CellVerdict judge_cell(const Row& row, const model::Model& model, std::size_t i, const wire::RowReply& reply,
                       model::Decision* decision);

// Whether the operation is on something that is in /proc.
bool below_proc(const wire::CellRequest& request);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CELL_VERDICT_H_
