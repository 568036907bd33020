// What a golden file holds of a policy beside its cells: who runs, what is logged, ports, scopes, how strictly it is
// enforced.
#ifndef LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_SETTINGS_H_
#define LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_SETTINGS_H_

#include <string>
#include <vector>

#include <lockstep/effective.h>

#include "conformance/golden/golden_file.h"

namespace lockstep::conformance::golden {

// Every setting there is, with its default.
const GoldenSettings& default_settings();
// Those of a policy that are not at their defaults.
GoldenSettings settings_of(const EffectivePolicy& policy);
// "run_as_user: nobody before, root now", for each that differs.
std::vector<std::string> setting_differences(const GoldenSettings& before, const GoldenSettings& now);

}  // namespace lockstep::conformance::golden

#endif  // LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_SETTINGS_H_
