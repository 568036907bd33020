// The real suite's command line: whatever is wrong with it is exit code 2 and one line, in time, and leaves nothing
// behind.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "testing/run_program.h"

namespace lockstep::conformance::suite {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::RunOptions;
using lockstep::testing::TemporaryDirectory;

struct BadFlags {
  std::vector<std::string> arguments;
  std::string where;  // FILE[:LINE]:, where a file is at fault
  std::string says;
  std::vector<std::string> environment = {};
};

class Flags : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
    ASSERT_EQ(::mkdir(dir_.at("scratch").c_str(), 0777), 0);
    ASSERT_EQ(::mkdir(dir_.at("no-cases").c_str(), 0777), 0);
    ASSERT_EQ(::mkdir(dir_.at("folder").c_str(), 0777), 0);
    ASSERT_EQ(::mkfifo(dir_.at("fifo").c_str(), 0600), 0);
    ASSERT_EQ(::symlink("loop", dir_.at("loop").c_str()), 0);
    policy_ = dir_.write("p.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
    dir_.write("other/p.yaml", "version: 1\nfilesystem_policy: {read_only: [/etc]}\n");
    dir_.write("bad.yaml", "version: 1\nfilesystem_policy:\n  read_onyl: []\n");
    dir_.write("root.yaml", "version: 1\nfilesystem_policy:\n  read_write: [/]\n");
  }

  // Its scratch directories below ours, so that what it leaves is seen.
  Ended run(const std::vector<std::string>& arguments, std::vector<std::string> environment = {}) const {
    std::vector<std::string> words = {LOCKSTEP_CONFORMANCE};
    words.insert(words.end(), arguments.begin(), arguments.end());
    RunOptions options;
    options.environment = std::move(environment);
    options.environment.push_back("TMPDIR=" + dir_.at("scratch"));
    return lockstep::testing::run_program(words, options);
  }

  TemporaryDirectory dir_;
  std::string policy_;
};

