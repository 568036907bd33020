// The kit for GPU machines (scripts/gpu-runner-kit-run): its `run` with programs that are stand-ins, on
// machines that lack something.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "testing/run_program.h"
#include "testing/seccomp.h"

namespace lockstep::conformance::suite {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::TemporaryDirectory;

class Kit : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string run = LOCKSTEP_SOURCE_DIR "/scripts/gpu-runner-kit-run";
    std::filesystem::create_directories(dir_.at("kit/fixtures/policies/default"));
    for (const char* each : {"here", "scratch"}) std::filesystem::create_directories(dir_.at(each));
    std::filesystem::copy_file(run, dir_.at("kit/run"));
    ::chmod(dir_.at("kit/run").c_str(), 0755);
    // Each says what it was asked, and ends as an environment variable says.
    program("lockstep-conformance",
            "echo \"suite: $*\"\nwhile [ $# -gt 1 ]; do [ \"$1\" != --report ] || echo '{}' >\"$2\"; shift; "
            "done\nexit ${SUITE:-0}\n");
    program("lockstep-doctor",
            "echo \"doctor: $*\"\ncase $* in *--require*) exit ${REQUIRED:-0} ;; esac\nexit ${DOCTOR:-0}\n");
    program("lockstep-cuda-trace", "echo trace\nexit 3\n");
    policy_ = dir_.write("with space.yaml", "version: 1\n");
  }
  void program(const std::string& name, const std::string& text) const {
    ::chmod(dir_.write("kit/bin/" + name, "#!/bin/sh\n" + text).c_str(), 0755);
  }
  // A line of the shell, in the work directory; $KIT is the kit's run. TMPDIR is ours, so that what is left
  // is seen.
  Ended shell(const std::string& line) const {
    return lockstep::testing::run_program(
        {"/bin/sh", "-c", "cd '" + dir_.at("here") + "' && " + line},
        {.environment = {"TMPDIR=" + dir_.at("scratch"), "KIT=" + dir_.at("kit/run")}});
  }
  std::string unpacked(const std::string& file) const {
    return shell("tar -xzOf lockstep-report.tar.gz lockstep-report/" + file).out;
  }
  void expect_nothing_left() const { EXPECT_TRUE(std::filesystem::is_empty(dir_.at("scratch"))); }
  void expect_report(const Ended& ended, int code, const std::string& what) const {
    EXPECT_EQ(ended.code, code) << what << ": " << ended.out << ended.err;
    EXPECT_NE(unpacked("conformance.txt").find("suite: --fixtures"), std::string::npos) << what;
    EXPECT_NE(unpacked("machine.txt").find("kernel: Linux"), std::string::npos) << what;
    EXPECT_EQ(unpacked("exits.txt").substr(0, 6), "suite ") << what;
    expect_nothing_left();
    std::filesystem::remove(dir_.at("here/lockstep-report.tar.gz"));
  }

  TemporaryDirectory dir_;
  std::string policy_;
};

