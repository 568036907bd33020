// The matrix from reports made here: small ones, with one thing the matter in each.
#include "conformance/kernels/matrix.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "syntax/json.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::kernels {
namespace {

Json cell(const std::string& op, const std::string& path, const std::string& observed,
          const std::string& decided = "") {
  Json out = {{"op", op},           {"actor", "self"},       {"path", path},
              {"control", "allow"}, {"predicted", observed}, {"observed", observed},
              {"verdict", "agree"}, {"witnesses", 2}};
  if (!decided.empty()) out["decided"] = decided;
  return out;
}

Json row(const std::string& name, int plan_abi, std::vector<Json> cells, const std::string& readiness = "ready") {
  return {{"row", name},
          {"case", name},
          {"plan_abi", plan_abi},
          {"identity", "user"},
          {"outcome", "agree"},
          {"readiness", {{"is", readiness}, {"why", readiness == "ready" ? "" : "comm needs write_file on /proc"}}},
          {"cells", std::move(cells)}};
}

class MatrixTest : public ::testing::Test {
 protected:
  Boot record(const std::string& label, std::vector<std::string> facts) {
    facts.push_back("label=" + label);
    std::filesystem::create_directories(dir_.at(label));
    const Result<Boot> boot = record_boot(dir_.at(label), facts);
    EXPECT_TRUE(boot.ok()) << (boot.ok() ? "" : boot.error().to_string());
    return boot.ok() ? *boot : Boot{};
  }

  // A guest that finished, with a report of the suite.
  void finished(const std::string& label, int abi, std::vector<Json> rows, unsigned errata = 15,
                const std::string& runs = "tmpfs 0 1.5\n", const std::string& run = "tmpfs") {
    const Json report = {{"schema", "lockstep.report/1"},
                         {"host", {{"kernel_abi", abi}, {"errata", errata}, {"kernel", label}}},
                         {"claims", Json::array()},
                         {"rows", std::move(rows)}};
    dir_.write(label + "/out/" + run + ".json", report.dump());
    dir_.write(label + "/out/runs", runs);
    dir_.write(label + "/out/release", label + ".1\n");
    dir_.write(label + "/console.txt", "Linux version\nlockstep-guest: done\n");
    record(label, {"expected=" + std::to_string(abi), "intact=1"});
  }

  Matrix join(const std::vector<std::string>& labels) {
    std::vector<std::string> directories;
    for (const std::string& label : labels) directories.push_back(dir_.at(label));
    Result<Matrix> matrix = join_boots(directories);
    EXPECT_TRUE(matrix.ok()) << (matrix.ok() ? "" : matrix.error().to_string());
    return matrix.ok() ? std::move(matrix).value() : Matrix{};
  }

