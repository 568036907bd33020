// The jobs of lockstep-conformance beside the run of its rows: what each prints, writes and answers with an exit code.
#ifndef LOCKSTEP_CONFORMANCE_SUITE_JOBS_H_
#define LOCKSTEP_CONFORMANCE_SUITE_JOBS_H_

#include "conformance/golden/golden.h"
#include "conformance/harness/workers.h"
#include "conformance/report/report.h"
#include "conformance/suite/options.h"

namespace lockstep::conformance::suite {

int code_of(const Error& error);
// "lockstep-conformance: FILE:LINE: message" on standard error; the exit code.
int complain(const Error& error);

// Fails where something printed did not get out: a full disk, a pipe that nobody reads, a closed descriptor.
Result<void> flush_output();

// Holds the run against its golden verdicts, or writes them. What is wrong becomes findings; what it has to say is returned. Nothing
// compared, or nothing to write, is nothing shown: 3.
std::string run_golden_job(const Options& options, const golden::GoldenScope& scope, report::Run& run);
int run_surface_job(harness::Workers& workers, const KernelLandlock& kernel, const Options& options);
int run_reclaim_job(const KernelLandlock& kernel, const Options& options);
int run_soak_job(const KernelLandlock& kernel, const Options& options);

}  // namespace lockstep::conformance::suite

#endif  // LOCKSTEP_CONFORMANCE_SUITE_JOBS_H_
