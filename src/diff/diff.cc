#include "diff/diff.h"

#include <algorithm>
#include <utility>

#include <lockstep/abi.h>

#include "diff/compare.h"
#include "diff/settings.h"
#include "diff/shared_rules.h"

namespace lockstep::diff {
namespace {

AccessSet rights_asked_about(int abi) {
  return abi_info(abi == 0 ? newest_abi : abi)->fs;
}

// The policy as its author wrote it: no baseline, no conflict.
Result<EffectivePolicy> in_force(const Policy& policy, const Situation& situation) {
  if (!situation.as_written) return enrich(policy, situation.context);
  Context bare = situation.context;
  bare.gpu = Toggle::off;
  bare.proxy = Toggle::off;
  return enrich(policy, bare);
}

Class joined(bool gains, bool loses, bool weaker, bool stronger) {
  if (gains) return loses ? Class::both : Class::widening;
  if (weaker) return Class::weakening;
  return loses ? Class::narrowing : stronger ? Class::strengthening : Class::equivalent;
}

}  // namespace

std::string_view name(Class kind) {
  constexpr std::string_view names[] = {"equivalent", "strengthening", "narrowing", "weakening", "widening", "both"};
  return names[static_cast<std::size_t>(kind)];
}

namespace {

struct Seen {
  bool gains = false, loses = false, weaker = false, stronger = false;
};

// What is seen in each situation.
std::vector<Seen> seen_in(const Diff& diff) {
  std::vector<Seen> out(diff.situations.size());
  const auto in_each = [&](const std::vector<std::size_t>& list, auto see) {
    for (const std::size_t each : list) see(out[each]);
    if (list.empty()) std::for_each(out.begin(), out.end(), see);
  };
  for (const PathChange& change : diff.changes)
    in_each(change.situations, [&](Seen& seen) {
      seen.gains = seen.gains || !change.gained.empty();
      seen.loses = seen.loses || !change.lost.empty();
    });
  for (const SettingChange& change : diff.settings)
    in_each(change.situations, [&](Seen& seen) {
      seen.gains = seen.gains || change.kind == Class::widening || change.kind == Class::both;
      seen.loses = seen.loses || change.kind == Class::narrowing || change.kind == Class::both;
      seen.weaker = seen.weaker || change.kind == Class::weakening;
      seen.stronger = seen.stronger || change.kind == Class::strengthening;
    });
  return out;
}

Class class_of(const Seen& seen) {
  return joined(seen.gains, seen.loses, seen.weaker, seen.stronger);
}

}  // namespace

Class Diff::worst_in(std::size_t situation) const {
  return class_of(seen_in(*this)[situation]);
}

Class Diff::worst() const {
  Class out = Class::equivalent;
  for (const Seen& seen : seen_in(*this)) out = std::max(out, class_of(seen));
  return out;
}

bool Diff::stops() const {
  return std::any_of(changes.begin(), changes.end(),
                     [](const PathChange& each) { return !each.gained.empty() && each.accepted.empty(); }) ||
         std::any_of(settings.begin(), settings.end(),
                     [](const SettingChange& each) { return each.kind >= Class::weakening && each.accepted.empty(); });
}

namespace {

// As if no rule rejected.
void replace_rejects(std::vector<ConflictRule>* rules, ConflictMode instead) {
  for (ConflictRule& rule : *rules)
    if (rule.mode == ConflictMode::reject) rule.mode = instead;
}

Result<EffectivePolicy> without_rejects(Policy policy, Situation situation, ConflictMode instead) {
  replace_rejects(&policy.conflicts, instead);
  replace_rejects(&situation.context.administrator_conflicts, instead);
  return in_force(policy, situation);
}

// Where one or both are refused: what they would be on a host like it that lacks just what stands in the way, where
// what is written stays. Where the old one alone is refused, its baseline counts as had: that it runs now is said by
// itself.
Result<void> compare_refused(const Pair<const Policy*>& policies, const Situation& situation, std::size_t number,
                             const Pair<std::string>& why, Comparer* comparer) {
  comparer->refused(number, why);
  const Result<EffectivePolicy> before =
      without_rejects(*policies[0], situation, why[1].empty() ? ConflictMode::promote : ConflictMode::keep);
  const Result<EffectivePolicy> after = without_rejects(*policies[1], situation, ConflictMode::keep);
  if (before.ok() && after.ok())
    return comparer->compare({&*before, &*after}, number, why[0].empty() || why[1].empty());
  if (!why[0].empty() && !why[1].empty())
    comparer->not_compared(number, (before.ok() ? after : before).error().to_string());
  return {};
}

}  // namespace

Result<Diff> compare(const Policy& before, const Policy& after, Options options) {
  Diff out;
  out.old_file = before.file;
  out.new_file = after.file;
  out.by_object = options.by_object;
  out.abi = options.abi;
  out.situations = std::move(options.situations);
  if (out.situations.empty()) return internal_error("diff: no situation to compare in");
  out.settings = setting_changes(before, after, out.situations.front().context, out.by_object);
  const std::unordered_set<std::string> of_a_baseline = paths_of_baselines(out.situations);
  const SharedRules old_rules = split(before, of_a_baseline), new_rules = split(after, of_a_baseline);
  Comparer comparer(out, rights_asked_about(out.abi));
  LOCKSTEP_CHECK(comparer.share({&old_rules.shared, &new_rules.shared}));
  bool required = false;
  for (std::size_t i = 0; i < out.situations.size(); ++i) {
    const Result<EffectivePolicy> old_policy = in_force(old_rules.rest, out.situations[i]);
    const Result<EffectivePolicy> new_policy = in_force(new_rules.rest, out.situations[i]);
    if (old_policy.ok() && new_policy.ok()) {
      LOCKSTEP_CHECK(comparer.compare({&*old_policy, &*new_policy}, i));
    } else {
      const Pair<std::string> why{old_policy.ok() ? "" : old_policy.error().to_string(),
                                  new_policy.ok() ? "" : new_policy.error().to_string()};
      LOCKSTEP_CHECK(compare_refused({&old_rules.rest, &new_rules.rest}, out.situations[i], i, why, &comparer));
    }
    // Whether a plan is refused for its ABI depends on what the author wrote alone.
    if (required || (before.compatibility != Compatibility::hard_requirement &&
                     after.compatibility != Compatibility::hard_requirement))
      continue;
    const Result<EffectivePolicy> whole_old = without_rejects(before, out.situations[i], ConflictMode::keep);
    const Result<EffectivePolicy> whole_new = without_rejects(after, out.situations[i], ConflictMode::keep);
    if (!whole_old.ok() || !whole_new.ok()) continue;
    required = true;
    add_requirement_changes(*whole_old, *whole_new, out.abi, &out.settings);
  }
  comparer.finish();
  return out;
}

Result<Diff> compare_snapshots(const EffectivePolicy& before, const EffectivePolicy& after, int abi) {
  Diff out;
  out.old_file = before.file;
  out.new_file = after.file;
  out.abi = abi;
  out.situations.resize(1);
  out.situations[0].host = "as in the snapshots";
  out.settings = setting_changes(before, after);
  add_requirement_changes(before, after, abi, &out.settings);
  Comparer comparer(out, rights_asked_about(abi));
  LOCKSTEP_CHECK(comparer.compare({&before, &after}, 0));
  comparer.finish();
  return out;
}

}  // namespace lockstep::diff
