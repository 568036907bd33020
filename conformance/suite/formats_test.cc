// A run that is not green is red in every format, and says so in its last line; a run of nothing is never green.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <lockstep/kernel.h>

#include "syntax/json.h"
#include "testing/run_program.h"

namespace lockstep::conformance::suite {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;
using Words = std::vector<std::string>;

class Formats : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
    ASSERT_EQ(::mkdir(dir_.at("golden").c_str(), 0755), 0);
    ASSERT_EQ(::mkdir(dir_.at("scratch").c_str(), 0777), 0);
    ASSERT_EQ(::chmod(dir_.at("scratch").c_str(), 0777), 0);
    ASSERT_EQ(::mkdir(dir_.at("closed").c_str(), 0700), 0);
    policy_ = write_policy("[/usr, /etc]", "[/tmp]");
    host_ = dir_.write(
        "host.json",
        R"({"schema":"lockstep.host/1","gpu":"none","gpu_nodes":[],"present":["/usr","/etc","/tmp","/var","/dev/urandom"],"absent":[]})");
  }

  std::string write_policy(const std::string& read_only, const std::string& read_write) {
    return dir_.write("my.policy.yaml", "version: 1\nfilesystem_policy: {read_only: " + read_only +
                                            ", read_write: " + read_write + "}\n");
  }
  Ended run(const Words& arguments, Words environment = {}) const {
    Words words = {LOCKSTEP_CONFORMANCE};
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (std::find(words.begin(), words.end(), "--abi") == words.end()) words.insert(words.end(), {"--abi", "native"});
    environment.push_back("TMPDIR=" + dir_.at("scratch"));  // the first of a name counts
    return testing::run_program(words, {std::move(environment), 120});
  }
  // By a shell, with its redirections and limits.
  Ended run_by(const std::string& before, const std::string& after) const {
    const std::string line = before + " exec " LOCKSTEP_CONFORMANCE " --abi native --policy " + policy_ + " " + after;
    return testing::run_program({"/bin/sh", "-c", line}, {{"TMPDIR=" + dir_.at("scratch")}, 120});
  }
  // What the XML and the JSON of GoogleTest count, and how many tests of ours fail in them.
  void expect_red(const Words& arguments, int code, const std::string& says, const Words& environment = {}) const {
    for (const char* format : {"xml", "json"}) {
      const std::string file = dir_.at(std::string("out.") + format);
      Words words = arguments;
      words.push_back(std::string("--gtest_output=") + format + ":" + file);
      const Ended ended = run(words, environment);
      if (ended.out.find("no mount namespace") != std::string::npos) GTEST_SKIP() << ended.out;
      EXPECT_EQ(ended.code, code) << ended.out << ended.err;
      const std::string text = dir_.read(std::string("out.") + format);
      // GoogleTest's JSON writes a slash as \\/.
      const bool json_text = std::string_view(format) == "json";
      EXPECT_NE((json_text ? Json::parse(text).dump() : text).find(says), std::string::npos) << text;
      if (std::string_view(format) == "json") {
        const Json json = Json::parse(text);
        EXPECT_GT(json.at("failures").get<int>(), 0) << text;
      } else {
        const std::size_t head = text.find("<testsuites ");
        ASSERT_NE(head, std::string::npos);
        EXPECT_EQ(text.substr(head, text.find('>', head) - head).find("failures=\"0\""), std::string::npos) << text;
        EXPECT_NE(text.find("<failure "), std::string::npos) << text;
      }
      if (code != 2) {
        EXPECT_EQ(last_line(ended.out).rfind("verdict   not green, exit " + std::to_string(code), 0), 0U) << ended.out;
      }
      ::unlink(file.c_str());
    }
  }
  static std::string last_line(const std::string& out) {
    const std::size_t end = out.find_last_not_of('\n');
    const std::size_t start = out.rfind('\n', end);
    return out.substr(start == std::string::npos ? 0 : start + 1);
  }

  TemporaryDirectory dir_{0755};
  std::string policy_, host_;
};

