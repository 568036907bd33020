// Plan: an effective policy compiled for one Landlock ABI. Pure data: no path has been opened.
//
//   LOCKSTEP_ASSIGN(Plan plan, compile(effective, 7));
//   plan.handled;             // every file-system right of ABI 7
//   plan.rules[0].rights;     // as for a directory; prepare cuts them by what the opened object is
//   plan.dropped;             // what the author relies on (min_abi, grants, restrictions) and this ABI lacks
//
// hard_requirement fails (unsupported) where anything would be dropped; best_effort lists it with its consequence.
#ifndef LOCKSTEP_PLAN_H_
#define LOCKSTEP_PLAN_H_

#include <string>
#include <vector>

#include <lockstep/abi.h>
#include <lockstep/access_set.h>
#include <lockstep/effective.h>
#include <lockstep/error.h>

namespace lockstep {

struct PlanRule {
  std::string path;
  AccessSet rights;            // never empty, within Plan::handled
  bool from_baseline = false;  // the author did not write it: a path that vanished is skipped, also in hard_requirement
  int line = 0;
  bool quiet = false;
};

// A feature that the plan's ABI lacks. The table (abi.h) says what is unprotected without it.
struct Missing {
  const FeatureInfo* feature = nullptr;
  std::string path;  // the grant that asks for it; empty: the policy as a whole
};

// What a promotion adds: rights that the author's own rules do not give that path.
struct Promotion {
  std::string path;
  AccessSet added;    // never empty, within Plan::handled
  std::string opens;  // the consequence, in figures where measured: danger.h
  int line = 0;       // of the author's entry
};

struct Plan {
  std::string file;
  int abi = 0;
  AccessSet handled;
  NetSet handled_net;  // nothing but what the policy restricts
  ScopeSet scoped;
  Compatibility compatibility = Compatibility::best_effort;
  std::vector<PlanRule> rules;  // sorted by path, one a path
  std::vector<PortRule> ports;  // sorted, within handled_net
  RestrictFlags log;            // what differs from the kernel's defaults
  bool all_threads = false;
  std::vector<Promotion> promotions;  // sorted by path
  std::vector<Missing> dropped;
  std::vector<Missing> not_yet_protected;  // rights of newer ABIs than this one that nobody relied on
  bool quiet() const;                      // some rule is quiet
};

// "promoting /proc adds, at ABI 2, write_file, ...: procfs opens for writing ...".
std::string promotion_text(const Promotion& promotion, int abi);
// All that is to be said of it: what was promoted, and what is not enforced.
std::vector<Notice> notices(const Plan& plan);

// `abi` is 1 to newest_abi. Fails (unsupported) as above, and (input) where no rule is left.
Result<Plan> compile(const EffectivePolicy& effective, int abi);

}  // namespace lockstep

#endif  // LOCKSTEP_PLAN_H_
