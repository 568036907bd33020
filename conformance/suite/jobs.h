// The jobs of lockstep-conformance beside the run of its rows: what each prints, writes and answers with an exit code.
#ifndef LOCKSTEP_CONFORMANCE_SUITE_JOBS_H_
#define LOCKSTEP_CONFORMANCE_SUITE_JOBS_H_

#include "base/complain.h"
#include "conformance/golden/golden.h"
#include "conformance/harness/workers.h"
#include "conformance/report/report.h"
#include "conformance/suite/options.h"

namespace lockstep::conformance::suite {

// Holds the run against its golden verdicts, or writes them. Differences become findings; the text for people is
// returned. Where nothing was compared or written, that is a finding of exit code 3: nothing was shown.
std::string run_golden_job(const Options& options, const golden::GoldenScope& scope, report::Run& run);
int run_surface_job(harness::Workers& workers, const KernelLandlock& kernel, const Options& options);
int run_reclaim_job(const KernelLandlock& kernel, const Options& options);
int run_soak_job(const KernelLandlock& kernel, const Options& options);

}  // namespace lockstep::conformance::suite

#endif  // LOCKSTEP_CONFORMANCE_SUITE_JOBS_H_