TEST_F(Formats, ARunOfNothingIsNotGreen) {
  const Words with_golden = {"--policy", policy_, "--host", host_, "--golden", dir_.at("golden"), "--gtest_repeat=0"};
  for (const auto& [words, environment] :
       std::vector<std::pair<Words, Words>>{{{"--policy", policy_, "--gtest_repeat=0"}, {}},
                                            {{"--policy", policy_}, {"GTEST_REPEAT=0"}},
                                            {with_golden, {}}}) {
    const Ended ended = run(words, environment);
    EXPECT_EQ(ended.code, 3) << ended.out;
    EXPECT_NE(ended.err.find("repeated 0 times"), std::string::npos) << ended.err;
  }
}

TEST_F(Formats, AMissedRequirementIsAFailure) {
  expect_red({"--policy", policy_, "--host", host_, "--require", "ready"}, 1,
             "ready is required, and the row is blocked-elsewhere");
}

// A runner without a GPU is not ready, and that is no skip.
TEST_F(Formats, AMachineWithoutAGpuIsNotReady) {
  if (::access("/dev/nvidiactl", F_OK) == 0 || ::access("/dev/dxg", F_OK) == 0)
    GTEST_SKIP() << "this machine may have one";
  expect_red({"--policy", policy_, "--require", "ready"}, 1, "ready is required, and the row is ");
}

TEST_F(Formats, AGoldenDifferenceIsAFailureOfItsRow) {
  const Words golden = {"--policy", policy_, "--host", host_, "--golden", dir_.at("golden")};
  Words update = golden;
  update.push_back("--update");
  const Ended written = run(update);
  if (written.code == 3) GTEST_SKIP() << written.out;
  ASSERT_EQ(written.code, 0) << written.out << written.err;
  EXPECT_EQ(run(golden).code, 0);
  write_policy("[/usr]", "[/tmp, /etc]");
  expect_red(golden, 1, "golden: policy:" + policy_ + ": create /etc/sweep/9 as user");
  const Ended ended = run(golden);
  // Grouped, and first what widened.
  const std::size_t first = ended.out.find("widened   policy:" + policy_ + ": /etc: ");
  EXPECT_NE(first, std::string::npos) << ended.out;
  EXPECT_LE(first, ended.out.find("\nchanged "));
  EXPECT_LT(std::count(ended.out.begin(), ended.out.end(), '\n'), 30) << ended.out;
  write_policy("[/usr, /etc]", "[/tmp]");
  dir_.write("golden/" + std::string("none.txt"), "");
  EXPECT_EQ(run(golden).code, 0);
}

TEST_F(Formats, TooLittleTriedIsAFailureOfTheRun) {
  if (::geteuid() != 0) GTEST_SKIP() << "there is no other user";
  const Words closed = {"TMPDIR=" + dir_.at("closed")};
  expect_red({"--policy", policy_}, 3, "1 row of 2 tried, 50% of them: --min-tried asks 90%", closed);
  // Whatever the filter says: of the run's own test, and where that is left out of another.
  expect_red({"--policy", policy_, "--gtest_filter=*user"}, 3, "nothing was shown: no row could be tried", closed);
  expect_red({"--policy", policy_, "--gtest_filter=*-run.*"}, 3, "run.tried: 1 row of 2 tried", closed);
}

TEST_F(Formats, NoRowIsAFailureOfNoTest) {
  expect_red({"--policy", policy_, "--gtest_filter=none", "--min-tried", "0"}, 2, "no row was selected");
  expect_red({"--policy", policy_, "--gtest_filter=-*"}, 2, "no test ran that could say why");
}