TEST_F(Flags, EveryBadOneIsExitTwoWithOneLine) {
  const std::string report = dir_.at("r.json");
  const std::string real = dir_.write(
      "real.json", R"({"schema":"lockstep.host/1","gpu":"none","gpu_nodes":[],"present":"real","absent":[]})");
  const std::vector<BadFlags> table = {
      {{"--nosuch"}, "", "unknown argument --nosuch"},
      {{"-x"}, "", "unknown argument"},
      {{"word"}, "", "unknown argument word"},
      {{""}, "", "unknown argument"},
      {{"a\x1b[31m\n"}, "", "\\x1b"},
      {{"--help=yes"}, "", "unknown argument"},
      {{"--mutants=1"}, "", "unknown argument"},
      {{"--policy"}, "", "--policy needs a value"},
      {{"--policy="}, "", "--policy needs a value"},
      {{"--policy", ""}, "", "--policy needs a value"},
      {{"--policy", "/no/such/policy.yaml"}, "/no/such/policy.yaml: ", "ENOENT"},
      {{"--policy", dir_.at("folder")}, dir_.at("folder") + ": ", "directory"},
      {{"--policy", dir_.at("fifo")}, dir_.at("fifo") + ": ", "no regular file"},
      {{"--policy", dir_.at("loop")}, dir_.at("loop") + ": ", "ELOOP"},
      {{"--policy", "/dev/null"}, "/dev/null: ", "no regular file"},
      {{"--policy", "-"}, "-: ", "empty"},
      {{"--policy", dir_.at("bad.yaml")}, dir_.at("bad.yaml") + ":3: ", "did you mean read_only?"},
      {{"--policy", dir_.at("root.yaml")}, dir_.at("root.yaml") + ":3: ", "root"},
      {{"--policy", policy_, "--policy", policy_}, "", "p.yaml"},
      {{"--policy", policy_, "--policy", policy_}, "", "p.yaml is given twice"},
      {{"--policy", policy_, "--mutants"}, "", "--mutants"},
      {{"--fixtures"}, "", "--fixtures needs a value"},
      {{"--fixtures="}, "", "--fixtures needs a value"},
      {{"--fixtures", "/no/such"}, "/no/such/cases: ", "ENOENT"},
      {{"--fixtures", policy_}, policy_ + "/cases: ", "ENOTDIR"},
      {{"--fixtures", dir_.at("no-cases")}, dir_.at("no-cases") + "/cases: ", "ENOENT"},
      {{"--fixtures", dir_.at("loop")}, dir_.at("loop") + "/cases: ", "ELOOP"},
      {{"--fixtures", "/a", "--fixtures", "/b"}, "", "--fixtures is given twice"},
      {{"--mutants", "--gtest_filter=*"}, "", "--mutants"},
      {{"--golden", dir_.path(), "--mutants"}, "", "--golden"},
      {{"--update"}, "", "--golden"},
      {{"--golden", "/no/such"}, "/no/such: there is no such directory", "--update makes it"},
      {{"--golden", policy_}, policy_ + ": there is no such directory", "--update makes it"},
      {{"--soak", "0"}, "", "--soak takes seconds"},
      {{"--soak", "1x"}, "", "--soak takes seconds"},
      {{"--soak", "1", "--mutants"}, "", "--soak"},
      {{"--soak-report", dir_.at("s.json")}, "", "--soak-report goes with --soak"},
      {{"--cdi", dir_.path()}, "", "--cdi goes with --policy"},
      {{"--gpu-devices", "0"}, "", "--gpu-devices goes with --policy"},
      {{"--reproduce", "a", "--surface", dir_.at("s.json")}, "", "--reproduce"},
      {{"--abi"}, "", "--abi needs a value"},
      {{"--abi="}, "", "--abi needs a value"},
      {{"--abi", "0"}, "", "--abi takes"},
      {{"--abi", "12"}, "", "--abi takes"},
      {{"--abi", "x"}, "", "--abi takes"},
      {{"--abi", "3-1"}, "", "--abi takes"},
      {{"--abi", "-1"}, "", "--abi takes"},
      {{"--abi", "1,"}, "", "--abi takes"},
      {{"--abi", "99999999999999999999"}, "", "--abi takes"},
      {{"--abi", "1", "--abi", "2"}, "", "--abi is given twice"},
      {{"--require"}, "", "--require needs a value"},
      {{"--require", "blocked"}, "", "--require takes ready or degraded"},
      {{"--require", "Ready"}, "", "--require takes ready or degraded"},
      {{"--require", "ready", "--require", "degraded"}, "", "--require is given twice"},
      {{"--require", "ready", "--mutants"}, "", "--mutants"},
      {{"--min-tried"}, "", "--min-tried needs a value"},
      {{"--min-tried", "1.1"}, "", "--min-tried takes a share from 0 to 1"},
      {{"--min-tried", "-0.1"}, "", "--min-tried takes a share from 0 to 1"},
      {{"--min-tried", "nan"}, "", "--min-tried takes a share from 0 to 1"},
      {{"--min-tried", "90%"}, "", "--min-tried takes a share from 0 to 1"},
      {{"--min-tried", "0,9"}, "", "--min-tried takes a share from 0 to 1"},
      {{"--min-tried", "1", "--min-tried", "0"}, "", "--min-tried is given twice"},
      {{"--min-tried", "1", "--soak", "1"}, "", "--min-tried does not go with --soak"},
      {{"--golden", dir_.path(), "--policy", policy_}, "", "--golden goes with --host FILE"},
      {{"--golden", dir_.path(), "--policy", policy_, "--host", real},
       real + ": ",
       "golden verdicts are of simulated hosts"},
      {{"--gtest_output=csv:" + report}, "", "--gtest_output takes xml or json"},
      {{"--gtest_repeat=-1"}, "", "a run that repeats for ever has no verdict"},
      {{"--abi", "1"}, "", "a run that repeats for ever has no verdict", {"GTEST_REPEAT=-5"}},
      {{"--gtest_list_tests", "--gtest_filter=none"}, "", "no row was selected"},
      {{"--gtest_list_tests", "--require", "ready"}, "", "--require does not go with --gtest_list_tests"},
      {{"--gtest_list_tests", "--report", report}, "", "--report does not go with --gtest_list_tests"},
      {{"--gtest_list_tests", "--min-tried", "1"}, "", "--min-tried does not go with --gtest_list_tests"},
      {{"--gtest_filter="}, "", "no row was selected"},
      {{"--gtest_filter=none-run.*"}, "", "no row was selected"},
      {{"--abi", "1"}, "", "no row was selected", {"GTEST_FILTER=none"}},
      {{"--abi", "1", "--gtest_filter=comm_with_proc_read_only*"},
       "",
       "no row was selected",
       {"GTEST_TOTAL_SHARDS=1000000007", "GTEST_SHARD_INDEX=1"}},
      {{"--steps=1"}, "", "unknown argument --steps=1"},
      {{"--steps", "--mutants"}, "", "--steps does not go with --mutants"},
      {{"--report"}, "", "--report needs a value"},
      {{"--report", ""}, "", "--report needs a value"},
      {{"--report", dir_.at("folder")}, dir_.at("folder") + ": ", "regular file"},
      {{"--report", "/no/such/r.json"}, "/no/such/r.json: ", "ENOENT"},
      {{"--report", policy_ + "/r.json"}, policy_ + "/r.json: ", "ENOTDIR"},
      {{"--report", dir_.at("loop")}, dir_.at("loop") + ": ", "ELOOP"},
      {{"--report", dir_.at("fifo")}, dir_.at("fifo") + ": ", "regular file"},
      {{"--report", "/proc/self/x.json"}, "/proc/self/x.json: ", "ENOENT"},
      {{"--report", report, "--report", report}, "", "--report is given twice"},
      {{"--report", report, "--mutants"}, "", "--mutants"},
      {{"--surface", dir_.at("folder")}, dir_.at("folder") + ": ", "regular file"},
      {{"--surface", "/no/such/s.json"}, "/no/such/s.json: ", "ENOENT"},
      {{"--surface", dir_.at("s.json"), "--mutants"}, "", "--mutants"},
      {{"--reproduce"}, "", "--reproduce needs a value"},
      {{"--reproduce", "no.such/row"}, "", "no row is called no.such/row"},
      {{"--workers", "0"}, "", "--workers takes"},
      {{"--workers", "65"}, "", "--workers takes"},
      {{"--workers", "two"}, "", "--workers takes"},
      {{"--workers", "1.5"}, "", "--workers takes"},
      {{"--workers", "-1"}, "", "--workers takes"},
      {{"--workers", "1", "--workers", "1"}, "", "--workers is given twice"},
      {{"--gtest_filter=no_such_row"}, "", "no row was selected"},
      {{"--gtest_filter=-*"}, "", "no row was selected"},
      {{"--gtest_filter=x", "--report", report}, "", "no row was selected"},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_TOTAL_SHARDS=many", "GTEST_SHARD_INDEX=0"}},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_TOTAL_SHARDS=0", "GTEST_SHARD_INDEX=0"}},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_TOTAL_SHARDS=2", "GTEST_SHARD_INDEX=2"}},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_TOTAL_SHARDS=2"}},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_SHARD_INDEX=0"}},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_TOTAL_SHARDS=-2", "GTEST_SHARD_INDEX=-3"}},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_TOTAL_SHARDS=99999999999999999999999", "GTEST_SHARD_INDEX=0"}},
      {{"--abi", "1"}, "", "GTEST_TOTAL_SHARDS", {"GTEST_TOTAL_SHARDS=", "GTEST_SHARD_INDEX="}},
  };
  ASSERT_GE(table.size(), 60U);
  const std::vector<std::string> before = dir_.entries();
  for (const BadFlags& each : table) {
    std::string said;
    for (const std::string& word : each.arguments) said += printable(word) + " ";
    for (const std::string& word : each.environment) said += printable(word) + " ";
    SCOPED_TRACE(said);
    const Ended ended = run(each.arguments, each.environment);
    lockstep::testing::expect_refused(ended, 2, "lockstep-conformance", each.where);
    EXPECT_NE(ended.err.find(each.says), std::string::npos) << ended.err;
    EXPECT_EQ(dir_.entries(), before) << "something was left behind, or made";
  }
}

