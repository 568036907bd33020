#include "model/model.h"

#include <algorithm>

#include <lockstep/rights.h>

namespace lockstep::model {
namespace {

std::string label_of(const EffectiveRule& rule) {
  const std::string line = rule.line > 0 ? ", line " + std::to_string(rule.line) : "";
  return printable(rule.path) + " (" + std::string(name(rule.access)) + line + ")";
}

}  // namespace

void Model::add_layer(const EffectivePolicy& effective, const std::vector<Walk>& walks) {
  const AccessSet all = rights_of_abi(kernel_.abi);
  std::vector<Rule> rules;
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < effective.rules.size(); ++i) {
    const EffectiveRule& rule = effective.rules[i];
    labels.push_back(label_of(rule));
    if (i >= walks.size()) continue;
    const Walk& walk = walks[i];
    if (walk.error != 0 || walk.missing || walk.exempt || walk.objects.empty()) continue;
    AccessSet rights = rights_of_rule(rule.access, rule.granted, kernel_.abi);
    if (walk.objects[0].type != FileType::directory) rights &= rights_on_files();
    if (!rights.empty()) rules.push_back({walk.objects[0], rights, static_cast<int>(i)});
  }
  Restrictions restrictions = effective.restrictions;
  restrictions.net &= net_rights_of_abi(kernel_.abi);
  restrictions.scopes &= scopes_of_abi(kernel_.abi);
  add_layer(all, rules, restrictions);
  layers_.back().names = std::move(labels);
  layers_.back().written = std::move(rules);
}

void Model::add_layer(AccessSet handled, const std::vector<Rule>& rules, const Restrictions& restrictions) {
  Layer layer;
  layer.handled = handled;
  layer.restrictions = restrictions;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Granted& granted = layer.rules[rules[i].object];
    granted.rights |= rules[i].rights;  // two rules on one object: the kernel joins them
    granted.rule = rules[i].source >= 0 ? rules[i].source : static_cast<int>(i);
    layer.names.push_back("rule " + std::to_string(i + 1));
  }
  layers_.push_back(std::move(layer));
}

std::string Model::describe(const Decision& decision) const {
  if (decision.port || decision.scope) return describe_without_path(decision);
  if (decision.err == 0)
    return decision.needed.empty() ? "Landlock does not restrict this" : "allowed: " + join_names(decision.needed, "+");
  const std::size_t layer =
      static_cast<std::size_t>(decision.layer > 0 ? decision.layer : static_cast<int>(layers_.size())) - 1;
  const auto index = static_cast<std::size_t>(decision.rule);  // -1 is past any end
  const bool known = layer < layers_.size() && index < layers_[layer].names.size();
  const std::string rule = known ? layers_[layer].names[index] : "";
  std::string out = "layer " + std::to_string(decision.layer);
  if (decision.gain)
    out += ": the move would gain " + join_names(decision.missing, "+");
  else
    out += " lacks " + join_names(decision.missing, "+");
  return out + (known ? "; nearest rule " + rule : "; no rule covers it");
}

std::string Model::granted_by(const Query& query, const Decision& decision) const {
  // Rights by the rules that grant them, in the order in which the rights were found.
  std::vector<std::pair<std::string, AccessSet>> by;
  const auto walk_up = [&](const Layer& layer, const Walk& walk, Right right) {
    std::string rules;
    for (const Object& object : walk.objects)
      for (const Rule& rule : layer.written)
        if (rule.object == object && rule.rights.contains(right))
          rules += (rules.empty() ? "" : " and ") + layer.names[static_cast<std::size_t>(rule.source)];
    if (rules.empty()) return;
    const auto same = std::find_if(by.begin(), by.end(), [&](const auto& each) { return each.first == rules; });
    if (same == by.end())
      by.emplace_back(rules, right);
    else
      same->second |= right;
  };
  std::vector<const Walk*> walks;
  for (const Walk* walk : {query.first, query.second})
    if (walk != nullptr) walks.push_back(walk);
  if (query.loaders != nullptr)
    for (const Walk& walk : *query.loaders) walks.push_back(&walk);
  for (const Layer& layer : layers_)
    for (const Walk* walk : walks)
      for (int bit = 0; bit < right_count; ++bit)
        if (decision.needed.contains(static_cast<Right>(bit))) walk_up(layer, *walk, static_cast<Right>(bit));
  std::string out;
  for (const auto& [rules, rights] : by)
    out += (out.empty() ? "" : "; ") + join_names(rights, "+") + " granted by " + rules;
  return out;
}

}  // namespace lockstep::model
