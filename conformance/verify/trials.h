// Trials of rights: for each path a policy mentions, operations that show whether a right is there.
#ifndef LOCKSTEP_CONFORMANCE_VERIFY_TRIALS_H_
#define LOCKSTEP_CONFORMANCE_VERIFY_TRIALS_H_

#include <string>
#include <vector>

#include <lockstep/effective.h>

#include "conformance/wire/wire.h"

namespace lockstep::conformance::verify {

struct Trial {
  std::string path;  // as the policy mentions it; empty: of a port or a scope
  AccessSet needs;   // every right the operation needs there; empty: of a port or a scope
};

struct TrialPlan {
  std::vector<wire::CellRequest> cells;
  std::vector<Trial> trials;  // parallel to cells
  std::vector<wire::TreeItem> tree;
  bool network = false;
};

// How a cell came out under the old and the new policy.
enum class Flip { none, unknown, both_allow, both_deny, gained, lost };

// Adds the paths that the policy mentions and the host lacks, as directories. Not baseline paths: these would change
// what enrichment adds.
void add_paths(const EffectivePolicy& policy, Host* host);

TrialPlan plan_trials(const Host& host, const std::vector<const EffectivePolicy*>& policies);

struct Sight {
  bool shown = false;
  std::string unseen;  // why no operation here can show it; empty where one should have
  std::string tried;
};

// Whether a flip shows that the right was gained (or lost) at the path.
Sight look_for(const std::string& path, Right right, bool gained, const std::vector<Trial>& trials,
               const std::vector<Flip>& flips, int abi);

}  // namespace lockstep::conformance::verify

#endif  // LOCKSTEP_CONFORMANCE_VERIFY_TRIALS_H_
