#include "conformance/report/golden.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "cli/testing.h"

namespace lockstep::conformance {
namespace {

using lockstep::testing::TemporaryDirectory;
using Shown = ::lockstep::conformance::Run;  // GoogleTest has a Run of its own

// One case with two cells, run as one identity at the ABIs of `observed`: {abi, errno of each cell}.
class GoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    run_case_.source.name = "a-case";
    for (const char* path : {"/a", "/b"}) {
      CellRequest cell;
      cell.operation = Operation::open_w;
      cell.path = path;
      run_case_.cells.cells.push_back(cell);
      run_case_.cells.info.emplace_back();
    }
  }

  Shown run(const std::map<int, std::vector<int>>& observed, IdentityKind identity = IdentityKind::user) {
    Shown out;
    for (const auto& [abi, errs] : observed) {
      JudgedRow row{{&run_case_, abi, identity}, {}};
      row.verdict.outcome = RowOutcome::agree;
      row.verdict.readiness = {abi < 3 ? Readiness::ready : Readiness::blocked, abi < 3 ? "" : "comm needs x", {}};
      for (const int err : errs) {
        CellVerdict cell;
        cell.verdict = err < 0 ? Verdict::skip : Verdict::agree;
        cell.observed = err;
        row.verdict.cells.push_back(cell);
      }
      out.rows.push_back(std::move(row));
    }
    return out;
  }

  std::vector<std::string> differences(const Shown& run) {
    const Result<GoldenResult> out = check_golden(run, dir_.path());
    EXPECT_TRUE(out.ok()) << out.error().to_string();
    return out.ok() ? out->differences : std::vector<std::string>{"error"};
  }

  CaseRun run_case_;
  TemporaryDirectory dir_;
};

TEST_F(GoldenTest, AreWrittenForPeopleAndReadBack) {
  ASSERT_TRUE(update_golden(run({{1, {0, EACCES}}, {2, {0, EACCES}}, {3, {EACCES, EACCES}}}), dir_.path()).ok());
  const std::string text = dir_.read("a_case.txt");
  EXPECT_EQ(text,
            "lockstep.golden/1 a-case\n\nreadiness\n  user 3: blocked: comm needs x\n  user 1-2: ready\n"
            "\nuser: EACCES 1-3\n  open-w /b\n\nuser: EACCES 3, allow 1-2\n  open-w /a\n");
  const Result<Golden> golden = golden_from_text(text, "a-case", "f");
  ASSERT_TRUE(golden.ok()) << golden.error().to_string();
  EXPECT_EQ(golden_to_text("a-case", *golden), text);
}

TEST_F(GoldenTest, AChangedCellIsASentence) {
  ASSERT_TRUE(update_golden(run({{1, {0, EACCES}}, {2, {0, EACCES}}}), dir_.path()).ok());
  EXPECT_TRUE(differences(run({{1, {0, EACCES}}, {2, {0, EACCES}}})).empty());
  EXPECT_EQ(differences(run({{1, {0, EACCES}}, {2, {0, 0}}})), std::vector<std::string>{"a-case: open-w /b as user at plan ABI 2: EACCES before, allow now"});
  const Result<GoldenResult> newer = check_golden(run({{2, {0, EACCES}}, {3, {0, 0}}}), dir_.path());
  ASSERT_TRUE(newer.ok());
  EXPECT_TRUE(newer->differences.empty()) << "an ABI that the file does not have";
  EXPECT_EQ(newer->compared, 3U);
  EXPECT_EQ(newer->unknown, 3U);
}

TEST_F(GoldenTest, AChangedWordOfReadinessIsASentence) {
  ASSERT_TRUE(update_golden(run({{1, {0, 0}}}), dir_.path()).ok());
  Shown other = run({{1, {0, 0}}});
  other.rows[0].verdict.readiness = {Readiness::blocked, "comm needs y", {}};
  EXPECT_EQ(differences(other), std::vector<std::string>{"a-case: readiness as user at plan ABI 1: ready before, blocked: comm needs y now"});
}

TEST_F(GoldenTest, WhatWasNotShownIsNotComparedAndIsKept) {
  ASSERT_TRUE(update_golden(run({{1, {0, EACCES}}, {2, {0, EACCES}}}), dir_.path()).ok());
  const std::string before = dir_.read("a_case.txt");
  EXPECT_TRUE(differences(run({{1, {-1, EACCES}}})).empty()) << "a cell that was skipped";
  ASSERT_TRUE(update_golden(run({{1, {0, EACCES}}}), dir_.path()).ok());
  EXPECT_EQ(dir_.read("a_case.txt"), before) << "an older kernel's run leaves newer ABIs alone";
  ASSERT_TRUE(update_golden(run({{1, {0, EACCES}}}, IdentityKind::root), dir_.path()).ok());
  EXPECT_NE(dir_.read("a_case.txt").find("\nroot: EACCES 1\n"), std::string::npos);
  EXPECT_TRUE(differences(run({{2, {0, EACCES}}})).empty());
}

