#include "conformance/fuzz/oracle.h"

#include <algorithm>
#include <cstring>

#include "model/read_walk.h"

namespace lockstep::conformance::fuzz {

std::size_t peer_layers(const FuzzCase& fuzz_case) {
  return std::min(fuzz_case.peer_layers, fuzz_case.layers.size());
}

Oracle::Oracle(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting)
    : case_(fuzz_case), setting_(setting), walker_(tree) {
  const int plan_abi = case_.plan_abi > 0 ? case_.plan_abi : setting_.kernel.abi;
  rules_.kernel = {plan_abi, setting_.kernel.abi, setting_.kernel.errata};
  rules_.covered = tree.covered();
}

void Oracle::tell(const std::vector<ReadyLayer>& layers) {
  rules_.layers.clear();
  for (const ReadyLayer& layer : layers) rules_.layers.push_back(layer.told);
  model_.emplace(model_of(rules_));
}

void Oracle::decide_walked(const OperationSpec& operation, const model::RawWalk& walk, Cell& cell) const {
  answer({operation.operation, operation.mode, model::to_walk(walk), {}, "", 0, 0, operation.actor}, cell);
}

void Oracle::decide(const OperationSpec& operation, Cell& cell) {
  if (operation.operation == Operation::comm_open) return;  // whose walk only the actor knows
  if (!has_path(operation.operation)) {
    const std::size_t shared = operation.path == peer_word ? peer_layers(case_) : 0;
    const bool executed = operation.path == peer_word && case_.peer_executed;
    return answer({operation.operation, operation.mode, {}, {}, "", operation.port, shared, operation.actor, executed},
                  cell);
  }
  const bool links =
      setting_.fault != nullptr && setting_.fault->follows_links && operation.operation == Operation::unlink;
  const bool follow = links || follows_last_symlink(operation.operation);
  const bool two = takes_two_paths(operation.operation);
  answer({operation.operation, operation.mode, walker_.walk(operation.path, follow),
          two ? walker_.walk(operation.path2, follow) : model::Walk{}, operation.path, 0, 0, operation.actor},
         cell);
}

void Oracle::answer(const Question& question, Cell& cell) const {
  const model::Decision decision =
      setting_.fault != nullptr ? setting_.fault->decide(rules_, question) : model_->decide(query_of(question));
  cell.asked = 1;
  cell.err = decision.err;
  cell.layer = decision.layer;
  cell.needed = decision.needed.bits();
  cell.missing = decision.missing.bits();
  if (setting_.explain) std::strncpy(cell.words, model_->describe(decision).c_str(), sizeof cell.words - 1);
}

}  // namespace lockstep::conformance::fuzz
