// What the model is told of a case, and what it is asked: the layers of one side, and a question for each operation.
//
//   model::Decision decision = ask(rules, question);
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_RULES_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_RULES_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lockstep/effective.h>

#include "conformance/fuzz/case.h"
#include "model/model.h"

namespace lockstep::conformance::fuzz {

// One question, and everything it is answered from. By value: a fault changes its copy.
struct Question {
  Operation operation;
  Mode mode;
  model::Walk first, second;
  std::string path;  // as the operation names it
  std::uint16_t port;
  std::size_t shared_layers;
  Actor actor = Actor::self;
  bool peer_executed = false;
};

struct ToldPolicy {
  EffectivePolicy effective;       // its paths as the case names them
  std::vector<std::string> paths;  // the same on this machine
  std::vector<model::Walk> walks;  // parallel to its rules
};

struct RuleLayer {
  AccessSet handled;
  std::vector<model::Rule> rules;
  std::vector<std::string> paths;  // of the rules, as they were named
  Restrictions restrictions = {};
  std::shared_ptr<const ToldPolicy> policy = {};  // instead of all that
  std::vector<model::Rule> lost = {};             // to reclaim: as the entry is now
  std::vector<model::Rule> pinned = {};           // which reclaim left
};

struct Rules {
  model::Kernel kernel;
  std::vector<RuleLayer> layers;
  std::vector<std::pair<model::Object, model::Object>> covered;  // root of a mount, what it covers
};

model::Model model_of(const Rules& rules);
model::Query query_of(const Question& question);
model::Decision ask(const Rules& rules, const Question& question);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_RULES_H_