// Another machine's procfs has more or less, and a user namespace permits less: no verdict of the policy.
TEST_F(GoldenTest, AnswersThatAreTheMachinesAreNotKept) {
  run_case_.cells.cells[0].path = "/proc/modules";
  Shown lacks = run({{1, {ENOENT, EACCES}}});
  lacks.rows[0].verdict.cells[0].control = ENOENT;
  ASSERT_TRUE(update_golden(lacks, dir_.path()).ok());
  EXPECT_EQ(dir_.read("a_case.txt").find("/proc/modules"), std::string::npos);
  Shown has = run({{1, {0, EACCES}}});
  Result<GoldenResult> checked = check_golden(has, dir_.path());
  ASSERT_TRUE(checked.ok());
  EXPECT_TRUE(checked->differences.empty());
  EXPECT_EQ(checked->unknown, 1U);

  has.rows[0].verdict.cells[1].observed = 0;
  EXPECT_EQ(differences(has).size(), 1U);  // the policy's own
  has.rows[0].verdict.cells[1].observed = has.rows[0].verdict.cells[1].control = EPERM;
  EXPECT_TRUE(differences(has).empty());
  ASSERT_TRUE(update_golden(has, dir_.path()).ok());
  EXPECT_NE(dir_.read("a_case.txt").find("user: EACCES 1\n  open-w /b\n\nuser: allow 1\n  open-w /proc/modules"), std::string::npos)
      << dir_.read("a_case.txt");
  EXPECT_TRUE(differences(lacks).empty());
}

TEST_F(GoldenTest, ACellThatIsNoMoreAndACaseThatIsNewAreFound) {
  EXPECT_EQ(differences(run({{1, {0, 0}}})).size(), 1U) << "no file";
  ASSERT_TRUE(update_golden(run({{1, {0, 0}}}), dir_.path()).ok());
  run_case_.cells.cells.pop_back();
  run_case_.cells.info.pop_back();
  EXPECT_EQ(differences(run({{1, {0}}})), std::vector<std::string>{"a-case: open-w /b is in the golden file, and no row tries it any more"});
  ASSERT_TRUE(update_golden(run({{1, {0}}}), dir_.path()).ok());
  EXPECT_TRUE(differences(run({{1, {0}}})).empty());
}

TEST_F(GoldenTest, APolicyIsNamedByItsPath) {
  run_case_.source.name = "policy:/some/where/p.yaml";
  ASSERT_TRUE(update_golden(run({{1, {0, 0}}}), dir_.path()).ok());
  EXPECT_EQ(dir_.entries(), std::vector<std::string>{dir_.at("policy__some_where_p.yaml.txt")});
  EXPECT_TRUE(differences(run({{1, {0, 0}}})).empty());
  run_case_.source.name = "policy:/some_where/p.yaml";
  EXPECT_FALSE(check_golden(run({{1, {0, 0}}}), dir_.path()).ok()) << "another's file";
}

TEST_F(GoldenTest, ARealHostHasNone) {
  run_case_.source.context.host.real = true;
  ASSERT_TRUE(update_golden(run({{1, {0, 0}}}), dir_.path()).ok());
  EXPECT_TRUE(dir_.entries().empty());
}

TEST_F(GoldenTest, AFileThatIsNoneIsAnErrorWithItsLine) {
  const std::string head = "lockstep.golden/1 a-case\n";
  for (const auto& [text, line] : std::vector<std::pair<std::string, int>>{{"", 0},
                                                                          {"lockstep.golden/2 a-case\n", 1},
                                                                          {"lockstep.golden/1 other\n", 1},
                                                                          {head + "  a cell\n", 2},
                                                                          {head + "\nuser EACCES 1\n", 3},
                                                                          {head + "\nuser: EACCES\n", 3},
                                                                          {head + "\nuser: EACCES 1-99\n", 3},
                                                                          {head + "\nuser: EACCES 1, allow 1\n", 3},
                                                                          {head + "\nuser: EACCES 1\n  a\n\nuser: allow 1\n  a\n", 7},
                                                                          {head + "\nreadiness\n  user: ready\n", 4},
                                                                          {head + "\nreadiness\n  user 1: ready\n  user 1: blocked\n", 5}}) {
    dir_.write("a_case.txt", text);
    const Result<GoldenResult> out = check_golden(run({{1, {0, 0}}}), dir_.path());
    ASSERT_FALSE(out.ok()) << text;
    EXPECT_EQ(out.error().kind, ErrorKind::input) << text;
    EXPECT_EQ(out.error().line, line) << text;
    EXPECT_FALSE(update_golden(run({{1, {0, 0}}}), dir_.path()).ok()) << "what cannot be read is not written over";
  }
}

}  // namespace
}  // namespace lockstep::conformance
