#include "policy/plan.h"

#include <map>

#include "landlock/abi.h"

namespace lockstep {
namespace {

MissingRight missing(Right right, const std::string& path) {
  const RightInfo& info = right_info(right);
  return {right, info.first_abi, path, std::string(info.unprotected)};
}

template <typename Each>
void for_each_right(AccessSet set, Each each) {
  for (int bit = 0; bit < right_count; ++bit)
    if (set.contains(static_cast<Right>(bit))) each(static_cast<Right>(bit));
}

}  // namespace

Result<Plan> compile(const EffectivePolicy& effective, int abi) {
  const AbiInfo* info = abi_info(abi);
  if (info == nullptr || abi_info(effective.min_abi) == nullptr)
    return internal_error("compile: no ABI " + std::to_string(info == nullptr ? abi : effective.min_abi));
  Plan out;
  out.file = effective.file;
  out.abi = abi;
  out.handled = info->fs;
  out.compatibility = effective.compatibility;

  // What the author relies on: everything of min_abi, and each right named in a grant.
  const AccessSet relied = abi_info(effective.min_abi)->fs;
  for_each_right(relied - info->fs, [&](Right right) { out.dropped.push_back(missing(right, "")); });
  AccessSet named;
  for (const EffectiveRule& rule : effective.rules) {
    if (rule.access != Access::grant) continue;
    named |= rule.granted;
    for_each_right(rule.granted - info->fs - relied, [&](Right right) { out.dropped.push_back(missing(right, rule.path)); });
  }
  for_each_right(abi_info(newest_abi)->fs - info->fs - relied - named,
                 [&](Right right) { out.not_yet_protected.push_back(missing(right, "")); });
  if (effective.compatibility == Compatibility::hard_requirement && (abi < effective.min_abi || !out.dropped.empty())) {
    std::string message = "hard_requirement: ABI " + std::to_string(abi) + " is below what the policy relies on (min_abi " + std::to_string(effective.min_abi);
    for (const MissingRight& each : out.dropped) message += ", " + std::string(name(each.right)) + " from ABI " + std::to_string(each.first_abi);
    Error error = unsupported_error(0, message + ")");
    error.file = effective.file;
    return error;
  }

  std::map<std::string, PlanRule> rules;
  for (const EffectiveRule& rule : effective.rules) {
    const AccessSet rights = rule.rights(info->fs);
    const bool author = rule.origin == Origin::policy || rule.origin == Origin::workdir || rule.promoted_from.has_value();
    if (rights.empty()) continue;  // a grant whose every right is dropped: listed above
    auto [found, fresh] = rules.try_emplace(rule.path, PlanRule{rule.path, {}, true, rule.line});
    found->second.rights |= rights;
    found->second.from_baseline = found->second.from_baseline && !author;
  }
  for (auto& [path, rule] : rules) out.rules.push_back(std::move(rule));
  if (out.rules.empty())
    return input_error(effective.file, 0, "the policy grants nothing at ABI " + std::to_string(abi) + ": no rule would be left, and that is refused");
  return out;
}

}  // namespace lockstep
