#include "review/openshell.h"

#include <algorithm>
#include <set>

#include "landlock/abi.h"
#include "policy/show.h"
#include "review/diff.h"

namespace lockstep::review {
namespace {

// What Landlock takes of a list's rights depends on the object; a grant that says the same of every object is an entry of a list.
std::optional<Access> list_of(const EffectiveRule& rule) {
  if (rule.access != Access::grant) return rule.access;
  if (rule.granted == abi_info(newest_abi)->fs) return Access::read_write;
  return rule.granted == access_read_only ? std::optional(Access::read_only) : std::nullopt;
}

// The lists alone, as a policy; what is left out is said, and remembered by its path.
Policy lists_of(const EffectivePolicy& effective, std::vector<std::string>* unsaid, std::set<std::string>* without) {
  Policy out;
  out.file = effective.file;
  out.has_filesystem_policy = true;
  out.include_workdir = effective.include_workdir;
  out.compatibility = effective.compatibility;
  out.run_as_user = effective.run_as_user;
  out.run_as_group = effective.run_as_group;
  std::set<std::string> writable;
  for (const EffectiveRule& rule : effective.rules)
    if (list_of(rule) == Access::read_write) writable.insert(rule.path);
  for (const EffectiveRule& rule : effective.rules) {
    const std::optional<Access> list = list_of(rule);
    if (!list) {
      unsaid->push_back("the grant of " + join_names(rule.granted, ", ") + " on " + printable(rule.path) + " is left out");
      without->insert(rule.path);
    } else if (*list == Access::read_write) {
      out.read_write.push_back({rule.path, rule.path, 0});
    } else if (!writable.contains(rule.path)) {
      out.read_only.push_back({rule.path, rule.path, 0});
    }
    if (rule.quiet) unsaid->push_back("denials below " + printable(rule.path) + " are logged: quiet is left out");
  }
  return out;
}

}  // namespace

Result<TwoLists> as_two_lists(const EffectivePolicy& effective) {
  TwoLists out;
  std::set<std::string> without;
  const Policy lists = lists_of(effective, &out.unsaid, &without);
  if (effective.min_abi != lists.min_abi) out.unsaid.push_back("min_abi " + std::to_string(effective.min_abi) + " is left out");
  if (effective.restrictions != Restrictions{}) out.unsaid.emplace_back("scopes, ports, log and threads of landlock are left out");
  if (effective.proxy) out.unsaid.emplace_back("network_policies are not copied: take them from the policy itself");
  for (const Notice& notice : effective.notices)
    if (notice.code == "baseline-kept") out.unsaid.push_back(printable(notice.path) + " is kept from the baseline by runtime_baseline_conflicts, which is left out");
  for (const std::string& line : out.unsaid) out.text += "# not said here: " + line + "\n";
  out.text += show_two_lists(lists);

  LOCKSTEP_ASSIGN(const Policy again, decode_policy(out.text, effective.file + " as two lists"));
  Situation bare;
  bare.as_written = true;
  LOCKSTEP_ASSIGN(const Diff diff, compare(as_policy(effective), again, {{bare}, false, 0}));
  for (const PathChange& change : diff.changes)
    if (!change.gained.empty() || !without.contains(change.path))
      return internal_error("two lists read back differ from the policy at " + printable(change.path));
  return out;
}

}  // namespace lockstep::review
