// What the model, or a fault planted in it, says of the restricted side's operations.
//
//   Oracle oracle(fuzz_case, tree, setting);
//   oracle.tell(layers);                            // again, where reclaim has changed what they hold
//   oracle.decide(operation, cell);                 // before it is tried; changes the thread's directory
//   oracle.differs().empty();                       // else a path that two ways to walk see differently
//
// For comm_open only the thread that acts knows the path: decide() says nothing there, and decide_walked() answers
// later.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_ORACLE_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_ORACLE_H_

#include <optional>
#include <string>
#include <vector>

#include "conformance/fuzz/execute.h"
#include "conformance/fuzz/layers.h"

namespace lockstep::conformance::fuzz {

// How many layers the peer stands below: it is started once so many are in force.
std::size_t peer_layers(const FuzzCase& fuzz_case);

class Oracle {
 public:
  Oracle(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting);

  void tell(const std::vector<ReadyLayer>& layers);
  void decide(const OperationSpec& operation, Cell& cell);
  void decide_walked(const OperationSpec& operation, const model::RawWalk& walk, Cell& cell) const;
  const std::string& differs() const { return walker_.differs; }

 private:
  void answer(const Question& question, Cell& cell) const;

  const FuzzCase& case_;
  const Setting& setting_;
  Tree::Walker walker_;
  Rules rules_{};
  std::optional<model::Model> model_;
};

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_ORACLE_H_
