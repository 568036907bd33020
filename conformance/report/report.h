// The report: what was run, by whom, on what, and every cell's answers. One JSON truth; everything a person sees on the
// terminal is derived from the same values.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_REPORT_H_
#define LOCKSTEP_CONFORMANCE_REPORT_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include <lockstep/kernel.h>

#include "conformance/judge/row.h"
#include "conformance/judge/verdict.h"

namespace lockstep::conformance::report {

struct JudgedRow {
  judge::Row row;
  judge::RowVerdict verdict;
};

// A case's claims of enrichment, checked without a kernel.
struct JudgedClaims {
  const judge::CaseRun* run = nullptr;
  std::vector<std::string> differences;  // empty: as claimed
};

// One thing that keeps the run from being green: see findings.h.
struct Finding {
  std::string test;  // GoogleTest's name of it, "case.abi7/user" or "run.tried"
  int code = 0;      // the exit code it stands for
  std::string message;
};

struct Run {
  KernelLandlock kernel;
  std::string subject = "lockstep";
  std::uint32_t seed = 0;
  double seconds = 0;  // wall time of the rows
  std::vector<JudgedRow> rows;
  std::vector<JudgedClaims> claims;
  std::string no_namespace;  // why no mount namespace can be had, and what to do; empty: it can
  std::vector<Finding> findings;
};

struct Totals {
  std::size_t rows = 0, rows_agree = 0, rows_disagree = 0, rows_skipped = 0, rows_error = 0, rows_refused = 0;
  std::size_t cells = 0, agree = 0, disagree = 0, not_comparable = 0, skipped = 0, three_witnesses = 0;
  std::size_t untried = 0;  // cells skipped though somebody wrote down what must happen
};
Totals totals(const Run& run);

// lockstep.report/1, by write_file().
Result<void> write_report(const Run& run, const std::string& path);

// The table of policy x plan ABI. `width`: of the terminal, 0: any.
std::string render_table(const Run& run, bool color, std::size_t width);
// The table, the disagreements a line each, the skips with their reasons, and the count. With `steps` also each denied
// step and each upgrade in full, for the fixtures too. Lines are not wrapped.
std::string render(const Run& run, bool color, bool steps, std::size_t width);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_REPORT_H_
