// Proves that the suite would notice: each mutant on the row named for it, after the unbroken library passed that same
// row.
#ifndef LOCKSTEP_CONFORMANCE_SUBJECTS_RUN_MUTANTS_H_
#define LOCKSTEP_CONFORMANCE_SUBJECTS_RUN_MUTANTS_H_

#include <string>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "conformance/harness/workers.h"
#include "conformance/judge/row.h"

namespace lockstep::conformance::subjects {

struct MutantVerdict {
  std::string mutant;
  bool caught = false;
  bool skipped = false;          // it cannot be shown here: `text` says what is missing
  bool for_want_of_abi = false;  // skipped because this kernel is too old
  std::string text;              // the row, the cell and the witness; or why it was missed
};

Result<std::vector<MutantVerdict>> run_mutants(harness::Workers& workers, const std::vector<judge::CaseRun>& runs,
                                               const KernelLandlock& kernel);

}  // namespace lockstep::conformance::subjects

#endif  // LOCKSTEP_CONFORMANCE_SUBJECTS_RUN_MUTANTS_H_
