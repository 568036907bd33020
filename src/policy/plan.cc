#include <algorithm>
#include <map>

#include <lockstep/plan.h>
#include <lockstep/rights.h>

#include "policy/check.h"
#include "policy/danger.h"

namespace lockstep {
namespace {

template <typename Bit>
void list_missing(BitSet<Bit> set, const std::string& path, std::vector<Missing>* out) {
  for (int bit = 0; bit < 64; ++bit)
    if ((set.bits() >> bit & 1) != 0) out->push_back({&feature_info(static_cast<Bit>(bit)), path});
}

// What the policy restricts beside files, as far as the ABI has it.
void add_restrictions(const Restrictions& asked, const AbiInfo& info, Plan* out) {
  out->handled_net = asked.net & info.net;
  list_missing(asked.net - info.net, "", &out->dropped);
  for (const PortRule& rule : asked.ports)
    if (info.net.contains(rule.right)) out->ports.push_back(rule);
  out->scoped = asked.scopes & info.scope;
  list_missing(asked.scopes - info.scope, "", &out->dropped);
  out->log = asked.log.flags() & info.flags;
  if (out->log != asked.log.flags()) out->dropped.push_back({&feature_info(Extra::log), ""});
  out->all_threads =
      asked.all_threads;  // whether the kernel can is asked by restrict_self(), which fails where it cannot
}

}  // namespace

Result<Plan> compile(const EffectivePolicy& effective, int abi) {
  const AbiInfo* info = abi_info(abi);
  if (info == nullptr || abi_info(effective.min_abi) == nullptr)
    return internal_error("compile: no ABI " + std::to_string(info == nullptr ? abi : effective.min_abi));
  LOCKSTEP_CHECK(check(effective));
  Plan out;
  out.file = effective.file;
  out.abi = abi;
  out.handled = info->fs;
  out.compatibility = effective.compatibility;

  // What the author relies on: everything of min_abi, and each right named in a grant.
  const AccessSet relied = abi_info(effective.min_abi)->fs;
  list_missing(relied - info->fs, "", &out.dropped);
  AccessSet named;
  for (const EffectiveRule& rule : effective.rules) {
    if (rule.access != Access::grant || rule.origin != Origin::policy) continue;
    // All of them, as the groups write and all give, are every right that the ABI has, as read_write is: no one of them
    // is named.
    const bool every = rule.granted.contains(abi_info(newest_abi)->fs - access_read_only);
    if (!every) named |= rule.granted;
    if (!every) list_missing(rule.granted - info->fs - relied, rule.path, &out.dropped);
    if (rule.quiet && !info->quiet) out.dropped.push_back({&feature_info(Extra::quiet), rule.path});
  }
  add_restrictions(effective.restrictions, *info, &out);
  list_missing(abi_info(newest_abi)->fs - info->fs - relied - named, "", &out.not_yet_protected);
  if (effective.compatibility == Compatibility::hard_requirement && (abi < effective.min_abi || !out.dropped.empty())) {
    std::string message = "hard_requirement: ABI " + std::to_string(abi) +
                          " is below what the policy relies on (min_abi " + std::to_string(effective.min_abi);
    for (const Missing& each : out.dropped)
      message += ", " + std::string(each.feature->name) + " from ABI " + std::to_string(each.feature->first_abi);
    Error error = unsupported_error(0, message + ")");
    error.file = effective.file;
    return error;
  }

  std::map<std::string, PlanRule> rules;
  for (const EffectiveRule& rule : effective.rules) {
    const AccessSet rights = rule.rights(info->fs);
    const bool author =
        rule.origin == Origin::policy || rule.origin == Origin::workdir || rule.promoted_from.has_value();
    if (const AccessSet added = rule.added & info->fs; !added.empty())
      out.promotions.push_back({rule.path, added, danger_of(rule.path, added).consequence, rule.line});
    if (rights.empty()) continue;  // a grant whose every right is dropped: listed above
    auto [found, fresh] = rules.try_emplace(rule.path, PlanRule{rule.path, {}, true, rule.line, false});
    found->second.rights |= rights;
    found->second.quiet = found->second.quiet || (rule.quiet && info->quiet);
    found->second.from_baseline = found->second.from_baseline && !author;
  }
  for (auto& [path, rule] : rules) out.rules.push_back(std::move(rule));
  if (out.rules.empty())
    return input_error(effective.file, 0,
                       "the policy grants nothing at ABI " + std::to_string(abi) +
                           ": no rule would be left, and that is refused" +
                           (effective.include_workdir
                                ? "; include_workdir grants the directory that --workdir DIR names, and none was given"
                                : ""));
  return out;
}

bool Plan::quiet() const {
  return std::any_of(rules.begin(), rules.end(), [](const PlanRule& rule) { return rule.quiet; });
}

}  // namespace lockstep
