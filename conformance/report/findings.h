// What keeps a run from being green: one list, each finding with the exit code it stands for and the test that says so.
// The exit code, GoogleTest's failures (and so XML and JSON), the report and the last line are all derived from it.
//
//   std::vector<Finding> found = findings_of(run, {Readiness::ready, 0.9});
//   exit_code(found);                   // 0: green
//   conclusion(run, required, found);   // the last line
//
// A finding about a row belongs to the row's test. One about the run as a whole belongs to a test "run.X" of its own.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_FINDINGS_H_
#define LOCKSTEP_CONFORMANCE_REPORT_FINDINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "conformance/report/report.h"

namespace lockstep::conformance::report {

// The tests of a run as a whole. No case can have this suite's name.
inline constexpr char run_suite[] = "run";
inline constexpr char tried_test[] = "run.tried", golden_test[] = "run.golden", output_test[] = "run.output";

struct Required {
  std::optional<gpu::Readiness> readiness;
  double tried = 0.9;  // of the rows planned; 0 to 1
};

// How many of a run's rows were tried. A row whose plan or policy is refused counts as tried: a refusal is an answer. A
// row of an identity that cannot be had here is not planned. Where nothing was planned, nothing was tried.
struct Tried {
  std::size_t planned = 0;
  std::size_t judged = 0;
  std::size_t refused_plans = 0;
  std::size_t without_identity = 0;
  bool enough(double share) const { return static_cast<double>(judged) >= share * static_cast<double>(planned) - 1e-9; }
};
Tried tried(const Run& run);

std::vector<Finding> findings_of(const Run& run, const Required& required);

// Where there are several findings, the first of 4 (the harness failed), 2 (input), 1 (a disagreement, a gate), 3
// (nothing shown). None: 0.
int exit_code(const std::vector<Finding>& findings);

// One line: what passed, what was not tried and why, what is required. Without its line end.
std::string conclusion(const Run& run, const Required& required, const std::vector<Finding>& findings);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_FINDINGS_H_
