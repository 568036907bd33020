// What a newer plan ABI takes from a policy: from runs made here, and from policies run to their end, with the fix
// applied.
#include "conformance/report/upgrades.h"

#include <gtest/gtest.h>

#include <filesystem>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "syntax/json.h"
#include "testing/run_program.h"

namespace lockstep::conformance::report {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::TemporaryDirectory;

gpu::DeniedStep denied(const std::string& id, AccessSet missing, const std::string& path, bool elsewhere = false) {
  return {id,
          path,
          gpu::Importance::fatal,
          gpu::Certainty::source,
          "it breaks",
          id + " needs something on " + path,
          elsewhere,
          missing,
          path};
}

JudgedRow row_of(const judge::CaseRun& run, int abi, wire::IdentityKind identity, gpu::Readiness is,
                 std::vector<gpu::DeniedStep> steps) {
  JudgedRow out{{&run, abi, identity}, {}};
  out.verdict.outcome = judge::RowOutcome::agree;
  out.verdict.cells.resize(1);
  out.verdict.readiness = {is, "", std::nullopt, std::move(steps)};
  return out;
}

TEST(Upgrades, AreFoundOnceForAllIdentitiesAndBeyondTheKernel) {
  judge::CaseRun of_case;
  of_case.source.name = "c";
  report::Run run;
  run.kernel.abi = 5;
  const gpu::DeniedStep lost = denied("node", Right::ioctl_dev, "/dev/nvidia0");
  const gpu::DeniedStep socket = denied("mps", Right::resolve_unix, "/tmp/nvidia-mps");
  for (const wire::IdentityKind identity : {wire::IdentityKind::user, wire::IdentityKind::container_root}) {
    run.rows.push_back(row_of(of_case, 5, identity, gpu::Readiness::blocked, {lost}));
    run.rows.back().verdict.beyond = {{8, {gpu::Readiness::blocked, "", std::nullopt, {lost}}},
                                      {9, {gpu::Readiness::blocked, "", std::nullopt, {lost, socket}}}};
    run.rows.push_back(row_of(of_case, 4, identity, gpu::Readiness::ready, {}));
  }
  const std::vector<Upgrade> found = find_upgrades(run);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].from, 4);
  EXPECT_EQ(found[0].to, 5);
  EXPECT_EQ(found[0].after, gpu::Readiness::blocked);
  EXPECT_FALSE(found[0].predicted);
  EXPECT_EQ(found[0].identities.size(), 2U);
  ASSERT_EQ(found[0].fixes.size(), 1U);
  EXPECT_EQ(grant_line(found[0].fixes[0]), "- {path: /dev/nvidia0, access: [ioctl_dev]}");
  EXPECT_EQ(found[1].from, 8);
  EXPECT_TRUE(found[1].predicted);
  ASSERT_EQ(found[1].lost.size(), 1U) << "what was denied before is not lost again";
  EXPECT_EQ(found[1].lost[0].id, "mps");
}

TEST(Upgrades, WhatGetsBetterFailsAnywayOrWasNotRunIsNone) {
  judge::CaseRun better, elsewhere, refused;
  const gpu::DeniedStep step = denied("node", Right::ioctl_dev, "/dev/nvidia0");
  report::Run run;
  run.rows.push_back(row_of(better, 1, wire::IdentityKind::user, gpu::Readiness::blocked, {step}));
  run.rows.push_back(row_of(better, 2, wire::IdentityKind::user, gpu::Readiness::ready, {}));
  run.rows.push_back(row_of(elsewhere, 4, wire::IdentityKind::user, gpu::Readiness::ready, {}));
  run.rows.push_back(row_of(elsewhere, 5, wire::IdentityKind::user, gpu::Readiness::blocked_elsewhere,
                            {denied("node", {}, "/dev/nvidia0", true)}));
  run.rows.push_back(row_of(refused, 4, wire::IdentityKind::user, gpu::Readiness::ready, {}));
  run.rows.push_back(row_of(refused, 5, wire::IdentityKind::user, gpu::Readiness::ready, {step}));
  run.rows.back().verdict.cells.clear();
  EXPECT_TRUE(find_upgrades(run).empty());
}

struct Loss {
  const char* host;
  const char* policy;  // everything but the grants
  const char* grants;  // a line each
  int to;
  const char* right;
  const char* step;
  const char* path;
  const char* after;
};

constexpr const char* body =
    "version: 1\nfilesystem_policy:\n  read_only: [/usr, /lib, /etc]\n  read_write: [/proc, /tmp, /dev/null]\n  "
    "grants:\n";
constexpr const char* no_tmp =
    "version: 1\nfilesystem_policy:\n  read_only: [/usr, /lib, /etc, /proc, /tmp]\n  read_write: [/dev/null]\n  "
    "grants:\n";
constexpr Loss losses[] = {
    {"jit-cache", body, "    - {path: /home/agent/.nv, access: [read, write_file, make_dir, make_reg, remove_file]}\n",
     3, "truncate", "jit-cache", "/home/agent/.nv/ComputeCache/index", "degraded"},
    {"nvidia-1", body, "    - {path: /dev/nvidia0, access: [read_file, write_file]}\n", 5, "ioctl_dev",
     "node /dev/nvidia0", "/dev/nvidia0", "blocked"},
    {"mps", no_tmp, "    - {path: /usr, access: [read]}\n", 9, "resolve_unix", "mps", "/tmp/nvidia-mps/control",
     "degraded"},
};

