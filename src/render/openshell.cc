#include "render/openshell.h"

#include <algorithm>
#include <set>
#include <utility>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "diff/diff.h"
#include "render/show.h"

namespace lockstep::render {
namespace {

// What Landlock takes of a list's rights depends on the object; a grant that says the same of every object is an entry
// of a list.
std::optional<Access> list_of(AccessSet granted) {
  if (granted == abi_info(newest_abi)->fs) return Access::read_write;
  return granted == access_read_only ? std::optional(Access::read_only) : std::nullopt;
}

// The policy with every grant that is an entry of a list in that list; the others are left out, said, and remembered by
// their path.
Policy lists_of(const EffectivePolicy& effective, std::vector<std::string>* unsaid, std::set<std::string>* without) {
  Policy out = as_policy(effective);
  for (const Grant& grant : std::exchange(out.grants, {})) {
    const std::optional<Access> list = list_of(grant.access);
    if (!list) {
      unsaid->push_back("the grant of " + join_names(grant.access, ", ") + " on " + printable(grant.entry.path) +
                        " is left out");
      without->insert(grant.entry.path);
    } else {
      (*list == Access::read_write ? out.read_write : out.read_only).push_back(grant.entry);
    }
    if (grant.quiet)
      unsaid->push_back("denials below " + printable(grant.entry.path) + " are logged: quiet is left out");
  }
  const auto by_path = [](const PathEntry& a, const PathEntry& b) { return a.path < b.path; };
  const auto same = [](const PathEntry& a, const PathEntry& b) { return a.path == b.path; };
  for (std::vector<PathEntry>* list : {&out.read_only, &out.read_write}) {
    std::sort(list->begin(), list->end(), by_path);
    list->erase(std::unique(list->begin(), list->end(), same), list->end());
  }
  std::erase_if(out.read_only, [&](const PathEntry& entry) {
    return std::binary_search(out.read_write.begin(), out.read_write.end(), entry, by_path);
  });
  return out;
}

}  // namespace

Result<TwoLists> as_two_lists(const EffectivePolicy& effective) {
  TwoLists out;
  std::set<std::string> without;
  const Policy lists = lists_of(effective, &out.unsaid, &without);
  if (effective.min_abi != Policy().min_abi)
    out.unsaid.push_back("min_abi " + std::to_string(effective.min_abi) + " is left out");
  if (effective.restrictions != Restrictions{})
    out.unsaid.emplace_back("scopes, ports, log and threads of landlock are left out");
  if (effective.proxy) out.unsaid.emplace_back("network_policies are not copied: take them from the policy itself");
  for (const Notice& notice : effective.notices)
    if (notice.code == "baseline-kept")
      out.unsaid.push_back(printable(notice.path) +
                           " is kept from the baseline by runtime_baseline_conflicts, which is left out");
  for (const std::string& line : out.unsaid) out.text += "# not said here: " + line + "\n";
  out.text += show_two_lists(lists);

  LOCKSTEP_ASSIGN(const Policy again, decode_policy(out.text, effective.file + " as two lists"));
  diff::Situation bare;
  bare.as_written = true;
  LOCKSTEP_ASSIGN(const diff::Diff diff, diff::compare(as_policy(effective), again, {{bare}, false, 0}));
  for (const diff::PathChange& change : diff.changes)
    if (!change.gained.empty() || !without.contains(change.path))
      return internal_error("two lists read back differ from the policy at " + printable(change.path));
  return out;
}

}  // namespace lockstep::render
