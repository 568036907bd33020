// What makes a run green, and what its last line says.
#include "conformance/report/findings.h"

#include <gtest/gtest.h>

namespace lockstep::conformance::report {
namespace {

using Shown = ::lockstep::conformance::report::Run;  // GoogleTest has a Run of its own

class Findings : public ::testing::Test {
 protected:
  void SetUp() override { case_.source.name = "a.case"; }

  void add(judge::RowOutcome outcome, judge::SkipReason skipped = judge::SkipReason::none, std::size_t number = 1,
           gpu::Readiness readiness = gpu::Readiness::ready) {
    for (std::size_t i = 0; i < number; ++i) {
      JudgedRow row{{&case_, static_cast<int>(run_.rows.size() % 11) + 1, wire::IdentityKind::user}, {}};
      row.verdict.outcome = outcome;
      row.verdict.why_skipped = skipped;
      row.verdict.readiness.is = readiness;
      if (outcome == judge::RowOutcome::skip || outcome == judge::RowOutcome::error) row.verdict.message = "why not";
      if (outcome == judge::RowOutcome::agree || outcome == judge::RowOutcome::disagree)
        row.verdict.cells.resize(1), row.verdict.agreed = 1;
      run_.rows.push_back(std::move(row));
    }
  }
  int code(const Required& required = {}) const { return exit_code(findings_of(run_, required)); }
  std::string last_line(const Required& required = {}) const {
    return conclusion(run_, required, findings_of(run_, required));
  }

  judge::CaseRun case_;
  Shown run_;
};

TEST_F(Findings, NothingShownIsNotGreen) {
  EXPECT_EQ(code(), 3);
  EXPECT_EQ(code({std::nullopt, 0}), 3) << "whatever share is asked";
  add(judge::RowOutcome::skip, judge::SkipReason::here, 3);
  EXPECT_EQ(code({std::nullopt, 0}), 3);
  run_.rows.clear();
  add(judge::RowOutcome::skip, judge::SkipReason::plan_refused, 2);
  add(judge::RowOutcome::skip, judge::SkipReason::identity, 2);
  EXPECT_EQ(code({std::nullopt, 0}), 3) << "nothing was planned";
  run_.rows.clear();
  run_.claims.push_back({&case_, {}});
  EXPECT_EQ(code(), 0) << "claims can fail";
  EXPECT_EQ(code({gpu::Readiness::ready, 0.9}), 3) << "but are no row";
}

TEST_F(Findings, AlmostNothingIsNotGreen) {
  add(judge::RowOutcome::agree, judge::SkipReason::none, 9);
  add(judge::RowOutcome::skip, judge::SkipReason::here);
  EXPECT_EQ(code(), 0) << "0.9 of them";
  add(judge::RowOutcome::skip, judge::SkipReason::here);
  EXPECT_EQ(code(), 3);
  EXPECT_EQ(code({std::nullopt, 0.8}), 0);
  EXPECT_EQ(code({std::nullopt, 1}), 3);
  EXPECT_EQ(
      last_line(),
      "verdict   not green, exit 3: 9 of 11 rows tried (81%, 90% required), all agree; not tried: 2 rows: why not");
  EXPECT_EQ(last_line({std::nullopt, 0.5}),
            "verdict   green: 9 of 11 rows tried (81%, 50% required), all agree; not tried: 2 rows: why not");
}

// A plan that the policy refuses, and somebody who cannot be had, are said and do not count.
TEST_F(Findings, WhatWasNotPlannedIsNotUntried) {
  add(judge::RowOutcome::agree, judge::SkipReason::none, 2);
  add(judge::RowOutcome::skip, judge::SkipReason::plan_refused, 10);
  add(judge::RowOutcome::skip, judge::SkipReason::identity, 30);
  EXPECT_EQ(code(), 0);
  EXPECT_EQ(last_line(),
            "verdict   green: 2 of 2 rows tried, all agree; not planned: 30 rows as somebody who cannot be had here; "
            "10 rows of plans that the policy itself refuses");
}

TEST_F(Findings, TheCauseOfAMissingNamespaceIsSaidOnce) {
  run_.no_namespace = "no mount namespace: do this";
  add(judge::RowOutcome::agree);
  add(judge::RowOutcome::skip, judge::SkipReason::here, 5);
  EXPECT_NE(last_line().find("; not tried: 5 rows: no mount namespace: do this"), std::string::npos) << last_line();
  case_.source.context.host.real = true;
  EXPECT_NE(last_line().find("; not tried: 5 rows: why not"), std::string::npos) << "a real row needs none";
}

TEST_F(Findings, WhatIsRequiredIsMissedByARowThatHasNotShownIt) {
  const Required ready{gpu::Readiness::ready, 0.9};
  add(judge::RowOutcome::agree);
  EXPECT_EQ(code(ready), 0);
  EXPECT_NE(last_line(ready).find("; required ready: met"), std::string::npos);
  for (const gpu::Readiness other : {gpu::Readiness::degraded, gpu::Readiness::blocked,
                                     gpu::Readiness::blocked_elsewhere, gpu::Readiness::unknown}) {
    add(judge::RowOutcome::agree, judge::SkipReason::none, 1, other);
    const std::vector<Finding> found = findings_of(run_, ready);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].code, 1);
    EXPECT_EQ(found[0].test, run_.rows.back().row.name());
    EXPECT_NE(last_line(ready).find("; required ready: missed by 1 row"), std::string::npos);
    run_.rows.pop_back();
  }
  add(judge::RowOutcome::agree, judge::SkipReason::none, 1, gpu::Readiness::degraded);
  EXPECT_EQ(code({gpu::Readiness::degraded, 0.9}), 0);
  add(judge::RowOutcome::skip, judge::SkipReason::identity);
  EXPECT_EQ(code({gpu::Readiness::degraded, 0.9}), 1) << "a row that was skipped";
}

TEST_F(Findings, TheWorstCodeIsTheRuns) {
  EXPECT_EQ(exit_code({}), 0);
  EXPECT_EQ(exit_code({{"run.tried", 3, ""}, {"a.b", 1, ""}}), 1);
  EXPECT_EQ(exit_code({{"a.b", 1, ""}, {"a.c", 2, ""}}), 2);
  EXPECT_EQ(exit_code({{"a.b", 2, ""}, {"a.c", 4, ""}, {"a.d", 1, ""}}), 4);
  add(judge::RowOutcome::agree, judge::SkipReason::none, 20);
  add(judge::RowOutcome::disagree);
  EXPECT_EQ(code(), 1);
  EXPECT_NE(last_line().find("not green, exit 1: 21 of 21 rows tried, 1 disagree"), std::string::npos) << last_line();
  add(judge::RowOutcome::refused);
  EXPECT_EQ(code(), 2);
  add(judge::RowOutcome::error);
  EXPECT_EQ(code(), 4);
}

TEST_F(Findings, AClaimThatDoesNotHoldIsOfItsTest) {
  add(judge::RowOutcome::agree);
  run_.claims.push_back({&case_, {"read_only: expected [] got [/usr]"}});
  const std::vector<Finding> found = findings_of(run_, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].test, "a.case.claims");
  EXPECT_EQ(found[0].code, 1);
  EXPECT_NE(last_line().find(", 1 cases not as claimed"), std::string::npos) << last_line();
}

}  // namespace
}  // namespace lockstep::conformance::report