  const testing::TemporaryDirectory dir_;
};

TEST_F(MatrixTest, ABootIsFinishedOnlyWithAWholeParcelAndItsLastWords) {
  dir_.write("k/console.txt", "boot\r\nlockstep-guest: done\r\n");
  EXPECT_EQ(record("k", {"intact=1"}).outcome, BootOutcome::finished);
  EXPECT_EQ(record("k", {"intact=0"}).outcome, BootOutcome::no_result);
  dir_.write("k/console.txt", "boot\n");
  EXPECT_EQ(record("k", {"intact=1"}).outcome, BootOutcome::no_result);
}

TEST_F(MatrixTest, APanicAndAHangAreToldApartAndShowTheirConsole) {
  dir_.write("k/console.txt", "a\nb\n[    1.0] Kernel panic - not syncing: Attempted to kill init!\nc\n");
  const Boot panicked = record("k", {"qemu_exit=124"});
  EXPECT_EQ(panicked.outcome, BootOutcome::panicked);
  EXPECT_EQ(panicked.reason, "Kernel panic - not syncing: Attempted to kill init!");
  EXPECT_EQ(panicked.console_tail.back(), "c");
  dir_.write("k/console.txt", "a\nwaiting\n");
  const Boot hung = record("k", {"qemu_exit=124", "seconds=20"});
  EXPECT_EQ(hung.outcome, BootOutcome::hung);
  EXPECT_EQ(hung.console_tail, (std::vector<std::string>{"a", "waiting"}));
  dir_.write("k/qemu.txt", "qemu: could not load kernel\n");
  const Boot failed = record("k", {"qemu_exit=1"});
  EXPECT_EQ(failed.outcome, BootOutcome::not_started);
  EXPECT_EQ(failed.reason, "QEMU ended with 1: qemu: could not load kernel");
  EXPECT_EQ(exit_code(join({"k"})), 4);
}

TEST_F(MatrixTest, WhatIsReadBackIsWhatWasRecorded) {
  dir_.write("k/console.txt", "[1] WARNING: CPU: 0 at fs.c:1\nlockstep-guest: done\n");
  dir_.write("k/out/runs", "tmpfs 0 1.5\next4 skip mount: no such device\n");
  dir_.write("k/out/release", "6.1.0\n");
  record("k", {"intact=1", "suite=s", "package=p", "version=1", "expected=2", "arguments=quiet", "seconds=3.5"});
  const Result<Boot> boot = read_boot(dir_.at("k"));
  ASSERT_TRUE(boot.ok());
  EXPECT_EQ(boot->release, "6.1.0");
  EXPECT_EQ(boot->seconds, 3.5);
  ASSERT_EQ(boot->runs.size(), 2U);
  EXPECT_EQ(boot->runs[0].exit_code, 0);
  EXPECT_EQ(boot->runs[1].exit_code, std::nullopt);
  EXPECT_EQ(boot->runs[1].reason, "mount: no such device");
  EXPECT_EQ(boot->complaints.size(), 1U);
  EXPECT_EQ(line_of(*boot), "k  6.1.0  finished in 3.5 s: tmpfs 0, ext4 not run (mount: no such device)");
}

TEST_F(MatrixTest, AKernelWithoutLandlockIsAsExpectedAndNeverGreen) {
  dir_.write("old/console.txt", "lockstep-guest: done\n");
  dir_.write("old/out/runs", "tmpfs 3 0.1\n");
  dir_.write("old/out/tmpfs.txt", "lockstep-conformance: this kernel has no Landlock (ENOSYS)\n");
  EXPECT_EQ(record("old", {"intact=1", "expected=none"}).landlock, "none");
  EXPECT_EQ(exit_code(join({"old"})), 3);
  finished("6.1", 2, {row("a", 2, {cell("open-r", "/x", "allow")})});
  EXPECT_EQ(exit_code(join({"old", "6.1"})), 0);
  record("old", {"intact=1", "expected=2"});
  EXPECT_EQ(exit_code(join({"old", "6.1"})), 1);
  EXPECT_EQ(join({"old"}).kernels[0].problem, "expected Landlock 2, found none");
}

TEST_F(MatrixTest, AKernelThatCannotBeHadIsASkipThatIsSaid) {
  finished("6.1", 2, {row("a", 2, {cell("open-r", "/x", "allow")})});
  record("9.9", {"unavailable=the suite has no kernel 9.9", "expected=12"});
  const Matrix matrix = join({"6.1", "9.9"});
  EXPECT_EQ(exit_code(matrix), 3);
  EXPECT_NE(render(matrix).find("not booted: the suite has no kernel 9.9"), std::string::npos);
}

TEST_F(MatrixTest, AnotherAbiThanExpectedIsADisagreement) {
  finished("6.12", 6, {row("a", 6, {cell("open-r", "/x", "allow")})});
  EXPECT_EQ(exit_code(join({"6.12"})), 0);
  record("6.12", {"intact=1", "expected=7"});
  EXPECT_EQ(exit_code(join({"6.12"})), 1);
}

TEST_F(MatrixTest, AChangeIsExplainedByTheFirstAbiOfItsRight) {
  finished("6.1", 2,
           {row("a", 2, {cell("truncate", "/truncate_me", "allow"), cell("open-r", "/x", "allow")}, "ready")});
  finished("6.12", 6,
           {row("a", 6,
                {cell("truncate", "/truncate_me", "EACCES", "layer 1 lacks truncate; nearest rule /refer (read_only)"),
                 cell("open-r", "/x", "allow")},
                "blocked")});
  const Matrix matrix = join({"6.1", "6.12"});
  ASSERT_EQ(matrix.changes.size(), 1U);
  EXPECT_EQ(matrix.changes[0].reasons, (std::map<std::string, std::size_t>{{"truncate (ABI 3)", 1}}));
  EXPECT_EQ(matrix.changes[0].readiness, "ready -> blocked as user: comm needs write_file on /proc");
  EXPECT_EQ(matrix.cases.at("a").at("6.12").readiness, "blocked");
  EXPECT_EQ(exit_code(matrix), 0);
}

// Not by the errata that differ as well, and each port for itself.
TEST_F(MatrixTest, AChangeOfPortsAndScopesIsExplainedByTheirFirstAbi) {
  const auto port = [](int number, const std::string& observed, const std::string& decided = "") {
    Json out = cell("bind-tcp", "", observed, decided);
    out.erase("path");
    out["port"] = number;
    return out;
  };
  Json free = cell("signal", "", "allow"),
       kept = cell("signal", "", "EPERM", "layer 1 has the scope signal, and the other side stands outside");
  finished("6.1", 2, {row("a", 2, {port(80, "allow"), port(81, "allow"), free})}, 4);
  finished(
      "6.12", 6,
      {row("a", 6,
           {port(81, "EACCES", "layer 1 lacks bind_tcp on port 81; its bind_tcp ports: 80"), port(80, "allow"), kept})},
      12);
  const Matrix matrix = join({"6.1", "6.12"});
  ASSERT_EQ(matrix.changes.size(), 1U);
  EXPECT_EQ(matrix.changes[0].reasons,
            (std::map<std::string, std::size_t>{{"bind_tcp (ABI 4)", 1}, {"signal (ABI 6)", 1}}));
  EXPECT_EQ(exit_code(matrix), 0);
}

TEST_F(MatrixTest, OfTwoProblemsOfAKernelTheWorstCounts) {
  finished("6.1", 2, {row("a", 2, {cell("open-r", "/x", "allow")})}, 15, "tmpfs 0 1.5\nunit 1 1.5\next4 3 1.0\n");
  EXPECT_EQ(exit_code(join({"6.1"})), 1);
}

TEST_F(MatrixTest, AChangeThatNoRightExplainsIsAFinding) {
  finished("6.1", 2, {row("a", 2, {cell("mkdir", "/x", "allow")})});
  // make_dir is as old as Landlock: that it is newly missing explains nothing.
  finished(
      "6.12", 6,
      {row("a", 6, {cell("mkdir", "/x", "EACCES", "layer 1 lacks make_dir; nearest rule /truncate (read_only)")})});
  const Matrix matrix = join({"6.1", "6.12"});
  ASSERT_EQ(matrix.changes.size(), 1U);
  EXPECT_EQ(matrix.changes[0].unexplained,
            (std::vector<std::string>{"a/user  mkdir /x: allow (agree) -> EACCES (agree)"}));
  EXPECT_EQ(exit_code(matrix), 1);
  EXPECT_NE(render(matrix).find("unexplained: a/user  mkdir /x"), std::string::npos);
}

TEST_F(MatrixTest, AnErratumOrTheKernelItselfExplainsAChange) {
  Json other = cell("tmpfile", "/y", "EACCES", "layer 1 lacks write_file; no rule covers it");
  other["control"] = "EOPNOTSUPP";
  finished("6.1", 2, {row("a", 2, {cell("rename", "/x", "allow"), cell("tmpfile", "/y", "allow")})}, 4);
  finished("6.12", 6, {row("a", 6, {cell("rename", "/x", "EACCES"), other})}, 12);
  const Matrix matrix = join({"6.1", "6.12"});
  ASSERT_EQ(matrix.changes.size(), 1U);
  EXPECT_EQ(matrix.changes[0].reasons,
            (std::map<std::string, std::size_t>{{"erratum 4", 1},
                                                {"the kernel itself, without Landlock: allow -> EOPNOTSUPP", 1}}));
}

TEST_F(MatrixTest, AMaskedPlanIsHeldAgainstTheKernelThatHasTheAbi) {
  const std::vector<Json> right = {cell("truncate", "/x", "allow"), cell("open-r", "/x", "allow")};
  finished("6.1", 2, {row("a", 2, right)});
  finished("6.12", 6,
           {row("a", 2, right), row("a", 6, {cell("truncate", "/x", "EACCES", "layer 1 lacks truncate; no rule")})});
  Matrix matrix = join({"6.1", "6.12"});
  ASSERT_EQ(matrix.masking.size(), 1U);
  EXPECT_EQ(matrix.masking[0].plan_abi, 2);
  EXPECT_EQ(matrix.masking[0].cells, 2U);
  EXPECT_EQ(matrix.masking[0].same, 2U);
  EXPECT_EQ(exit_code(matrix), 0);
  // Masked, the kernel must not deny what a kernel of that ABI allows.
  finished("6.12", 6,
           {row("a", 2,
                {cell("truncate", "/x", "EACCES", "layer 1 lacks truncate; no rule"), cell("open-r", "/x", "allow")})});
  matrix = join({"6.1", "6.12"});
  EXPECT_EQ(matrix.masking[0].same, 1U);
  ASSERT_EQ(matrix.masking[0].differences.size(), 1U);
  EXPECT_EQ(matrix.masking[0].differences[0].unexplained.size(), 1U);
  EXPECT_EQ(exit_code(matrix), 1);
}

TEST_F(MatrixTest, ADisagreementIsShownWithAllItsAnswers) {
  Json wrong = cell("connect-unix", "/s", "allow", "layer 1 lacks resolve_unix; no rule covers it");
  wrong["verdict"] = "disagree";
  wrong["predicted"] = "EACCES";
  wrong["expected"] = "EACCES";
  Json bad = row("a", 9, {wrong});
  bad["outcome"] = "disagree";
  finished("7.1", 9, {bad}, 15, "tmpfs 1 1.5\n");
  const Matrix matrix = join({"7.1"});
  EXPECT_EQ(exit_code(matrix), 1);
  EXPECT_NE(render(matrix).find("7.1 tmpfs  a.abi9/user  connect-unix /s  expected EACCES, predicted EACCES, "
                                "observed allow (control allow)"),
            std::string::npos);
}

TEST_F(MatrixTest, OtherFileSystemsAreHeldAgainstTmpfs) {
  finished("6.1", 2, {row("a", 2, {cell("open-r", "$scratch/x", "allow")})}, 15, "tmpfs 0 1\n");
  finished("6.1", 2, {row("a", 2, {cell("open-r", "$scratch/x", "EACCES")})}, 15,
           "tmpfs 0 1\next4 0 1\noverlay skip no overlay\n", "ext4");
  const Matrix matrix = join({"6.1"});
  ASSERT_EQ(matrix.file_systems.size(), 2U);
  EXPECT_EQ(matrix.file_systems[0].cells, 1U);
  EXPECT_EQ(matrix.file_systems[0].differences.size(), 1U);
  EXPECT_EQ(matrix.file_systems[1].reason, "no overlay");
}

TEST_F(MatrixTest, AMissingOrBrokenReportIsAnErrorAndNoTable) {
  finished("6.1", 2, {row("a", 2, {})});
  dir_.write("6.1/out/tmpfs.json", "{\"schema\": \"lockstep.report/1\"");
  EXPECT_FALSE(join_boots({dir_.at("6.1")}).ok());
  std::filesystem::remove(dir_.at("6.1/out/tmpfs.json"));
  EXPECT_FALSE(join_boots({dir_.at("6.1")}).ok());
  EXPECT_FALSE(join_boots({dir_.at("nothing")}).ok());
  finished("6.1", 2, {row("a", 2, {}), row("a", 2, {})});
  const Result<Matrix> twice = join_boots({dir_.at("6.1")});
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().to_string().find("stands there twice"), std::string::npos);
}

