// The jobs of lockstep-conformance beside the run of its rows: what each prints, writes and answers with an exit code.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_JOBS_H_
#define LOCKSTEP_CONFORMANCE_REPORT_JOBS_H_

#include "conformance/harness/workers.h"
#include "conformance/report/options.h"
#include "conformance/report/report.h"

namespace lockstep::conformance {

// "lockstep-conformance: FILE:LINE: message" on standard error; the exit code.
int complain(const Error& error);

// 0 where the verdicts are as they were. Nothing compared, or nothing to write, is nothing shown: 3.
int run_golden_job(const Run& run, const Options& options);
int run_surface_job(Workers& workers, const KernelLandlock& kernel, const Options& options);
int run_reclaim_job(const KernelLandlock& kernel, const Options& options);
int run_soak_job(const KernelLandlock& kernel, const Options& options);

}  // namespace lockstep::conformance

#endif  // LOCKSTEP_CONFORMANCE_REPORT_JOBS_H_
