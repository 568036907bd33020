#include "model/model.h"

namespace lockstep::model {
namespace {

// What the kernel takes in a rule on anything but a directory (a second copy, like the masks).
constexpr AccessSet on_files = AccessSet::from_bits(0x1c007);

}  // namespace

void Model::add_layer(const EffectivePolicy& effective, const std::vector<Walk>& walks) {
  const AccessSet all = rights_of_abi(kernel_.abi);
  std::vector<Rule> rules;
  std::vector<std::string> rule_names;
  for (std::size_t i = 0; i < effective.rules.size() && i < walks.size(); ++i) {
    const Walk& walk = walks[i];
    if (walk.error != 0 || walk.missing || walk.exempt || walk.objects.empty()) continue;
    const EffectiveRule& rule = effective.rules[i];
    AccessSet rights = rule.rights(all);
    if (walk.objects[0].type != FileType::directory) rights &= on_files;
    if (rights.empty()) continue;
    rules.push_back({walk.objects[0], rights, static_cast<int>(i)});
    std::string label = printable(rule.path) + " (" + std::string(name(rule.access));
    if (rule.line > 0) label += ", line " + std::to_string(rule.line);
    rule_names.push_back(label + ")");
  }
  add_layer(all, rules);
  layers_.back().names = std::move(rule_names);
}

void Model::add_layer(AccessSet handled, const std::vector<Rule>& rules) {
  Layer layer;
  layer.handled = handled;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Granted& granted = layer.rules[rules[i].object];
    granted.rights |= rules[i].rights;  // two rules on one object: the kernel joins them
    granted.rule = static_cast<int>(i);
    layer.names.push_back("rule " + std::to_string(i + 1));
  }
  layers_.push_back(std::move(layer));
}

std::string Model::describe(const Decision& decision) const {
  if (decision.err == 0) {
    if (decision.needed.empty()) return "Landlock does not restrict this";
    std::string out = "allowed: " + join_names(decision.needed, "+");
    if (decision.rule >= 0 && !layers_.empty())
      out += " granted by " + layers_.back().names[static_cast<std::size_t>(decision.rule)];
    return out;
  }
  const Layer& layer = layers_[static_cast<std::size_t>(decision.layer - 1)];
  std::string out = "layer " + std::to_string(decision.layer) + " lacks " + join_names(decision.missing, "+");
  if (decision.rule >= 0) return out + "; nearest rule " + layer.names[static_cast<std::size_t>(decision.rule)];
  return out + "; no rule covers it";
}

}  // namespace lockstep::model