TEST_F(Formats, WhatAnEarlierRunWroteIsTakenAwayHoweverEarlyThisOneEnds) {
  const std::string bad = dir_.write("bad.yaml", "version: 9\n");
  for (const Words& early : {Words{"--policy", bad}, Words{"--policy", policy_, "--gtest_repeat=0"}}) {
    Words words = early;
    words.insert(words.end(),
                 {"--report", dir_.write("r.json", "green"), "--gtest_output=xml:" + dir_.write("o.xml", "green")});
    EXPECT_NE(run(words).code, 0);
    for (const char* each : {"r.json", "o.xml"})
      EXPECT_FALSE(std::filesystem::exists(dir_.at(each))) << each << " " << words[1];
  }
}

TEST_F(Formats, ALimitOnTheSizeOfFilesIsSaid) {
  const Ended ended = run_by("ulimit -f 8;", "");
  EXPECT_EQ(ended.code, 4) << ended.out;
  EXPECT_NE(ended.err.find("ulimit -f"), std::string::npos) << ended.err;
}

TEST_F(Formats, ACaseNamedAfterAFileIsNotSplitAtItsDot) {
  const Ended ended = run({"--policy", policy_, "--gtest_output=json:" + dir_.at("o.json")});
  const Json json = Json::parse(dir_.read("o.json"));
  const Json& suite = json.at("testsuites").at(0);
  EXPECT_TRUE(suite.at("name").get<std::string>().ends_with("/my.policy.yaml")) << suite.at("name");
  EXPECT_TRUE(suite.at("testsuite").at(0).at("name").get<std::string>().starts_with("abi")) << ended.out;
}

TEST_F(Formats, WhatCannotBeWrittenIsExitFour) {
  const std::vector<std::pair<std::string, const char*>> table = {{"--gtest_output=xml:/dev/full", "ENOSPC"},
                                                                  {"--gtest_output=json:/dev/full", "ENOSPC"},
                                                                  {"--gtest_output=xml:/proc/none/x.xml", "ENOENT"},
                                                                  {">/dev/full", "ENOSPC"},
                                                                  {">&-", "EBADF"}};
  for (const auto& [after, why] : table) {
    const Ended ended = run_by("", after);
    EXPECT_EQ(ended.code, 4) << after << ended.out;
    EXPECT_NE(ended.err.find(why), std::string::npos) << after << ended.err;
    if (after[0] == '-') {
      EXPECT_EQ(last_line(ended.out).rfind("verdict   not green, exit 4", 0), 0U) << ended.out;
    }
  }
  // And of what goes to standard output, the other formats know.
  EXPECT_EQ(run_by("", "--gtest_output=xml:" + dir_.at("o.xml") + " >/dev/full").code, 4);
  EXPECT_NE(dir_.read("o.xml").find("<failure "), std::string::npos) << dir_.read("o.xml");
}

// On a file system that is full, in a mount namespace of its own.
TEST_F(Formats, AReportThatFailsLeavesNothing) {
  ASSERT_EQ(::mkdir(dir_.at("small").c_str(), 0755), 0);
  for (const std::string& option :
       {"--report " + dir_.at("small/r.json"), "--gtest_output=xml:" + dir_.at("small/o.xml")}) {
    const std::string inner = "mount -t tmpfs -o size=4k none " + dir_.at("small") +
                              " || exit 77; head -c 4096 /dev/zero >" + dir_.at("small/full") +
                              "; " LOCKSTEP_CONFORMANCE " --abi native --policy " + policy_ +
                              " --min-tried 0 --require ready " + option + " >/dev/null; code=$?; ls -A -I full " +
                              dir_.at("small") + "; exit $code";
    const Ended ended = testing::run_program({"/bin/sh", "-c", "exec unshare -rm sh -c '" + inner + "'"},
                                             {{"TMPDIR=" + dir_.at("scratch")}, 120});
    if (ended.code == 77 || ended.err.find("unshare:") != std::string::npos)
      GTEST_SKIP() << "no-namespace: " << ended.err;
    EXPECT_EQ(ended.code, 4) << ended.err;
    EXPECT_NE(ended.err.find("ENOSPC"), std::string::npos) << ended.err;
    EXPECT_EQ(ended.out, "") << "something is left";
  }
}