Json fuzz_report(int operations, int disagreements) {
  Json out = {{"schema", "lockstep.fuzz-report/1"}, {"seed", 1},      {"operations", operations},
              {"denied", operations / 4},           {"seconds", 2.0}, {"disagreements", disagreements}};
  if (disagreements == 0) return out;
  out["words"] = "open-r t/x: observed allow";
  out["case"] = {{"schema", "lockstep.fuzz/1"}};
  return out;
}

TEST_F(MatrixTest, AFuzzersDisagreementMakesAKernelNotGreenAndIsBroughtOut) {
  const std::vector<Json> rows = {row("a", 2, {cell("open-r", "/x", "allow")})};
  dir_.write("6.1/out/fuzz.json", fuzz_report(100000, 0).dump());
  finished("6.1", 2, rows, 15, "tmpfs 0 1\nfuzz 0 2\n");
  Matrix matrix = join({"6.1"});
  EXPECT_EQ(exit_code(matrix), 0) << matrix.kernels[0].problem;
  EXPECT_TRUE(matrix.file_systems.empty());
  EXPECT_NE(render(matrix).find("6.1            100,000 operations, 25,000 denied, 0 disagree, 2.0 s, "
                                "50,000 a second, seed 1\n"),
            std::string::npos)
      << render(matrix);
  EXPECT_EQ(Json::parse(to_json(matrix)).at("kernels")[0].at("fuzz").at("operations"), 100000);

  dir_.write("6.1/out/fuzz.json", fuzz_report(500, 1).dump());
  finished("6.1", 2, rows, 15, "tmpfs 0 1\nfuzz 1 2\n");
  matrix = join({"6.1"});
  EXPECT_EQ(exit_code(matrix), 1);
  EXPECT_NE(render(matrix).find("disagree  6.1 fuzz  open-r t/x: observed allow"), std::string::npos);
  EXPECT_NE(render(matrix).find("{\"schema\":\"lockstep.fuzz/1\"}"), std::string::npos);
  EXPECT_NE(render(matrix).find(" 0 green, "), std::string::npos);
}

