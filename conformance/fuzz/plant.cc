#include "conformance/fuzz/plant.h"

#include <algorithm>

namespace lockstep::conformance::fuzz {

using model::Decision;
using model::Object;
using model::Walk;

namespace {

AccessSet swapped(AccessSet set, Right from, Right to) {
  const AccessSet both = from | to;
  AccessSet out = set - both;
  if (set.contains(from)) out |= to;
  if (set.contains(to)) out |= from;
  return out;
}

}  // namespace

Decision with_swapped(Rules& rules, const Question& question, Right from, Right to) {
  for (RuleLayer& layer : rules.layers) {
    layer.handled = swapped(layer.handled, from, to);
    for (model::Rule& rule : layer.rules) rule.rights = swapped(rule.rights, from, to);
  }
  return ask(rules, question);
}

Decision without(Rules& rules, const Question& question, AccessSet rights) {
  for (RuleLayer& layer : rules.layers)
    for (const Walk* walk : {&question.first, &question.second})
      for (const Object& object : walk->objects) layer.rules.push_back({object, rights & layer.handled});
  return ask(rules, question);
}

Decision as(const Rules& rules, Question& question, Operation operation, Mode mode) {
  question.operation = operation;
  question.mode = mode;
  return ask(rules, question);
}

void cut_at_mount(Walk& walk) {
  const auto root =
      std::find_if(walk.objects.begin(), walk.objects.end(), [](const Object& each) { return each.mount_root; });
  if (root != walk.objects.end()) walk.objects.erase(root + 1, walk.objects.end());
}

void add_covered(const Rules& rules, Walk& walk) {
  for (std::size_t i = walk.objects.size(); i-- > 0;)
    for (const auto& [root, covered] : rules.covered)
      if (walk.objects[i].mount_root && walk.objects[i] == root)
        walk.objects.insert(walk.objects.begin() + static_cast<std::ptrdiff_t>(i) + 1, covered);
}

Decision in_any_layer(const Rules& rules, const Question& question) {
  Decision out;
  for (const RuleLayer& layer : rules.layers) {
    out = ask({rules.kernel, {layer}, rules.covered}, question);
    if (out.err == 0) return out;
  }
  return out;
}

}  // namespace lockstep::conformance::fuzz
