// The real binary: exit codes, what it says of bad input, and that nothing crashes it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <lockstep/host.h>
#include <lockstep/kernel.h>

#include "syntax/json.h"
#include "testing/temporary_directory.h"

extern char** environ;

namespace lockstep::cli {
namespace {

struct Outcome {
  int code = -1;  // -signal where one ended it
  std::string out;
  std::string err;
};

class Cli : public ::testing::Test {
 protected:
  Outcome run(const std::vector<std::string>& arguments, const std::string& input = "/dev/null",
              std::string output = {}) const {
    std::vector<std::string> words = {LOCKSTEP_CLI};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (output.empty()) output = dir_.at("stdout");
    const std::string errors = dir_.at("stderr");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = -1;
    const int err = ::posix_spawn(&child, LOCKSTEP_CLI, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    Outcome outcome;
    EXPECT_EQ(err, 0);
    if (err != 0) return outcome;
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    outcome.out = dir_.read("stdout");
    outcome.err = dir_.read("stderr");
    return outcome;
  }

  testing::TemporaryDirectory dir_;
  std::string policy_ = dir_.write("p.yaml",
                                   "version: 1\nfilesystem_policy:\n  include_workdir: true\n  read_only: "
                                   "[/usr, /proc]\n  read_write: [/tmp]\n");
  std::string host_ = dir_.write("h.json",
                                 R"({"schema":"lockstep.host/1","gpu":"nvidia","gpu_nodes":["/dev/nvidia0"],
 "present":["/usr","/tmp","/proc","/dev/nvidiactl","/dev/nvidia0"],"kernel":{"abi":7,"errata":7}})");
  std::string no_landlock_ =
      dir_.write("none.json", R"({"schema":"lockstep.host/1","gpu":"none","present":["/usr"],"kernel":{"abi":0}})");
};

TEST_F(Cli, EveryBadInvocationIsExitTwoWithOneLine) {
  const std::string bad_policy = dir_.write("bad.yaml", "version: 1\nfilesystem_policy:\n  read_onyl: [/usr]\n");
  const std::string bad_host = dir_.write("bad.json", R"({"schema":"lockstep.host/1","gpu":"AMD","present":[]})");
  const std::string reject =
      dir_.write("reject.yaml", "runtime_baseline_conflicts:\n  - {paths: [\"/proc\"], mode: reject}\n");
  const std::vector<std::vector<std::string>> bad = {
      {},
      {""},
      {"nosuch"},
      {"--version-of-nothing"},
      {"show"},
      {"show", policy_, policy_},
      {"show", policy_, "--"},
      {"show", policy_, "--nosuch", "x"},
      {"show", policy_, "-x", "y"},
      {"show", policy_, "--abi"},
      {"show", policy_, "--abi", ""},
      {"show", policy_, "--abi", "0"},
      {"show", policy_, "--abi", "-1"},
      {"show", policy_, "--abi", "12"},
      {"show", policy_, "--abi", "7x"},
      {"show", policy_, "--abi", "99999999999999999999"},
      {"show", policy_, "--format", "xml"},
      {"show", policy_, "--format="},
      {"show", policy_, "--gpu", "maybe"},
      {"show", policy_, "--gpu"},
      {"show", policy_, "--proxy", "1"},
      {"show", policy_, "--source", "root"},
      {"show", policy_, "--workdir", "/"},
      {"show", policy_, "--workdir", "relative"},
      {"show", policy_, "--workdir", "/a/../.."},
      {"show", policy_, "--workdir", "/a\nb"},
      {"show", policy_, "--workdir", "/a\xff"},
      {"show", policy_, "--host", "/nonexistent"},
      {"show", policy_, "--host", "/"},
      {"show", policy_, "--host", bad_host},
      {"show", policy_, "--host", policy_},
      {"show", policy_, "--host", host_, "--conflicts", reject},
      {"show", policy_, "--conflicts", policy_},
      {"show", policy_, "--allow-unsandboxed"},
      {"show", ""},
      {"show", "/nonexistent.yaml"},
      {"show", "/proc"},
      {"show", "/dev/null"},
      {"show", bad_policy},
      {"show", "-"},
      {"host", "x"},
      {"abi", "7"},
      {"abi", "--format", "yaml"},
      {"host", "--format", "yaml"},
      {"explain", policy_},
      {"explain", policy_, "open-r"},
      {"explain", policy_, "open-x", "/usr"},
      {"explain", policy_, "cu-init", "/usr"},
      {"explain", policy_, "open-r", "usr"},
      {"explain", policy_, "bind-tcp"},
      {"explain", policy_, "bind-tcp", "65536"},
      {"explain", policy_, "bind-tcp", "/usr"},
      {"explain", policy_, "signal", "/usr"},
      {"explain", policy_, "open-r", "/usr", "/tmp"},
      {"explain", policy_, "rename", "/tmp/a"},
      {"explain", policy_, "rename", "/tmp/a", "/tmp/b", "/tmp/c"},
  };
  for (const std::vector<std::string>& arguments : bad) {
    const Outcome outcome = run(arguments);
    std::string said;
    for (const std::string& word : arguments) said += printable(word) + " ";
    EXPECT_EQ(outcome.code, 2) << said << outcome.err;
    EXPECT_EQ(outcome.out, "") << said;
    EXPECT_EQ(outcome.err.rfind("lockstep: ", 0), 0U) << said << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << said << outcome.err;
  }
}

TEST_F(Cli, AnErrorInAFileNamesFileAndLine) {
  const std::string bad = dir_.write("bad.yaml", "version: 1\nfilesystem_policy:\n  read_onyl: [/usr]\n");
  EXPECT_EQ(run({"show", bad}).err.rfind("lockstep: " + bad + ":3: ", 0), 0U) << run({"show", bad}).err;
}

TEST_F(Cli, HelpIsExitZeroOnStdout) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{"--help"},
                                                                                         {"-h"},
                                                                                         {"host", "--help"},
                                                                                         {"show", "--help"},
                                                                                         {"explain", "--help"},
                                                                                         {"exec", "--help"},
                                                                                         {"abi", "--help"},
                                                                                         {"show", policy_, "--help"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out.rfind("usage: lockstep", 0), 0U) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
}

TEST_F(Cli, AbiMarksTheRunningKernelAlone) {
  const Result<KernelLandlock> kernel = query_kernel();
  const Outcome json = run({"abi", "--format", "json"});
  ASSERT_EQ(json.code, 0) << json.err;
  const auto table = Json::parse(json.out);
  EXPECT_EQ(table["schema"], "lockstep.abi/1");
  ASSERT_EQ(table["abis"].size(), 11U);
  EXPECT_EQ(table["abis"][8]["kernel"], "7.1");
  EXPECT_EQ(table["errata"].size(), 4U);
  EXPECT_EQ(table["kernel"].is_null(), !kernel.ok());
  if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  EXPECT_EQ(table["kernel"]["abi"], kernel->abi);
  for (const auto& erratum : table["errata"])
    EXPECT_EQ(erratum["fixed"], (kernel->errata >> (erratum["erratum"].get<int>() - 1) & 1) != 0);
  const std::string text = run({"abi"}).out;
  const std::string row = "\n> " + std::to_string(std::min(kernel->abi, 11)) + " ";
  EXPECT_NE(text.find(row), std::string::npos) << text;
  EXPECT_EQ(text.find("\n> ", text.find(row) + 1), text.rfind("\n> This kernel has ABI")) << text;
  // host says the errata by words too.
  EXPECT_EQ(run({"host"}).out.find("erratum 1 ") != std::string::npos, kernel->abi >= 4);
}

TEST_F(Cli, FlagsStandAnywhereAndTakeAnEqualsSign) {
  const Outcome before = run({"show", "--host", host_, "--abi", "7", "--format", "json", policy_});
  const Outcome after = run({"show", policy_, "--host=" + host_, "--abi=7", "--format=json"});
  EXPECT_EQ(before.code, 0) << before.err;
  EXPECT_EQ(before.out, after.out);
}

TEST_F(Cli, ShowReadsStandardInput) {
  const Outcome outcome = run({"show", "-", "--host", host_, "--format", "json"}, policy_);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const auto json = Json::parse(outcome.out);
  EXPECT_EQ(json["effective"]["read_write"], Json({"/dev/nvidia0", "/dev/nvidiactl", "/proc", "/tmp"}));
}

TEST_F(Cli, ShowYamlIsAPolicyThatShowsTheSame) {
  const std::string yaml =
      dir_.write("y.yaml", run({"show", policy_, "--host", host_, "--workdir", "/w", "--format", "yaml"}).out);
  const auto lists = [&](const std::string& policy) {
    const Outcome outcome = run({"show", policy, "--host", host_, "--workdir", "/w", "--format", "json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const auto json = Json::parse(outcome.out);
    return json["effective"]["read_only"].dump() + json["effective"]["read_write"].dump();
  };
  EXPECT_EQ(lists(policy_), lists(yaml));
}

TEST_F(Cli, NativeAbiOfAHostWithoutLandlockIsExitThree) {
  const Outcome outcome = run({"show", policy_, "--host", no_landlock_});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.err.find("no Landlock"), std::string::npos) << outcome.err;
  EXPECT_EQ(run({"show", policy_, "--host", no_landlock_, "--abi", "3"}).code, 0);
}

TEST_F(Cli, HardRequirementOnAnOlderAbiIsExitThree) {
  const std::string hard = dir_.write("hard.yaml",
                                      "version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock: "
                                      "{compatibility: hard_requirement, min_abi: 5}\n");
  EXPECT_EQ(run({"show", hard, "--abi", "4"}).code, 3);
  EXPECT_EQ(run({"show", hard, "--abi", "5"}).code, 0);
}

TEST_F(Cli, AFullOrClosedStdoutIsExitFour) {
  const Outcome outcome = run({"show", policy_, "--host", host_}, "/dev/null", "/dev/full");
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find("ENOSPC"), std::string::npos) << outcome.err;
}

TEST_F(Cli, AnIncludeWorkdirThatGrantsNothingIsSaid) {
  const std::string notice = "include_workdir grants nothing: no --workdir was given";
  EXPECT_NE(run({"show", policy_, "--host", host_}).out.find("info: " + notice), std::string::npos)
      << run({"show", policy_, "--host", host_}).out;
  EXPECT_EQ(run({"show", policy_, "--host", host_, "--workdir", "/tmp"}).out.find(notice), std::string::npos);
  const std::string silent = dir_.write("w.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
  EXPECT_EQ(run({"show", silent, "--host", host_}).out.find(notice), std::string::npos);
  const std::string runs = dir_.write(
      "runs.yaml", "version: 1\nfilesystem_policy: {include_workdir: true, read_only: [/usr, /lib, /lib64, /bin]}\n");
  const Outcome executed = run({"exec", runs, "--", "/bin/true"});
  if (executed.code != 3 && executed.code != 125) {
    EXPECT_EQ(executed.err.find("lockstep: notice: " + notice), 0U) << executed.err;
  }
}

TEST_F(Cli, AUserThatIsNotOnThisMachineIsSaidThere) {
  const std::string file = dir_.write(
      "u.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\nprocess:\n  run_as_user: no-such-user-here\n");
  const std::string warning = "warning: line 4: run_as_user no-such-user-here does not exist on this machine";
  EXPECT_NE(run({"show", file, "--abi", "7"}).out.find(warning), std::string::npos)
      << run({"show", file, "--abi", "7"}).out;
  EXPECT_EQ(run({"show", file, "--host", host_}).out.find("run_as_user no-such"), std::string::npos);
}

TEST_F(Cli, HostJsonIsAHostFile) {
  const Outcome outcome = run({"host", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Result<Host> host = decode_host(outcome.out, "host.json");
  ASSERT_TRUE(host.ok()) << host.error().to_string();
  EXPECT_TRUE(host->exists("/usr"));
  const Result<KernelLandlock> kernel = query_kernel();
  ASSERT_EQ(kernel.ok(), host->kernel.has_value());
  if (kernel.ok()) {
    EXPECT_EQ(host->kernel->abi, kernel->abi);
  }
  const std::string file = dir_.write("here.json", outcome.out);
  EXPECT_EQ(run({"host", "--host", file, "--format", "json"}).out, outcome.out);
  EXPECT_EQ(run({"show", policy_, "--host", file, "--abi", "7"}).out, run({"show", policy_, "--abi", "7"}).out);
}

TEST_F(Cli, ShowAndExplainWarnOfEachRuleBelowProc) {
  const std::string policy =
      "version: 1\nfilesystem_policy:\n  read_only: [/proc, /process, /proc/cpuinfo, /proc/driver/nvidia]\n"
      "  grants:\n    - {path: /proc/self/task, access: [write_file]}\n";
  const std::string file = dir_.write("below-proc.yaml", policy);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"show", file, "--abi", "7"},
                                                {"explain", file, "--abi", "7", "open-r", "/proc/cpuinfo"}}) {
    const std::string out = run(words).out;
    std::size_t warnings = 0;
    for (std::size_t at = 0; (at = out.find("the rule is lost", at)) != std::string::npos; ++at) ++warnings;
    EXPECT_EQ(warnings, 3U) << out;
    for (const char* path : {"/proc/cpuinfo", "/proc/driver/nvidia", "/proc/self/task"})
      EXPECT_NE(out.find("warning: " + std::string(path) + " lies below /proc"), std::string::npos) << path << "\n"
                                                                                                    << out;
  }
}

}  // namespace
}  // namespace lockstep::cli