class UpgradesOfPolicies : public ::testing::TestWithParam<Loss> {
 protected:
  Json run(const std::string& text, std::string* said) {
    const std::string report = dir_.at("r.json");
    const Ended ended = lockstep::testing::run_program(
        {LOCKSTEP_CONFORMANCE, "--policy", dir_.write("p.yaml", text), "--host",
         std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/hosts/" + GetParam().host + ".json", "--report", report},
        {{}, 120});
    *said = ended.out;
    EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
    return Json::parse_or_null(dir_.read("r.json"));
  }

  // The one to the ABI in question, where something that is not harmless is lost.
  static Json upgrade_to(const Json& report, int abi) {
    for (const Json& each : report.at("upgrades"))
      if (each.at("to") == abi && each.at("before") != each.at("after")) return each;
    return {};
  }

  TemporaryDirectory dir_;
};

TEST_P(UpgradesOfPolicies, AreNamedExplainedAndMendedByTheirFix) {
  const Loss& loss = GetParam();
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
  std::string said;
  const Json report = run(std::string(loss.policy) + loss.grants, &said);
  if (report.is_object() && report.at("totals").at("rows_skipped") == report.at("totals").at("rows"))
    GTEST_SKIP() << "no-namespace: " << said;
  const Json upgrade = upgrade_to(report, loss.to);
  ASSERT_TRUE(upgrade.is_object()) << said;
  EXPECT_EQ(upgrade.at("from"), loss.to - 1);
  EXPECT_EQ(upgrade.at("before"), "ready");
  EXPECT_EQ(upgrade.at("after"), loss.after);
  EXPECT_EQ(upgrade.at("predicted"), loss.to > kernel->abi);
  EXPECT_EQ(upgrade.at("lost")[0].at("step"), loss.step);
  EXPECT_EQ(upgrade.at("lost")[0].at("path"), loss.path);
  EXPECT_EQ(upgrade.at("lost")[0].at("missing"), Json::array({loss.right}));
  EXPECT_NE(said.find(std::string(loss.right) + " is new at ABI " + std::to_string(loss.to)), std::string::npos)
      << said;
  EXPECT_NE(said.find("ready -> " + std::string(loss.after)), std::string::npos) << said;

  // Each line as the terminal has it, pasted below grants.
  std::string fixed = std::string(loss.policy) + loss.grants;
  constexpr std::string_view before_fix = "fix, below grants: ";
  std::size_t lines = 0;
  for (std::size_t at = said.find(before_fix); at != std::string::npos; at = said.find(before_fix, at + 1), ++lines) {
    const std::size_t start = at + before_fix.size();
    fixed += "    " + said.substr(start, said.find('\n', start) - start) + "\n";
  }
  ASSERT_GT(lines, 0U) << said;
  const Json mended = run(fixed, &said);
  EXPECT_TRUE(mended.at("upgrades").empty()) << mended.at("upgrades").dump(1) << "\n" << fixed;
  for (const Json& row : mended.at("rows"))
    EXPECT_EQ(row.at("readiness").at("is"), "ready") << row.at("row") << "\n" << fixed;
}

// What a case claims of a plan ABI that the kernel lacks is held against the model.
TEST(PredictedReadiness, IsHeldAgainstTheCase) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
  if (kernel->abi >= 9) GTEST_SKIP() << "this kernel enforces every plan ABI in question";
  const TemporaryDirectory dir;
  const std::string fixtures = std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures";
  dir.write("p.yaml", no_tmp + std::string("    - {path: /usr, access: [read]}\n"));
  std::filesystem::copy_file(fixtures + "/hosts/mps.json", dir.at("mps.json"));
  for (const auto& [claim, code] : {std::pair{"ready", 1}, {"degraded", 0}}) {
    dir.write("cases/c.json",
              R"({"schema": "lockstep.case/1", "name": "c", "why": "w", "policy": "p.yaml", "host": "mps.json",
      "readiness": [{"abi": "1-8", "is": "ready"}, {"abi": "9-", "is": ")" +
                  std::string(claim) + R"("}]})");
    const Ended ended =
        lockstep::testing::run_program({LOCKSTEP_CONFORMANCE, "--fixtures", dir.path(), "--abi", "native"}, {{}, 120});
    if (ended.out.find("skipped   ") != std::string::npos) GTEST_SKIP() << "no-namespace: " << ended.out;
    EXPECT_EQ(ended.code, code) << ended.out << ended.err;
    const bool said =
        ended.out.find("readiness at plan 9, predicted: expected ready, got degraded (mps needs resolve_unix") !=
        std::string::npos;
    EXPECT_EQ(said, code == 1) << ended.out;
  }
}

// A run for all cases says each step and upgrade only where it is asked to.
TEST(Steps, AreShownOfFixturesOnDemand) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
  std::vector<std::string> words = {LOCKSTEP_CONFORMANCE, "--abi", "1", "--gtest_filter=gh200_without*"};
  const Ended without = lockstep::testing::run_program(words, {{}, 120});
  if (without.out.find("skipped   ") != std::string::npos) GTEST_SKIP() << "no-namespace: " << without.out;
  words.push_back("--steps");
  const Ended with = lockstep::testing::run_program(words, {{}, 120});
  const std::string line =
      "denied    gh200-without-its-memory-nodes-crashes, plan 1: numa-nodes needs read_dir on "
      "/sys/devices/system/node: "
      "libcuda crashes (SIGSEGV) [fatal, source]";
  EXPECT_EQ(without.out.find("denied    "), std::string::npos) << without.out;
  EXPECT_NE(with.out.find(line), std::string::npos) << with.out;
}

INSTANTIATE_TEST_SUITE_P(EachRight, UpgradesOfPolicies, ::testing::ValuesIn(losses),
                         [](const ::testing::TestParamInfo<Loss>& loss) { return std::string(loss.param.right); });

}  // namespace
}  // namespace lockstep::conformance::report
