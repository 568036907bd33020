#include "conformance/fuzz/rules.h"

namespace lockstep::conformance::fuzz {

model::Model model_of(const Rules& rules) {
  model::Model out(rules.kernel);
  for (const RuleLayer& layer : rules.layers) {
    if (layer.policy != nullptr)
      out.add_layer(layer.policy->effective, layer.policy->walks);
    else
      out.add_layer(layer.handled, layer.rules, layer.restrictions);
  }
  return out;
}

model::Query query_of(const Question& question) {
  return {question.operation, question.mode, &question.first, &question.second, question.port, question.shared_layers};
}

model::Decision ask(const Rules& rules, const Question& question) {
  return model_of(rules).decide(query_of(question));
}

}  // namespace lockstep::conformance::fuzz
