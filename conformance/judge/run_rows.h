// Runs rows on the workers and judges each as it comes back.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_RUN_ROWS_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_RUN_ROWS_H_

#include <functional>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "conformance/harness/workers.h"
#include "conformance/judge/row.h"
#include "conformance/judge/verdict.h"

namespace lockstep::conformance::judge {

// Verdicts parallel to `rows`; `done` is called after each. A policy that refuses its plan ABI is a skip that says so.
Result<std::vector<RowVerdict>> run_rows(harness::Workers& workers, const std::vector<Row>& rows,
                                         const Subject& subject, const KernelLandlock& kernel,
                                         const std::function<void()>& done);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_RUN_ROWS_H_
