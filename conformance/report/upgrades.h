// What a newer Landlock ABI takes from a policy: a step of the GPU's start-up that was allowed at one plan ABI and is
// denied at the next, because the newer one handles a right that nobody granted.
//
//   for (const Upgrade& each : find_upgrades(run)) ...    // "plan 4 -> 5: ready -> blocked", the steps, the fix
//
// Plan ABIs beyond the kernel's own are the model's word alone, and marked as predicted. What a newer ABI additionally
// allows is not listed.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_UPGRADES_H_
#define LOCKSTEP_CONFORMANCE_REPORT_UPGRADES_H_

#include <string>
#include <vector>

#include "conformance/report/report.h"

namespace lockstep::conformance::report {

// A grant that gives back what was lost.
struct Fix {
  std::string path;
  AccessSet access;
};

struct Upgrade {
  const judge::CaseRun* run = nullptr;
  std::vector<wire::IdentityKind> identities;  // those it concerns
  int from = 0, to = 0;                        // plan ABIs, next to each other among those that were run
  gpu::Readiness before = gpu::Readiness::ready;
  gpu::Readiness after = gpu::Readiness::ready;
  bool predicted = false;  // `to` is newer than the kernel
  std::vector<gpu::DeniedStep> lost;
  std::vector<Fix> fixes;  // lines for filesystem_policy.grants
};

// By case, then by ABI.
std::vector<Upgrade> find_upgrades(const Run& run);

// "- {path: /dev/nvidia0, access: [ioctl_dev]}"
std::string grant_line(const Fix& fix);

// For a user's own policies, and with `all` for every case: each step that is denied at the newest plan ABI run, what
// breaks, and each upgrade in full. For fixtures without `all`: a line for each upgrade that makes readiness worse.
std::string render_steps(const Run& run, bool all);
std::string render_upgrades(const Run& run, bool all);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_UPGRADES_H_
