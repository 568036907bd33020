// Golden verdicts: what each policy allowed and denied when somebody last looked, as small text files to review and to keep.
//
//   LOCKSTEP_ASSIGN(GoldenResult result, check_golden(run, "golden"));
//   result.differences;      // one sentence for each cell that came out otherwise
//   LOCKSTEP_CHECK(update_golden(run, "golden"));
//
// A file a case, DIR/<name>.txt. Cells that come out alike stand together under who and what; a cell that changes moves from one
// heading to another, so that a reviewer sees it as one line:
//
//   lockstep.golden/1 comm-with-proc-read-only
//
//   readiness
//     user 1-7: blocked: comm needs write_file on /proc/<pid>/task/<tid>/comm
//
//   settings
//     run_as_user: nobody
//
//   container-root, user: EACCES 3-7, allow 1-2
//     truncate /outside/sweep/9
//
// The settings are those of the effective policy that no cell need show, where they are not at their defaults; a file without any has
// the defaults. A plan that is refused has that as its word of readiness, and no cell.
//
// The numbers are plan ABIs. What a run did not show (an ABI above the kernel's, an identity that cannot be had, a cell that was
// skipped) is not compared, and an update leaves it as it was. Answers that the machine gives and not the policy are not kept: those
// on procfs and sysfs where the control fails too, and elsewhere those that the control is not permitted either. Cases on the real machine have no golden verdicts: they are
// the machine's, not the policy's.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_GOLDEN_H_
#define LOCKSTEP_CONFORMANCE_REPORT_GOLDEN_H_

#include <map>
#include <string>
#include <vector>

#include "conformance/report/report.h"

namespace lockstep::conformance {

// Of one case: by identity and cell name ("readiness" for the row's word), the answer at each plan ABI.
using GoldenKey = std::pair<std::string, std::string>;
using GoldenAnswers = std::map<GoldenKey, std::map<int, std::string>>;
using GoldenSettings = std::map<std::string, std::string>;  // golden_settings.h: those that are not at their defaults
struct Golden {
  GoldenAnswers answers;
  GoldenSettings settings;
};

std::string golden_to_text(const std::string& name, const Golden& golden);
Result<Golden> golden_from_text(const std::string& text, const std::string& name, const std::string& file);

struct GoldenResult {
  std::vector<std::string> differences;  // sentences, of cells and of settings
  std::size_t compared = 0;  // answers
  std::size_t unknown = 0;   // of an identity or plan ABI that the file has nothing of, or of a file that procfs lacked there
};

// Fails (input) where a file cannot be read or is none. A case without a file is a difference.
Result<GoldenResult> check_golden(const Run& run, const std::string& directory);
// Writes what the run shows into the files, each beside itself and renamed; says how many. Makes the directory.
Result<std::size_t> update_golden(const Run& run, const std::string& directory);

}  // namespace lockstep::conformance

#endif  // LOCKSTEP_CONFORMANCE_REPORT_GOLDEN_H_
