#include "conformance/subjects/run_mutants.h"

#include <algorithm>

#include <lockstep/abi.h>

#include "conformance/judge/run_rows.h"
#include "conformance/subjects/mutants.h"

namespace lockstep::conformance::subjects {
namespace {

const judge::CaseRun* find_case(const std::vector<judge::CaseRun>& runs, const std::string& name) {
  for (const judge::CaseRun& run : runs)
    if (run.source.name == name) return &run;
  return nullptr;
}

// A mutant of enrichment is seen without a kernel: the case's claims no longer hold.
MutantVerdict by_claims(const Mutant& mutant, const judge::CaseRun& run) {
  bool seen = false;
  for (const std::string& difference : judge::check_claims(run, mutant.subject))
    seen = seen || difference.starts_with(mutant.cell);
  const bool caught = seen && judge::check_claims(run, judge::Subject{}).empty();
  return {mutant.subject.name, caught, false, false, mutant.case_name + ": " + mutant.cell + ", alone: observed"};
}

// A crash or another cell does not count: the cell named, with the one witness alone against both others.
bool disagrees(const judge::RowVerdict& verdict, const judge::CaseRun& run, const std::string& cell,
               judge::Witness alone) {
  if (run.source.refusal) return verdict.outcome == judge::RowOutcome::disagree && verdict.message.starts_with(cell);
  for (std::size_t i = 0; i < verdict.cells.size(); ++i)
    if (judge::cell_name(run.cells.cells[i]) == cell)
      return verdict.cells[i].verdict == judge::Verdict::disagree && verdict.cells[i].lone == alone;
  return false;
}

Result<MutantVerdict> by_row(harness::Workers& workers, const Mutant& mutant, const judge::CaseRun& run,
                             const KernelLandlock& kernel) {
  const wire::IdentityKind identity = judge::stand_in_for(mutant.identity, workers.hello().identities);
  const std::vector<judge::Row> row = {
      {&run, mutant.plan_abi > 0 ? mutant.plan_abi : std::min(kernel.abi, newest_abi), identity}};
  LOCKSTEP_ASSIGN(const std::vector<judge::RowVerdict> unbroken,
                  judge::run_rows(workers, row, judge::Subject{}, kernel, [] {}));
  judge::CaseRun broken_run = run;  // its effective policy is what the model reads; the subject enriches for itself
  if (mutant.model_takes) mutant.model_takes(broken_run.effective);
  const std::vector<judge::Row> broken_row = {{&broken_run, row.front().plan_abi, identity}};
  LOCKSTEP_ASSIGN(const std::vector<judge::RowVerdict> broken,
                  judge::run_rows(workers, broken_row, mutant.subject, kernel, [] {}));
  if (unbroken.front().outcome == judge::RowOutcome::skip)
    return MutantVerdict{mutant.subject.name, false, true, false, row.front().name() + ": " + unbroken.front().message};
  const bool passes = unbroken.front().outcome == judge::RowOutcome::agree;
  const bool seen = disagrees(broken.front(), run, mutant.cell, mutant.alone());
  std::string text = row.front().name() + ": " + mutant.cell + ", alone: " + std::string(judge::name(mutant.alone()));
  if (!passes) text += " (the unbroken library does not pass this row: " + unbroken.front().message + ")";
  if (!seen)
    text += " (not seen: " + std::string(judge::name(broken.front().outcome)) + " " + broken.front().message + ")";
  return MutantVerdict{mutant.subject.name, passes && seen, false, false, std::move(text)};
}

}  // namespace

Result<std::vector<MutantVerdict>> run_mutants(harness::Workers& workers, const std::vector<judge::CaseRun>& runs,
                                               const KernelLandlock& kernel) {
  std::vector<MutantVerdict> out;
  for (const Mutant& mutant : mutants()) {
    const judge::CaseRun* run = find_case(runs, mutant.case_name);
    if (run == nullptr) {
      out.push_back({mutant.subject.name, false, false, false, "no case " + mutant.case_name});
    } else if (mutant.needs_abi == 0) {
      out.push_back(by_claims(mutant, *run));
    } else if (mutant.needs_abi > kernel.abi) {
      out.push_back(
          {mutant.subject.name, false, true, true,
           "needs ABI " + std::to_string(mutant.needs_abi) + ", this kernel has " + std::to_string(kernel.abi)});
    } else {
      LOCKSTEP_ASSIGN(MutantVerdict verdict, by_row(workers, mutant, *run, kernel));
      out.push_back(std::move(verdict));
    }
  }
  return out;
}

}  // namespace lockstep::conformance::subjects
