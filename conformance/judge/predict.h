// What the model says of a row: of each cell, and of readiness at plan ABIs that this kernel is too old to enforce.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_PREDICT_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_PREDICT_H_

#include <vector>

#include "conformance/judge/verdict.h"
#include "model/model.h"

namespace lockstep::conformance::judge {

// The model of the row's effective policy at any plan ABI, with the paths that the control child walked.
model::Model build_model(const Row& row, const wire::RowReply& reply, const KernelLandlock& kernel, int plan_abi);
model::Decision decide(const Row& row, const model::Model& model, std::size_t cell, const wire::RowReply& reply);

// The errno with which procfs hides the cell's path from the restricted child (an entry of a process outside its
// domain); 0: it does not. It comes from the lookup, before Landlock is asked.
int hidden_by_procfs(const Row& row, std::size_t cell, const wire::RowReply& reply);

// Fills in out.readiness from out.cells and the decisions (parallel), and out.beyond by the model alone.
void read_readiness(const Row& row, const wire::RowReply& reply, const KernelLandlock& kernel,
                    const std::vector<model::Decision>& decisions, RowVerdict& out);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_PREDICT_H_
