#include "conformance/golden/golden.h"

#include <gtest/gtest.h>

#include <cerrno>

#include <lockstep/rights.h>

#include "testing/temporary_directory.h"

namespace lockstep::conformance::golden {
namespace {

using lockstep::testing::TemporaryDirectory;
using Shown = ::lockstep::conformance::report::Run;  // GoogleTest has a Run of its own

// One case with two cells, run as one identity at the ABIs of `observed`: {abi, errno of each cell}.
class GoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cases_[0].source.name = "a-case";
    cases_[0].source.identities = {wire::IdentityKind::user, wire::IdentityKind::root};
    for (const char* path : {"/a", "/b"}) {
      wire::CellRequest cell;
      cell.operation = Operation::open_w;
      cell.path = path;
      run_case_.cells.cells.push_back(cell);
      run_case_.cells.info.emplace_back();
    }
  }

  Shown run(const std::map<int, std::vector<int>>& observed, wire::IdentityKind identity = wire::IdentityKind::user) {
    Shown out;
    for (const auto& [abi, errs] : observed) {
      report::JudgedRow row{{&run_case_, abi, identity}, {}};
      row.verdict.outcome = judge::RowOutcome::agree;
      row.verdict.readiness = {
          abi < 3 ? gpu::Readiness::ready : gpu::Readiness::blocked, abi < 3 ? "" : "comm needs x", {}};
      for (const int err : errs) {
        judge::CellVerdict cell;
        cell.verdict = err < 0 ? judge::Verdict::skip : judge::Verdict::agree;
        cell.observed = err;
        row.verdict.cells.push_back(cell);
      }
      out.rows.push_back(std::move(row));
    }
    return out;
  }

  std::vector<std::string> differences(const Shown& run) {
    const Result<GoldenResult> out = check(run);
    EXPECT_TRUE(out.ok()) << out.error().to_string();
    std::vector<std::string> sentences;
    if (!out.ok()) return {"error"};
    for (const GoldenDifference& each : out->differences) sentences.push_back(each.sentence);
    return sentences;
  }

  using Misses = std::function<bool(const std::string&)>;
  static bool all(const std::string& /*name*/) { return true; }
  Result<GoldenResult> check(const Shown& run, const Misses& misses = nullptr) {
    return check_golden(run, {dir_.path(), &cases_, misses});
  }
  Result<GoldenUpdate> update(const Shown& run, const Misses& misses = nullptr) {
    return update_golden(run, {dir_.path(), &cases_, misses});
  }

  std::vector<judge::CaseRun> cases_ = std::vector<judge::CaseRun>(1);
  judge::CaseRun& run_case_ = cases_[0];
  TemporaryDirectory dir_;
};

TEST_F(GoldenTest, AreWrittenForPeopleAndReadBack) {
  ASSERT_TRUE(update(run({{1, {0, EACCES}}, {2, {0, EACCES}}, {3, {EACCES, EACCES}}})).ok());
  const std::string text = dir_.read("a_case.txt");
  EXPECT_EQ(text,
            "lockstep.golden/1 a-case\n\nreadiness\n  user 3: blocked: comm needs x\n  user 1-2: ready\n"
            "\nuser: EACCES 1-3\n  open-w /b\n\nuser: EACCES 3, allow 1-2\n  open-w /a\n");
  const Result<Golden> golden = golden_from_text(text, "a-case", "f");
  ASSERT_TRUE(golden.ok()) << golden.error().to_string();
  EXPECT_EQ(golden_to_text("a-case", *golden), text);
}

TEST_F(GoldenTest, AChangedCellIsASentence) {
  ASSERT_TRUE(update(run({{1, {0, EACCES}}, {2, {0, EACCES}}})).ok());
  EXPECT_TRUE(differences(run({{1, {0, EACCES}}, {2, {0, EACCES}}})).empty());
  EXPECT_EQ(differences(run({{1, {0, EACCES}}, {2, {0, 0}}})),
            std::vector<std::string>{"a-case: open-w /b as user at plan ABI 2: EACCES before, allow now"});
  const Result<GoldenResult> newer = check(run({{2, {0, EACCES}}, {3, {0, 0}}}));
  ASSERT_TRUE(newer.ok());
  EXPECT_TRUE(newer->differences.empty()) << "an ABI that the file does not have";
  EXPECT_EQ(newer->compared, 3U);
  EXPECT_EQ(newer->unknown, 3U);
}

