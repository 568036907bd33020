// Proves a diff on the running kernel. Both policies are enforced on the same files, the same operations are tried
// under each, and what changed must be what the diff claims, no more and no less.
//
//   Workers workers = ...;
//   LOCKSTEP_ASSIGN(Verification proof, verify(workers, kernel, before, after, diff));
//   proof.findings.empty()                  // the kernel confirms it
//   proof.observed                          // the class that the kernel's answers alone give
//
// At each path a policy mentions, one operation is tried for each right, on the harness's own files in a simulated root
// of the situation's host (a path that the host does not list is made a directory). A claimed right is confirmed where
// an operation that needs it was denied under one policy and allowed under the other. What cannot be seen is listed
// with its reason and never counted as confirmed: rights this kernel lacks, a right that alone allows nothing while
// others are missing, what procfs and sysfs do not take. Settings are decisions of the library and are not tried, but
// for ports and scopes. One plan ABI: the kernel's own.
#ifndef LOCKSTEP_CONFORMANCE_VERIFY_VERIFY_H_
#define LOCKSTEP_CONFORMANCE_VERIFY_VERIFY_H_

#include <string>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "conformance/harness/workers.h"
#include "diff/diff.h"

namespace lockstep::conformance::verify {

struct Verification {
  diff::Class observed = diff::Class::equivalent;  // of paths, ports and scopes alone
  std::size_t situations = 0;       // that were run; those with the same two plans as an earlier one are not run again
  std::size_t cells = 0;            // compared under both policies
  std::size_t confirmed = 0;        // claims: a path, a right, a direction, a situation
  std::vector<std::string> unseen;  // claims the kernel cannot show here, with the reason
  std::vector<std::string>
      findings;  // what it does not confirm, what it shows unclaimed, where model and kernel disagree
};

Result<Verification> verify(harness::Workers& workers, const KernelLandlock& kernel, const Policy& before,
                            const Policy& after, const diff::Diff& diff);

// For people; and the exit code: 0, 1 where there are findings, 3 where nothing could be run.
std::string render(const Verification& verification);
int exit_code(const Verification& verification);

}  // namespace lockstep::conformance::verify

#endif  // LOCKSTEP_CONFORMANCE_VERIFY_VERIFY_H_