TEST_F(MatrixTest, AFuzzerThatShowsNothingIsNoPass) {
  const std::vector<Json> rows = {row("a", 2, {cell("open-r", "/x", "allow")})};
  const auto code = [&](const std::string& runs, const std::string& report) {
    std::filesystem::remove(dir_.at("6.1/out/fuzz.json"));
    if (!report.empty()) dir_.write("6.1/out/fuzz.json", report);
    finished("6.1", 2, rows, 15, "tmpfs 0 1\n" + runs);
    return exit_code(join({"6.1"}));
  };
  EXPECT_EQ(code("fuzz 0 2\n", ""), 4);
  EXPECT_EQ(code("fuzz 0 2\n", "{\"schema\": \"lockstep.fuzz-report/1\"}"), 4);
  EXPECT_EQ(code("fuzz 0 2\n", fuzz_report(0, 0).dump()), 4);
  EXPECT_EQ(code("fuzz 0 2\n", fuzz_report(9, 1).dump()), 4);
  EXPECT_EQ(code("fuzz 139 2\n", fuzz_report(9, 0).dump()), 4);
  EXPECT_EQ(code("fuzz 3 0\n", ""), 3);
  EXPECT_EQ(code("fuzz skip no namespace\n", ""), 3);
  EXPECT_EQ(code("fuzz 0 2\n", fuzz_report(9, 0).dump()), 0);
}