TEST_F(Flags, AScratchDirectoryThatCannotBeHadIsExitTwo) {
  for (const std::string& where : {std::string("/no/such/directory"), policy_, std::string("/proc")}) {
    SCOPED_TRACE(where);
    const Ended ended = lockstep::testing::run_program({LOCKSTEP_CONFORMANCE, "--abi", "1"}, {{"TMPDIR=" + where}, 30});
    lockstep::testing::expect_refused(ended, 2, "lockstep-conformance", "mkdtemp(\"" + where + "/lockstep.");
    EXPECT_NE(ended.err.find("TMPDIR"), std::string::npos) << ended.err;
  }
}

// A scratch directory that root can use and the row's user cannot: skipped and said, never a disagreement.
TEST_F(Flags, AScratchDirectoryClosedToTheUserSkipsItsRows) {
  if (::geteuid() != 0) GTEST_SKIP() << "there is no other user";
  const Ended ended = run({"--abi", "native", "--policy", policy_});  // the directory above it has mode 0700
  EXPECT_EQ(ended.code, 3) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("skipped   1 rows: user cannot"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("verdict   not green, exit 3: 1 of 2 rows tried (50%, 90% required), it agrees; not tried: "
                           "1 row: user cannot"),
            std::string::npos)
      << ended.out;
  EXPECT_NE(ended.out.find("name a directory in TMPDIR that it can"), std::string::npos) << ended.out;
  EXPECT_EQ(run({"--abi", "native", "--policy", policy_, "--min-tried", "0.5"}).code, 0);
}

