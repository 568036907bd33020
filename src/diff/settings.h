// Changes of a policy that name no path: how strictly it is enforced, ports, scopes, and the rules that decide
// conflicts.
#ifndef LOCKSTEP_DIFF_SETTINGS_H_
#define LOCKSTEP_DIFF_SETTINGS_H_

#include <array>
#include <string_view>
#include <vector>

#include "diff/diff.h"

namespace lockstep::diff {

// Every code a change can have.
inline constexpr std::array<std::string_view, 15> setting_codes = {
    "hard-requirement", "min-abi", "refused", "not-compared", "moves", "conflicts", "emptied",
    "network-policies", "ports",   "scopes",  "threads",      "log",   "quiet",     "identity",
    "workdir"};

// `context` is asked for its work directory, where that is known, and the administrator's conflicts.
std::vector<SettingChange> setting_changes(const Policy& before, const Policy& after, const Context& context,
                                           bool by_object);
// The same for what is in force. What only the author's own file says is not compared (conflicts, network policies, an
// emptied policy).
std::vector<SettingChange> setting_changes(const EffectivePolicy& before, const EffectivePolicy& after);

// Adds changes for the ABIs at which one of the two is refused (hard_requirement, nothing left to grant) and the other
// is not.
void add_requirement_changes(const EffectivePolicy& before, const EffectivePolicy& after, int abi,
                             std::vector<SettingChange>* out);

}  // namespace lockstep::diff

#endif  // LOCKSTEP_DIFF_SETTINGS_H_