TEST_F(Kit, WritesItsReportWhateverIsSetAroundIt) {
  expect_report(shell("\"$KIT\""), 0, "plain");
  expect_report(shell("CDPATH=/:..:. ../kit/run"), 0, "CDPATH");
  expect_report(shell("cd .. && CDPATH=$PWD kit/run --output here/lockstep-report.tar.gz"), 0, "CDPATH of its own");
  expect_report(shell("TAR_OPTIONS=--no-such-option GZIP=--no-such-option \"$KIT\""), 0, "options of tar and gzip");
  expect_report(shell("cd ../kit && sh run --output=../here/lockstep-report.tar.gz"), 0, "by its name alone");
  expect_report(shell("unset HOME; PATH=/nonexistent \"$KIT\""), 0, "no HOME, a PATH that leads nowhere");
  expect_report(shell("env -i TMPDIR=\"$TMPDIR\" \"$KIT\""), 0, "no environment");
  for (const char* closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"})
    expect_report(shell(std::string("\"$KIT\" ") + closed), 0, closed);
}

TEST_F(Kit, ItsExitCodeIsTheFirstThatIsNotZero) {
  expect_report(shell("SUITE=1 REQUIRED=2 DOCTOR=3 \"$KIT\" --require ready"), 1, "the suite's");
  expect_report(shell("REQUIRED=1 DOCTOR=3 \"$KIT\" --require ready"), 1, "what is required");
  expect_report(shell("REQUIRED=1 \"$KIT\""), 0, "not required");
  expect_report(shell("DOCTOR=4 \"$KIT\""), 4, "the doctor's");
  expect_report(shell("SUITE=3 \"$KIT\""), 3, "no Landlock");
  expect_report(shell("SUITE=139 \"$KIT\""), 4, "a crash");
  program("lockstep-conformance", "echo \"suite: --fixtures\"\nexit 0\n");
  expect_report(shell("\"$KIT\""), 4, "a suite that says 0 and has written no report");
  std::filesystem::remove(dir_.at("kit/bin/lockstep-doctor"));
  program("lockstep-conformance", "echo \"suite: --fixtures\"\nkill -SEGV $$\n");
  expect_report(shell("\"$KIT\""), 4, "programs that do not run");
}

TEST_F(Kit, PassesPoliciesAndWhatIsRequiredOn) {
  const Ended ended = shell("\"$KIT\" --require degraded --policy '" + policy_ + "' --abi native");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(unpacked("conformance.txt").find(" --abi native --policy " + policy_ + "\n"), std::string::npos)
      << unpacked("conformance.txt");
  EXPECT_EQ(unpacked("required.txt"), "doctor: --require degraded " + policy_ + "\n");
  EXPECT_EQ(unpacked("doctor.json"), "doctor: --format json " + policy_ + "\n");
  for (const char* bad : {"--require perfect", "--require", "--output", "--output=", "--policy /no/such/file"}) {
    const Ended refused = shell(std::string("\"$KIT\" ") + bad);
    EXPECT_EQ(refused.code, 2) << bad;
    EXPECT_EQ(refused.err.substr(0, 5), "run: ") << refused.err;
  }
  expect_nothing_left();
}

// What the shell itself cannot do is ours, said and no finding; and why a program failed is said where it is seen.
TEST_F(Kit, TooFewDescriptorsOrNoProcessIsAFailureThatIsSaid) {
  program("lockstep-conformance",
          "echo 'lockstep-conformance: 0 of 8 rows'\necho 'error  row: fork(): EMFILE' >&2\nexit 4\n");
  const Ended failed = shell("\"$KIT\"");
  EXPECT_EQ(failed.code, 4);
  EXPECT_EQ(failed.err, "error  row: fork(): EMFILE\n");
  // Its exit code and what it says, of a process that was prepared so and has no other descriptor.
  const auto run = [this](const std::function<bool()>& prepare) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("TMPDIR", dir_.at("scratch").c_str(), 1);
      const int err = ::open(dir_.at("err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      if (::chdir(dir_.at("here").c_str()) != 0 || ::dup2(err, 2) != 2) ::_exit(99);
      ::syscall(SYS_close_range, 3, ~0U, 0);
      if (!prepare()) ::_exit(98);
      ::execl("/bin/sh", "sh", dir_.at("kit/run").c_str(), nullptr);
      ::_exit(99);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return std::pair(WIFEXITED(status) ? WEXITSTATUS(status) : -1, dir_.read("err"));
  };
  const auto few = run([] {
    const rlimit limit{12, 12};
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
  });
  EXPECT_EQ(few.first, 4);
  EXPECT_EQ(few.second, failed.err);
  const auto alone = run([] {
    std::vector<lockstep::testing::CallAnswer> answers;
    for (const long call : {SYS_clone, SYS_clone3}) answers.push_back({.call = call, .err = EAGAIN});
#ifdef SYS_fork
    for (const long call : {SYS_fork, SYS_vfork}) answers.push_back({.call = call, .err = EAGAIN});
#endif
    return lockstep::testing::answer_calls(answers);
  });
  EXPECT_EQ(alone.first, 4);
  EXPECT_NE(alone.second.find("run: the shell gave up"), std::string::npos) << alone.second;
}

TEST_F(Kit, SaysWhyItCannotWriteItsReport) {
  const Ended here = shell("cd /proc && \"$KIT\"");
  EXPECT_EQ(here.code, 2);
  EXPECT_NE(here.err.find("run: lockstep-report.tar.gz cannot be written"), std::string::npos) << here.err;
  const Ended nowhere = shell("\"$KIT\" --output /no/such/folder/r.tar.gz");
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_NE(nowhere.err.find("/no/such/folder/r.tar.gz cannot be written"), std::string::npos) << nowhere.err;
  const Ended scratch = shell("TMPDIR=/no/such/folder \"$KIT\"");
  EXPECT_EQ(scratch.code, 4);
  EXPECT_NE(scratch.err.find("set TMPDIR"), std::string::npos) << scratch.err;
  EXPECT_TRUE(std::filesystem::is_empty(dir_.at("here")));
  expect_nothing_left();
}

TEST_F(Kit, ItsMakerLooksBeforeItBuilds) {
  const std::string maker = "env -u HOME CDPATH=/:. LOCKSTEP_BUILD='" + dir_.at("build") +
                            "' " LOCKSTEP_SOURCE_DIR "/scripts/gpu-runner-kit ";
  const Ended help = shell(maker + "--help");
  EXPECT_EQ(help.code, 0) << help.err;
  EXPECT_EQ(help.out.substr(0, 29), "usage: scripts/gpu-runner-kit") << help.out;
  const Ended nowhere = shell(maker + "--output /no/such/folder/kit.tar.gz");
  EXPECT_EQ(nowhere.code, 2) << nowhere.err;
  EXPECT_NE(nowhere.err.find("/no/such/folder/kit.tar.gz cannot be written"), std::string::npos) << nowhere.err;
}

// Neither a packed report of nothing nor a lost one.
TEST_F(Kit, WhatCannotBePackedIsKeptAndNamed) {
  for (const char* tool : {"tar", "gzip"}) {
    const std::string broken = dir_.write(std::string("broken/") + tool, "#!/bin/sh\necho broken >&2\nexit 1\n");
    ::chmod(broken.c_str(), 0755);
    const Ended ended = shell("PATH=" + dir_.at("broken") + ":$PATH \"$KIT\"");
    EXPECT_EQ(ended.code, 4) << tool;
    const std::size_t at = ended.err.find("the report is in the folder ");
    ASSERT_NE(at, std::string::npos) << ended.err;
    const std::string folder = ended.err.substr(at + 28, ended.err.find(" (suite 0)", at) - at - 28);
    EXPECT_TRUE(std::filesystem::exists(folder + "/conformance.json")) << folder;
    EXPECT_TRUE(std::filesystem::exists(folder + "/machine.txt")) << folder;
    EXPECT_TRUE(std::filesystem::is_empty(dir_.at("here"))) << "half an archive";
    std::filesystem::remove_all(dir_.at("scratch"));
    std::filesystem::create_directories(dir_.at("scratch"));
    std::filesystem::remove(broken);
  }
  if (::access("/dev/full", W_OK) != 0) return;
  const Ended full = shell("\"$KIT\" --output /dev/full");
  EXPECT_EQ(full.code, 4);
  EXPECT_NE(full.err.find("/dev/full cannot be written: the report is in the folder"), std::string::npos) << full.err;
  EXPECT_TRUE(std::filesystem::exists("/dev/full"));
}

// A machine without tar, and one whose TMPDIR is full, in a mount namespace: 42 where it went as it should.
TEST_F(Kit, AMachineWithoutTarOrRoom) {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string nothing = dir_.write("nothing", "");
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(3);
    std::filesystem::create_directories(dir_.at("full"));
    if (::mount("none", dir_.at("full").c_str(), "tmpfs", 0, "size=4k") != 0) ::_exit(3);
    const Ended full = shell("echo x >'" + dir_.at("full") + "/x'; TMPDIR='" + dir_.at("full") + "' \"$KIT\"");
    if (full.code != 4 || full.err.find("no room") == std::string::npos) ::_exit(1);
    for (const char* tar : {"/usr/bin/tar", "/bin/tar"})
      if (::access(tar, X_OK) == 0 && ::mount(nothing.c_str(), tar, nullptr, MS_BIND, nullptr) != 0) ::_exit(3);
    const Ended without = shell("\"$KIT\"");
    ::_exit(without.code == 4 &&
                    without.err.find("there is no tar here: the report is in the folder " + dir_.at("scratch")) !=
                        std::string::npos &&
                    std::filesystem::is_empty(dir_.at("here"))
                ? 42
                : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 3) GTEST_SKIP() << "no mount namespace to be had";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status;
}

TEST_F(Kit, ASignalEndsItAndWhatItStartedAndLeavesNothing) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const std::string fifo = dir_.at("started");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    program("lockstep-conformance", "echo $$ >'" + fifo + "'\nexec sleep 600\n");
    const pid_t child = ::fork();
    if (child == 0) {
      for (int each = 1; each < NSIG; ++each) ::signal(each, SIG_DFL);
      ::setenv("TMPDIR", dir_.at("scratch").c_str(), 1);
      if (::chdir(dir_.at("here").c_str()) != 0) ::_exit(99);
      ::execl(dir_.at("kit/run").c_str(), "run", nullptr);
      ::_exit(99);
    }
    pid_t suite = 0;
    std::ifstream(fifo) >> suite;
    ASSERT_GT(suite, 0);
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, suite, 0)));
    ASSERT_TRUE(pidfd);
    ::kill(child, number);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == number) << status;
    pollfd ended{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 20000), 1) << "what it started goes on";
    expect_nothing_left();
    EXPECT_TRUE(std::filesystem::is_empty(dir_.at("here")));
    ::unlink(fifo.c_str());
  }
}

}  // namespace
}  // namespace lockstep::conformance::suite