TEST_F(Flags, AnAbiThisKernelLacksIsExitThree) {
  if (query_kernel()->abi >= 11) GTEST_SKIP() << "this kernel has every ABI there is";
  lockstep::testing::expect_refused(run({"--abi", "11"}), 3, "lockstep-conformance", "this kernel has Landlock ABI");
}

// What best_effort leaves out of the plan is said as often as the policy is shown: once.
TEST_F(Flags, ADroppedRightOfAnOwnPolicyIsSaid) {
  const std::string relies =
      dir_.write("relies.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock: {min_abi: 3}\n");
  const Ended ended = run({"--policy", relies, "--abi", "1", "--min-tried", "0.5"});
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  for (const char* right : {"refer is of ABI 2", "truncate is of ABI 3"}) {
    const std::string line = "dropped   " + relies + ": " + right + ", the plan of ABI 1: ";
    const std::size_t at = ended.out.find(line);
    EXPECT_NE(at, std::string::npos) << ended.out;
    EXPECT_EQ(ended.out.find(line, at + 1), std::string::npos) << ended.out;
  }
  EXPECT_EQ(run({"--policy", policy_, "--abi", "native"}).out.find("dropped   "), std::string::npos);
}

// A policy refused as its case claims agrees, and is ready for nothing; and of no row nothing can be required.
// What production adds is what the gate must see.
TEST_F(Flags, TheAdministratorsConflictsAreThoseOfTheGate) {
  const std::string fixtures = LOCKSTEP_SOURCE_DIR "/fixtures/";
  const std::vector<std::string> plain = {"--policy",  fixtures + "policies/default/restrictive.yaml",
                                          "--host",    fixtures + "hosts/nvidia-1.json",
                                          "--abi",     "native",
                                          "--require", "ready"};
  const auto with = [&](const char* file) {
    std::vector<std::string> words = plain;
    words.insert(words.end(), {"--conflicts", fixtures + "conflicts/" + file});
    return run(words);
  };
  const Ended promoted = run(plain);
  if (promoted.out.find("no mount namespace") != std::string::npos) GTEST_SKIP() << promoted.out;
  EXPECT_EQ(promoted.code, 0) << promoted.out << promoted.err;
  const Ended kept = with("administrator-keeps-proc.yaml");
  EXPECT_EQ(kept.code, 1) << kept.out;
  EXPECT_NE(kept.out.find("comm needs write_file"), std::string::npos) << kept.out;
  const Ended rejected = with("administrator-rejects-proc.yaml");
  EXPECT_EQ(rejected.code, 2) << rejected.out << rejected.err;
  EXPECT_NE((rejected.out + rejected.err).find("administrator-rejects-proc.yaml:3 rejects that"), std::string::npos)
      << rejected.out << rejected.err;
  EXPECT_EQ(run({"--conflicts", fixtures + "conflicts/administrator-keeps-proc.yaml"}).code,
            2);  // of fixtures, each case has its own
}

TEST_F(Flags, ARefusalThatIsClaimedAgreesAndMeetsNoRequirement) {
  if (query_kernel()->abi < 2) GTEST_SKIP() << "needs ABI 2: what the case relies on";
  const std::string refused = "--gtest_filter=a_missing_path_refuses_a_hard_requirement.abi*";
  const Ended agrees = run({"--abi", "2", refused});
  if (agrees.out.find("skipped   ") != std::string::npos) GTEST_SKIP() << "no-namespace: " << agrees.out;
  EXPECT_EQ(agrees.code, 0) << agrees.out << agrees.err;
  EXPECT_EQ(run({"--abi", "2", refused, "--require", "ready"}).code, 1);
  EXPECT_EQ(run({"--abi", "1", "--gtest_filter=*.claims", "--require", "ready"}).code, 3);
}

TEST_F(Flags, HelpIsExitZeroWhateverElseIsThere) {
  const Ended ended = run({"--abi", "1", "--help"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out.rfind("usage: lockstep-conformance", 0), 0U);
  EXPECT_EQ(ended.err, "");
}

}  // namespace
}  // namespace lockstep::conformance::suite