TEST_F(Formats, APipeThatNobodyReadsIsExitFour) {
  const std::string line =
      "{ " LOCKSTEP_CONFORMANCE " --abi native --policy " + policy_ + "; echo $? >" + dir_.at("code") + "; } | true";
  const Ended ended = testing::run_program({"/bin/sh", "-c", line}, {{"TMPDIR=" + dir_.at("scratch")}, 120});
  EXPECT_EQ(dir_.read("code"), "4\n") << ended.err;
}

// The workers see that their driver is gone, clean up and end: whoever takes orphans in has them all.
TEST_F(Formats, ASignalInTheMiddleLeavesNothing) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGKILL}) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(number, SIG_DFL);
      ::setenv("TMPDIR", dir_.at("scratch").c_str(), 1);
      ::dup2(ends[1], 2);
      ::dup2(::open("/dev/null", O_WRONLY), 1);
      ::execl(LOCKSTEP_CONFORMANCE, LOCKSTEP_CONFORMANCE, "--report", dir_.at("r.json").c_str(), nullptr);
      ::_exit(99);
    }
    ::close(ends[1]);
    char letter = 0;
    while (::read(ends[0], &letter, 1) == 1 && letter != '\n') {  // the first line of progress: its rows are running
    }
    EXPECT_EQ(letter, '\n');
    ::kill(child, number);
    int status = 0, of_child = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, 0)) > 0 || errno == EINTR;)
      if (ended == child) of_child = status;
    EXPECT_TRUE(WIFSIGNALED(of_child) && WTERMSIG(of_child) == number) << of_child;
    EXPECT_TRUE(std::filesystem::is_empty(dir_.at("scratch"))) << number;
    EXPECT_NE(::access(dir_.at("r.json").c_str(), F_OK), 0);
    EXPECT_NE(::access(dir_.at("r.json.part").c_str(), F_OK), 0);
    ::close(ends[0]);
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(Formats, AReportHasTheFindingsAndTheExitCode) {
  const Ended ended = run({"--policy", policy_, "--host", host_, "--require", "ready", "--report", dir_.at("r.json")});
  const Json json = Json::parse(dir_.read("r.json"));
  EXPECT_EQ(json.at("exit_code").get<int>(), ended.code);
  EXPECT_FALSE(json.at("findings").empty());
  EXPECT_EQ(json.at("tried").at("planned"), json.at("totals").at("rows"));
}

TEST_F(Formats, RepeatedRowsAreJudgedByTheirWorst) {
  const Ended ended = run({"--policy", policy_, "--gtest_repeat=2", "--gtest_shuffle", "--gtest_fail_fast"});
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find(" rows: "), std::string::npos);
  EXPECT_EQ(ended.out.find("verdict"), ended.out.rfind("verdict")) << "once";
}

// Nothing but a word is longer than the terminal is wide.
TEST_F(Formats, ANarrowTerminalIsReadable) {
  const Ended ended = run({"--policy", policy_, "--host", host_, "--abi", "all"}, {"COLUMNS=80"});
  const Ended wide = run({"--policy", policy_, "--host", host_}, {"COLUMNS="});
  EXPECT_EQ(ended.code, wide.code) << ended.out;
  std::size_t start = 0;
  for (std::size_t end = ended.out.find('\n'); end != std::string::npos;
       start = end + 1, end = ended.out.find('\n', start)) {
    const std::string line = ended.out.substr(start, end - start);
    const std::size_t text = std::min(line.find_first_not_of(' '), line.size());
    EXPECT_TRUE(line.size() <= 80 || line.find(' ', text) == std::string::npos || line.find(' ', text) < 12) << line;
  }
  EXPECT_NE(wide.out.find("case "), std::string::npos);
}

}  // namespace
}  // namespace lockstep::conformance::suite