TEST_F(GoldenTest, AChangedWordOfReadinessIsASentence) {
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  Shown other = run({{1, {0, 0}}});
  other.rows[0].verdict.readiness = {gpu::Readiness::blocked, "comm needs y", {}};
  EXPECT_EQ(
      differences(other),
      std::vector<std::string>{"a-case: readiness as user at plan ABI 1: ready before, blocked: comm needs y now"});
}

TEST_F(GoldenTest, WhatWasNotShownIsNotComparedAndIsKept) {
  ASSERT_TRUE(update(run({{1, {0, EACCES}}, {2, {0, EACCES}}})).ok());
  const std::string before = dir_.read("a_case.txt");
  EXPECT_TRUE(differences(run({{1, {-1, EACCES}}})).empty()) << "a cell that was skipped";
  ASSERT_TRUE(update(run({{1, {0, EACCES}}})).ok());
  EXPECT_EQ(dir_.read("a_case.txt"), before) << "an older kernel's run leaves newer ABIs alone";
  ASSERT_TRUE(update(run({{1, {0, EACCES}}}, wire::IdentityKind::root)).ok());
  EXPECT_NE(dir_.read("a_case.txt").find("\nroot: EACCES 1\n"), std::string::npos);
  EXPECT_TRUE(differences(run({{2, {0, EACCES}}})).empty());
}

// Another machine's procfs has more or less, and a user namespace permits less: no verdict of the policy.
TEST_F(GoldenTest, AnswersThatAreTheMachinesAreNotKept) {
  run_case_.cells.cells[0].path = "/proc/modules";
  Shown lacks = run({{1, {ENOENT, EACCES}}});
  lacks.rows[0].verdict.cells[0].control = ENOENT;
  ASSERT_TRUE(update(lacks).ok());
  EXPECT_EQ(dir_.read("a_case.txt").find("/proc/modules"), std::string::npos);
  Shown has = run({{1, {0, EACCES}}});
  Result<GoldenResult> checked = check(has);
  ASSERT_TRUE(checked.ok());
  EXPECT_TRUE(checked->differences.empty());
  EXPECT_EQ(checked->unknown, 1U);

  has.rows[0].verdict.cells[1].observed = 0;
  EXPECT_EQ(differences(has).size(), 1U);  // the policy's own
  has.rows[0].verdict.cells[1].observed = has.rows[0].verdict.cells[1].control = EPERM;
  EXPECT_TRUE(differences(has).empty());
  ASSERT_TRUE(update(has).ok());
  EXPECT_NE(dir_.read("a_case.txt").find("user: EACCES 1\n  open-w /b\n\nuser: allow 1\n  open-w /proc/modules"),
            std::string::npos)
      << dir_.read("a_case.txt");
  EXPECT_TRUE(differences(lacks).empty());
}

TEST_F(GoldenTest, ACellThatIsNoMoreAndACaseThatIsNewAreFound) {
  EXPECT_EQ(differences(run({{1, {0, 0}}})).size(), 1U) << "no file";
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  run_case_.cells.cells.pop_back();
  run_case_.cells.info.pop_back();
  EXPECT_EQ(differences(run({{1, {0}}})),
            std::vector<std::string>{"a-case: open-w /b is in the golden file, and no row tries it any more"});
  ASSERT_TRUE(update(run({{1, {0}}})).ok());
  EXPECT_TRUE(differences(run({{1, {0}}})).empty());
}