TEST_F(MatrixTest, UnitTestsInAGuestHaveNoReportAndCount) {
  const std::vector<Json> rows = {row("a", 2, {cell("open-r", "/x", "allow")})};
  const auto code = [&](const std::string& runs) {
    finished("6.1", 2, rows, 15, "tmpfs 0 1\n" + runs);
    return exit_code(join({"6.1"}));
  };
  EXPECT_EQ(code("unit 0 2\nreview 0 1\n"), 0);
  EXPECT_EQ(code("unit 0 2\nreview 1 1\n"), 1);
  EXPECT_EQ(code("unit 1 2\nreview 0 1\n"), 1);
  EXPECT_EQ(code("unit 0 2\nreview 139 1\n"), 4);
}

TEST_F(MatrixTest, TheProgramsExitCodeIsTheMatrixs) {
  finished("6.1", 2, {row("a", 2, {cell("open-r", "/x", "allow")})});
  const auto code = [&](const std::string& arguments) {
    const int status = std::system((std::string(LOCKSTEP_MATRIX) + " " + arguments + " >/dev/null 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  EXPECT_EQ(code("show --output " + dir_.at("matrix.json") + " " + dir_.at("6.1")), 0);
  EXPECT_EQ(Json::parse(dir_.read("matrix.json")).at("schema"), "lockstep.matrix/1");
  EXPECT_EQ(code("is-disabled " + dir_.at("6.1")), 1);
  EXPECT_EQ(code("line " + dir_.at("6.1")), 0);
  EXPECT_EQ(code("show " + dir_.at("nothing")), 2);
  EXPECT_EQ(code("show"), 2);
  EXPECT_EQ(code("record " + dir_.at("6.1") + " what=ever"), 2);
  EXPECT_EQ(code("frobnicate x"), 2);
  record("9.9", {"unavailable=no network"});
  EXPECT_EQ(code("show " + dir_.at("6.1") + " " + dir_.at("9.9")), 3);
}

TEST(Matrix, TheCommittedOneHolds) {
  std::ifstream in(LOCKSTEP_SOURCE_DIR "/fixtures/observed/kernel-matrix.json");
  const Json matrix = Json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  std::set<std::string> abis;
  for (const Json& kernel : matrix.at("kernels")) {
    SCOPED_TRACE(kernel.at("label"));
    const std::string expected = kernel.at("expected"), found = kernel.at("found");
    EXPECT_FALSE(kernel.contains("problem"));
    EXPECT_EQ(found, expected.find_first_not_of("0123456789") == std::string::npos ? "ABI " + expected : expected);
    abis.insert(found);
    ASSERT_EQ(kernel.contains("fuzz"), found.starts_with("ABI "));
    if (!kernel.contains("fuzz")) continue;
    const Json& fuzz = kernel.at("fuzz");
    EXPECT_GE(fuzz.at("operations").get<int>(), 100'000);
    EXPECT_EQ(fuzz.at("disagreements"), 0);
    EXPECT_GT(fuzz.at("denied").get<double>(), fuzz.at("operations").get<double>() / 10);
    EXPECT_GT(fuzz.at("seconds").get<double>(), 0);
  }
  EXPECT_EQ(abis, (std::set<std::string>{"none", "disabled", "ABI 2", "ABI 6", "ABI 7", "ABI 8", "ABI 9", "ABI 10",
                                         "ABI 11"}));
  EXPECT_TRUE(matrix.at("disagreements").empty());
  for (const Json& change : matrix.at("changes")) EXPECT_FALSE(change.contains("unexplained")) << change;
  // Every ABI below the newest was masked there, and did what it does on the kernel that has it.
  std::set<int> masked;
  for (const Json& masking : matrix.at("masking")) {
    masked.insert(masking.at("plan_abi").get<int>());
    EXPECT_GT(masking.at("cells").get<int>(), 0);
    EXPECT_EQ(masking.at("same"), masking.at("cells")) << masking;
  }
  EXPECT_EQ(masked, (std::set<int>{2, 6, 7, 8, 9, 10}));
  for (const Json& each : matrix.at("file_systems")) EXPECT_EQ(each.at("disagree"), 0) << each;
  for (const auto& [name, kernels] : matrix.at("cases").entries())
    for (const auto& [label, mark] : kernels.entries())
      EXPECT_EQ(mark.at("verdict"), "agree") << name << " on " << label;
}

}  // namespace
}  // namespace lockstep::conformance::kernels
