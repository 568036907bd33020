// How a fault is planted: what the model is asked, or told, with one thing changed. Each changes the copy it is given.
//
//   return as(rules, question, Operation::rename);    // the answer to another operation
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_PLANT_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_PLANT_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <lockstep/rights.h>

#include "conformance/fuzz/rules.h"

namespace lockstep::conformance::fuzz {

// As if the kernel asked for `to` where it asks for `from`.
model::Decision with_swapped(Rules& rules, const Question& question, Right from, Right to);
// As if `rights` were not asked for.
model::Decision without(Rules& rules, const Question& question, AccessSet rights);
model::Decision as(const Rules& rules, Question& question, Operation operation, Mode mode = Mode::plain);
// As if each layer stood alone, and one that allows were enough.
model::Decision in_any_layer(const Rules& rules, const Question& question);

// What lies above the root of a mount is left out.
void cut_at_mount(model::Walk& walk);
// What a mount covers stands in the walk.
void add_covered(const Rules& rules, model::Walk& walk);

// As if there were only the rules that keep(layer, i) says.
template <typename Keep>
model::Decision with_rules(Rules& rules, const Question& question, Keep keep) {
  for (RuleLayer& layer : rules.layers) {
    std::vector<model::Rule> kept;
    for (std::size_t i = 0; i < layer.rules.size(); ++i)
      if (keep(layer, i)) kept.push_back(layer.rules[i]);
    layer.rules = kept;
  }
  return ask(rules, question);
}

// Each policy of a layer, as change() leaves it.
template <typename Change>
void change_policies(Rules& rules, Change change) {
  for (RuleLayer& layer : rules.layers) {
    if (layer.policy == nullptr) continue;
    auto changed = std::make_shared<ToldPolicy>(*layer.policy);
    change(*changed);
    layer.policy = std::move(changed);
  }
}

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_PLANT_H_