// No cell shows whom a policy runs as, what it logs, or how strictly it is enforced.
TEST_F(GoldenTest, AChangedSettingIsASentence) {
  EffectivePolicy& policy = run_case_.effective;
  policy.run_as_user = "nobody";
  policy.min_abi = 3;
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  const std::string text = dir_.read("a_case.txt");
  EXPECT_NE(text.find("  user 1: ready\n\nsettings\n  min_abi: 3\n  run_as_user: nobody\n\nuser: allow 1\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(differences(run({{1, {0, 0}}})).empty());
  policy.run_as_user = "root";
  EXPECT_EQ(differences(run({{1, {0, 0}}})), std::vector<std::string>{"a-case: run_as_user: nobody before, root now"});
  policy.run_as_user = "";
  EXPECT_EQ(differences(run({{1, {0, 0}}})),
            std::vector<std::string>{"a-case: run_as_user: nobody before, the caller's now"});

  policy = EffectivePolicy();
  policy.compatibility = Compatibility::hard_requirement;
  policy.include_workdir = true;
  policy.run_as_group = "wheel";
  policy.restrictions.log.new_exec = true;
  policy.restrictions.all_threads = true;
  policy.restrictions.scopes = Scope::signal;
  policy.restrictions.net = NetRight::bind_tcp;
  policy.restrictions.ports = {{NetRight::bind_tcp, 80}, {NetRight::bind_tcp, 443}};
  policy.rules.push_back({"/a b", Access::grant, Right::read_file, Origin::policy, "", {}, 1, true});
  policy.rules.push_back({"/c", Access::grant, Right::read_file, Origin::policy, "", {}, 1, true});
  EXPECT_EQ(differences(run({{1, {0, 0}}})),
            (std::vector<std::string>{
                "a-case: compatibility: best_effort before, hard_requirement now",
                "a-case: include_workdir: false before, true now",
                "a-case: log: same_exec subdomains before, same_exec new_exec subdomains now",
                "a-case: min_abi: 3 before, 2 now", "a-case: ports bind_tcp: any before, 80 443 now",
                "a-case: quiet: none before, /a\\x20b /c now", "a-case: run_as_group: the caller's before, wheel now",
                "a-case: run_as_user: nobody before, the caller's now", "a-case: scopes: none before, signal now",
                "a-case: threads: one before, all now"}));
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  EXPECT_TRUE(differences(run({{1, {0, 0}}})).empty()) << "every setting is read back";
}

TEST_F(GoldenTest, AFileWithoutSettingsHasTheDefaults) {
  dir_.write("a_case.txt",
             "lockstep.golden/1 a-case\n\nreadiness\n  user 1: ready\n\nuser: allow 1\n  open-w /a\n  open-w /b\n");
  EXPECT_TRUE(differences(run({{1, {0, 0}}})).empty());
  run_case_.effective.min_abi = 1;
  EXPECT_EQ(differences(run({{1, {0, 0}}})), std::vector<std::string>{"a-case: min_abi: 2 before, 1 now"});
}

// A plan that hard_requirement refuses is an answer too, and a policy that all plans are refused of has a file.
TEST_F(GoldenTest, ARefusalIsTheAnswerOfItsPlanAbi) {
  const auto refuse = [](report::JudgedRow& row, const char* why) {
    row.verdict = {};
    row.verdict.outcome = judge::RowOutcome::skip;
    row.verdict.message = why;
  };
  Shown shown = run({{1, {0, 0}}, {2, {0, 0}}});
  refuse(shown.rows[0], "refused: ABI 1 is below min_abi 2");
  const Result<GoldenUpdate> updated = update(shown);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->written, 1U);
  const std::string text = dir_.read("a_case.txt");
  EXPECT_NE(text.find("readiness\n  user 2: ready\n  user 1: refused: ABI 1 is below min_abi 2\n\nuser: allow 2\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(differences(shown).empty());
  EXPECT_EQ(differences(run({{1, {0, 0}}, {2, {0, 0}}})),
            std::vector<std::string>{
                "a-case: readiness as user at plan ABI 1: refused: ABI 1 is below min_abi 2 before, ready now"});

  refuse(shown.rows[1], "refused: no");
  EXPECT_EQ(differences(shown),
            std::vector<std::string>{"a-case: readiness as user at plan ABI 2: ready before, refused: no now"});
  ASSERT_TRUE(update(shown).ok());
  EXPECT_EQ(dir_.read("a_case.txt").find("allow"), std::string::npos) << "the answers of a plan that ran are no more";
  EXPECT_TRUE(differences(shown).empty());

  refuse(shown.rows[1], "no user namespace");
  EXPECT_TRUE(differences(shown).empty()) << "skipped for what this machine lacks: nothing is known";
  shown.rows[0].verdict.outcome = shown.rows[1].verdict.outcome = judge::RowOutcome::refused;
  run_case_.source.policy.file = "a: p.yaml";
  shown.rows[0].verdict.message = "a: p.yaml:7: /x is the root\x1b";
  EXPECT_EQ(differences(shown)[0],
            "a-case: readiness as user at plan ABI 1: refused: ABI 1 is below min_abi 2 before, refused: /x is the "
            "root\\x1b now");
}

TEST_F(GoldenTest, ACaseThatClaimsAnErrorHasAFileOfItsRefusals) {
  run_case_.source.error = "min_abi";
  run_case_.source.identities = {wire::IdentityKind::user};
  run_case_.effective.compatibility = Compatibility::hard_requirement;
  run_case_.effective.min_abi = 3;
  run_case_.effective.rules.push_back({"/usr", Access::read_only, {}, Origin::policy, "", {}, 1});
  Shown shown;
  shown.claims.push_back({&run_case_, {}});
  ASSERT_TRUE(update(shown).ok());
  const std::string text = dir_.read("a_case.txt");
  EXPECT_NE(text.find("  user 1: refused: hard_requirement: ABI 1 is below"), std::string::npos) << text;
  EXPECT_NE(text.find("settings\n  compatibility: hard_requirement\n  min_abi: 3\n"), std::string::npos) << text;
  EXPECT_TRUE(differences(shown).empty());
  run_case_.effective.min_abi = 2;
  EXPECT_FALSE(differences(shown).empty());
  run_case_.error = input_error("/some/where/p.yaml", 3, "it is rejected");
  EXPECT_TRUE(differences(shown)[0].ends_with(" before, refused: it is rejected now")) << differences(shown)[0];
  run_case_.source.error =
      "rejected";  // in the claim's words: the message can name the file, which is elsewhere on another machine
  EXPECT_TRUE(differences(shown)[0].ends_with(" before, refused: rejected now")) << differences(shown)[0];
}

TEST_F(GoldenTest, APolicyIsNamedByItsPath) {
  run_case_.source.name = "policy:/some/where/p.yaml";
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  EXPECT_EQ(dir_.entries(), std::vector<std::string>{dir_.at("policy__some_where_p.yaml.txt")});
  EXPECT_TRUE(differences(run({{1, {0, 0}}})).empty());
  run_case_.source.name = "policy:/some_where/p.yaml";
  EXPECT_FALSE(check(run({{1, {0, 0}}})).ok()) << "another's file";
}

TEST_F(GoldenTest, ARealHostHasNone) {
  run_case_.source.context.host.real = true;
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  EXPECT_TRUE(dir_.entries().empty());
}

// What an ordinary user's run writes is for root's as well, and the other way round.
TEST_F(GoldenTest, WhoAsksIsNotInTheAnswer) {
  ASSERT_TRUE(update(run({{1, {0, EACCES}}}, wire::IdentityKind::self)).ok());
  EXPECT_NE(dir_.read("a_case.txt").find("\nuser: allow 1\n"), std::string::npos) << dir_.read("a_case.txt");
  for (const wire::IdentityKind identity :
       {wire::IdentityKind::user, wire::IdentityKind::self, wire::IdentityKind::root}) {
    const Result<GoldenResult> same = check(run({{1, {0, EACCES}}}, identity));
    ASSERT_TRUE(same.ok());
    EXPECT_TRUE(same->differences.empty()) << wire::name(identity);
    EXPECT_GE(same->compared, 2U) << wire::name(identity);
    EXPECT_EQ(differences(run({{1, {0, 0}}}, identity)).size(), 1U) << wire::name(identity);
  }
  // A file of before, with the other name.
  dir_.write("a_case.txt",
             "lockstep.golden/1 a-case\n\nreadiness\n  self 1: ready\n\nself: allow 1\n  open-w /a\n  open-w /b\n");
  EXPECT_TRUE(differences(run({{1, {0, 0}}})).empty());
  EXPECT_EQ(differences(run({{1, {EACCES, 0}}})).size(), 1U);
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  EXPECT_EQ(dir_.read("a_case.txt").find("self"), std::string::npos);
}

TEST_F(GoldenTest, WhereTheOthersAreNotOfOneMindNothingIsKnown) {
  ASSERT_TRUE(update(run({{1, {0, EACCES}}})).ok());
  ASSERT_TRUE(update(run({{1, {0, 0}}}, wire::IdentityKind::root)).ok());
  run_case_.source.identities.push_back(wire::IdentityKind::container_root);
  const Result<GoldenResult> checked = check(run({{1, {EACCES, EACCES}}}, wire::IdentityKind::container_root));
  ASSERT_TRUE(checked.ok());
  ASSERT_EQ(checked->differences.size(), 1U);
  EXPECT_EQ(checked->differences[0].sentence,
            "a-case: open-w /a as container-root at plan ABI 1: allow before, EACCES now");
  EXPECT_EQ(checked->unknown, 2U) << "the other cell, and the word of readiness";
}

TEST_F(GoldenTest, ACaseThatIsDroppedIsMissedInAWholeRun) {
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  dir_.write("gone.txt", "lockstep.golden/1 gone\n\nreadiness\n  user 1: ready\n");
  dir_.write("notes.txt", "not of ours\n");
  EXPECT_TRUE(differences(run({{1, {0, 0}}})).empty()) << "a part of the cases";
  const Result<GoldenResult> whole = check(run({{1, {0, 0}}}), all);
  ASSERT_TRUE(whole.ok());
  ASSERT_EQ(whole->differences.size(), 1U);
  EXPECT_EQ(
      whole->differences[0].sentence,
      "gone: " + dir_.at("gone.txt") + " is there, and no case on a simulated host is called so: --update removes it");
  ASSERT_TRUE(update(run({{1, {0, 0}}})).ok());
  EXPECT_EQ(dir_.entries().size(), 3U) << "nor does a part remove it";
  const Result<GoldenResult> another =
      check(run({{1, {0, 0}}}), [](const std::string& name) { return name != "gone"; });
  ASSERT_TRUE(another.ok());
  EXPECT_TRUE(another->differences.empty()) << "a shard that it is not of";
  const Result<GoldenUpdate> updated = update(run({{1, {0, 0}}}), all);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->removed, std::vector<std::string>{dir_.at("gone.txt")});
  EXPECT_EQ(dir_.entries(), (std::vector<std::string>{dir_.at("a_case.txt"), dir_.at("notes.txt")}));
  // A case that is the real machine's now has no answers to hold.
  run_case_.source.context.host.real = true;
  EXPECT_EQ(check(run({{1, {0, 0}}}), all)->differences.size(), 1U);
}

TEST_F(GoldenTest, RowsThatACaseHasNoMoreAreMissed) {
  ASSERT_TRUE(update(run({{1, {0, 0}}, {2, {0, 0}}})).ok());
  ASSERT_TRUE(update(run({{2, {0, 0}}}, wire::IdentityKind::root)).ok());
  run_case_.source.plan_abis = *judge::AbiSet::parse("2-");
  EXPECT_EQ(differences(run({{2, {0, 0}}})),
            std::vector<std::string>{
                "a-case: user at plan ABI 1 is in the golden file, and the case has no such row any more"});
  run_case_.source.identities = {wire::IdentityKind::user};
  EXPECT_EQ(differences(run({{2, {0, 0}}})).size(), 2U);
  ASSERT_TRUE(update(run({{2, {0, 0}}})).ok());
  EXPECT_TRUE(differences(run({{2, {0, 0}}})).empty());
}

TEST_F(GoldenTest, APolicyIsFoundFromAnotherDirectory) {
  run_case_.source.own_policy = true;
  run_case_.source.name = "policy:policies/p.yaml";
  ASSERT_TRUE(update(run({{1, {0, EACCES}}})).ok());
  const std::string before = dir_.read("policy_policies_p.yaml.txt");
  for (const char* name : {"p.yaml", "./p.yaml", "policies/p.yaml", "./policies//p.yaml", "/srv/tree/policies/p.yaml",
                           "../policies/p.yaml"}) {
    run_case_.source.name = std::string("policy:") + name;
    EXPECT_TRUE(differences(run({{1, {0, EACCES}}})).empty()) << name;
    EXPECT_EQ(differences(run({{1, {0, 0}}})).size(), 1U) << name;
    ASSERT_TRUE(update(run({{1, {0, EACCES}}})).ok());
    EXPECT_EQ(dir_.entries().size(), 1U) << "kept where it was";
    EXPECT_EQ(dir_.read("policy_policies_p.yaml.txt"), before);
  }
  for (const char* name : {"q.yaml", "other/p.yaml", "xp.yaml", "/p.yaml/policies"}) {
    run_case_.source.name = std::string("policy:") + name;
    const std::vector<std::string> said = differences(run({{1, {0, EACCES}}}));
    ASSERT_EQ(said.size(), 1U) << name;
    EXPECT_NE(said[0].find("nor a file of a policy whose path ends so"), std::string::npos) << said[0];
  }
  dir_.write("policy_x_p.yaml.txt", "lockstep.golden/1 policy:x/p.yaml\n");
  run_case_.source.name = "policy:p.yaml";
  const Result<GoldenResult> either = check(run({{1, {0, EACCES}}}));
  ASSERT_FALSE(either.ok());
  EXPECT_EQ(either.error().kind, ErrorKind::input);
  EXPECT_NE(either.error().message.find("may be "), std::string::npos) << either.error().message;
}

// What belongs together is a line, and what widened comes first.
TEST_F(GoldenTest, DifferencesAreGroupedByPathAndRight) {
  run_case_.effective.rules.push_back({"/a", Access::read_write, {}, Origin::policy, "", {}, 1});
  for (const char* path : {"/a/sweep/1", "/a/sweep/2", "/a/x"}) {
    wire::CellRequest cell;
    cell.operation = Operation::create;
    cell.path = path;
    run_case_.cells.cells.push_back(cell);
    run_case_.cells.info.emplace_back();
  }
  ASSERT_TRUE(update(run({{1, {EACCES, 0, EACCES, EACCES, EACCES}}, {2, {EACCES, 0, EACCES, EACCES, EACCES}}})).ok());
  Shown now = run({{1, {EACCES, EACCES, 0, 0, 0}}, {2, {EACCES, EACCES, 0, 0, 0}}});
  for (report::JudgedRow& row : now.rows)
    for (judge::CellVerdict& cell : row.verdict.cells) cell.needed = Right::make_reg, cell.missing = Right::write_file;
  const Result<GoldenResult> result = check(now);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->differences.size(), 8U);
  const std::string text = golden_text(*result, {dir_.path(), &cases_});
  EXPECT_EQ(text,
            "widened   a-case: /a: make_reg: EACCES before, allow now, 6 answers as user at plan ABI 1-2: create\n"
            "narrowed  a-case: /b: write_file: allow before, EACCES now, 2 answers as user at plan ABI 1-2: open-w\n"
            "golden    12 answers held against " +
                dir_.path() + ", 8 differ\n");
}

TEST_F(GoldenTest, AFileThatIsNoneIsAnErrorWithItsLine) {
  const std::string head = "lockstep.golden/1 a-case\n";
  for (const auto& [text, line] :
       std::vector<std::pair<std::string, int>>{{"", 0},
                                                {"lockstep.golden/2 a-case\n", 1},
                                                {"lockstep.golden/1 other\n", 1},
                                                {head + "  a cell\n", 2},
                                                {head + "\nuser EACCES 1\n", 3},
                                                {head + "\nuser: EACCES\n", 3},
                                                {head + "\nuser: EACCES 1-99\n", 3},
                                                {head + "\nuser: EACCES 1, allow 1\n", 3},
                                                {head + "\nuser: EACCES 1\n  a\n\nuser: allow 1\n  a\n", 7},
                                                {head + "\nreadiness\n  user: ready\n", 4},
                                                {head + "\nsettings\n  min_abi 3\n", 4},
                                                {head + "\nsettings\n  min_api: 3\n", 4},
                                                {head + "\nsettings\n  min_abi: 2\n", 4},
                                                {head + "\nsettings\n  min_abi: 3\n  min_abi: 4\n", 5},
                                                {head + "\nreadiness\n  user 1: ready\n  user 1: blocked\n", 5}}) {
    dir_.write("a_case.txt", text);
    const Result<GoldenResult> out = check(run({{1, {0, 0}}}));
    ASSERT_FALSE(out.ok()) << text;
    EXPECT_EQ(out.error().kind, ErrorKind::input) << text;
    EXPECT_EQ(out.error().line, line) << text;
    EXPECT_FALSE(update(run({{1, {0, 0}}})).ok()) << "what cannot be read is not written over";
  }
}

}  // namespace
}  // namespace lockstep::conformance::golden
