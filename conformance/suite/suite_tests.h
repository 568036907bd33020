// The suite as GoogleTest's tests: each row, each case's claims, and what is about the run as a whole ("run.tried",
// ...).
//
//   LOCKSTEP_CHECK(check_gtest_flags());                // after InitGoogleTest
//   register_tests(suite, {tried_test});
//   SuiteRun(...).run_all();                            // runs and judges the rows; the test bodies only report
//
// Every finding is a failure of some test that runs: of its own test where the filter selects that, else of the first
// test that runs. So XML and JSON are red where the exit code is. The run's own tests run whatever the filter says.
#ifndef LOCKSTEP_CONFORMANCE_SUITE_SUITE_TESTS_H_
#define LOCKSTEP_CONFORMANCE_SUITE_SUITE_TESTS_H_

#include <functional>
#include <optional>
#include <vector>

#include "conformance/harness/workers.h"
#include "conformance/report/findings.h"
#include "conformance/report/report.h"

namespace lockstep::conformance::suite {

Error no_row_selected();

struct Suite {
  std::vector<judge::CaseRun> runs;
  std::vector<judge::Row> rows;
  std::vector<const judge::CaseRun*> claims;  // whose claims are tests
  KernelLandlock kernel;
};

// Refuses flags that would make a run of nothing (3: nothing would be shown) or one without an end (2). After
// InitGoogleTest.
Result<void> check_gtest_flags();

// `of_the_run`: the tests of the run as a whole.
void register_tests(const Suite& suite, const std::vector<std::string>& of_the_run);

// Runs and judges the rows and claims that GoogleTest selected. Then `finish` gets the run with its findings and may
// add its own. With several iterations each row's worst verdict counts; a verdict that flips is a finding.
class SuiteRun {
 public:
  using Finish = std::function<void(report::Run& run, bool last)>;
  SuiteRun(harness::Workers& workers, const Suite& suite, report::Run& run, report::Required required, Finish finish);
  // In place of RUN_ALL_TESTS(). Fails where the workers did, or where no row and no claim was selected.
  Result<int> run_all();

 private:
  class Listener;
  harness::Workers& workers_;
  const Suite& suite_;
  report::Run& run_;
  report::Required required_;
  Finish finish_;
};

}  // namespace lockstep::conformance::suite

#endif  // LOCKSTEP_CONFORMANCE_SUITE_SUITE_TESTS_H_
