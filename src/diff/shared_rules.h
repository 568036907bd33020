// The part of a policy that is in force in every situation alike: entries that no baseline meets or adds to. They are
// many, and are compared once.
//
//   const SharedRules rules = split(policy, paths_of_baselines(situations));
//   rules.shared                    // rules, as enrich() would make them
//   enrich(rules.rest, context)     // the others, and what the situation adds
#ifndef LOCKSTEP_DIFF_SHARED_RULES_H_
#define LOCKSTEP_DIFF_SHARED_RULES_H_

#include <string>
#include <unordered_set>
#include <vector>

#include "diff/diff.h"

namespace lockstep::diff {

struct SharedRules {
  std::vector<EffectiveRule> shared;
  Policy rest;
};

// Every path that something beside the author can grant in one of the situations.
std::unordered_set<std::string> paths_of_baselines(const std::vector<Situation>& situations);

SharedRules split(const Policy& policy, const std::unordered_set<std::string>& of_a_baseline);

}  // namespace lockstep::diff

#endif  // LOCKSTEP_DIFF_SHARED_RULES_H_
