#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <lockstep/kernel.h>

#include "conformance/hostile/environment.h"
#include "conformance/hostile/expectation.h"
#include "testing/run_program.h"

namespace lockstep::conformance::hostile {
namespace {

constexpr char rows[] = "--gtest_filter=comm_with_proc_read_only.*:what_landlock_leaves_alone.*";

class HostileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
  }

  // Runs it; skips where the environment cannot be made.
  Ran run(const std::string& name, const std::vector<std::string>& words, bool as_user = false) {
    const Environment* environment = find_environment(name);
    EXPECT_NE(environment, nullptr) << name;
    RunOptions options;
    options.as_user = as_user && ::geteuid() == 0;
    options.seconds = 120;
    options.directory = directory_.at(std::to_string(++runs_));
    ::mkdir(options.directory.c_str(), 0777);
    ::chmod(options.directory.c_str(), 0777);
    return run_in(*environment, words, options);
  }

  void expect_code(const std::string& name, const std::vector<std::string>& words, int code, const std::string& reason,
                   bool as_user = false) {
    const Ran ran = run(name, words, as_user);
    if (!ran.made) GTEST_SKIP() << "no-namespace: " << ran.why;
    ASSERT_TRUE(ran.in_time) << ran.out << ran.err;
    ASSERT_TRUE(WIFEXITED(ran.status)) << "signal " << WTERMSIG(ran.status);
    EXPECT_EQ(WEXITSTATUS(ran.status), code) << ran.out << ran.err;
    EXPECT_NE((ran.out + ran.err).find(reason), std::string::npos) << ran.out << ran.err;
  }

  std::vector<std::string> suite() const { return {LOCKSTEP_CONFORMANCE, "--abi", "native", rows}; }

 private:
  lockstep::testing::TemporaryDirectory directory_{0755};
  int runs_ = 0;
};

TEST_F(HostileTest, NothingIsWrongWhereNothingIsInTheWay) {
  expect_code("usual", suite(), 0, "");
}
TEST_F(HostileTest, TheSuiteKnowsAnotherNamespacesProc) {
  expect_code("stale-proc", suite(), 3, "stale-procfs");
}
TEST_F(HostileTest, TheDoctorKnowsAnotherNamespacesProc) {
  expect_code("stale-proc", {LOCKSTEP_DOCTOR}, 3, "stale-procfs");
}
TEST_F(HostileTest, TheSuiteKnowsThatThereIsNoProc) {
  expect_code("no-proc", suite(), 3, "none-procfs");
}
TEST_F(HostileTest, TheDoctorIsFoundWithoutAProc) {
  expect_code("no-proc", {LOCKSTEP_CLI, "doctor"}, 3, "none-procfs");
}
TEST_F(HostileTest, TheModelKnowsWhatProcHides) {
  expect_code("proc-hidepid-2", suite(), 0, "", true);
  expect_code("proc-hidepid-4", suite(), 0, "", true);
}
TEST_F(HostileTest, TheSuiteRunsThoughCallsAreFiltered) {
  expect_code("memfd_create-EPERM", suite(), 0, "");
  expect_code("pidfd_open-ENOSYS", suite(), 0, "");
  expect_code("execveat-EPERM", suite(), 0, "");
}
TEST_F(HostileTest, AFullDirectoryIsBadInput) {
  expect_code("tmp-full", suite(), 2, "TMPDIR");
}
TEST_F(HostileTest, ClosedDescriptorsAreNobodyElses) {
  expect_code("closed-1", suite(), 4, "EBADF");
}
TEST_F(HostileTest, IgnoredAndBlockedSignalsChangeNothing) {
  expect_code("signals", suite(), 0, "");
}

// The table of what is right can say no.
TEST(Hostile, AWrongEndIsSeen) {
  const Environment& usual = *find_environment("usual");
  Ran ran;
  ran.made = ran.in_time = true;
  ran.status = 3 << 8;
  ran.err = "stale-procfs: because\n";
  const Expectation right{{3}, "stale-procfs"};
  EXPECT_EQ(what_is_wrong(usual, right, ran), "");
  EXPECT_NE(what_is_wrong(usual, {{0}, ""}, ran), "");
  EXPECT_NE(what_is_wrong(usual, {{3}, "another reason"}, ran), "");
  ran.in_time = false;
  EXPECT_NE(what_is_wrong(usual, right, ran), "");
  ran.in_time = true;
  ran.status = SIGSEGV;
  EXPECT_NE(what_is_wrong(usual, right, ran), "");
}

TEST(Hostile, AHangIsEndedWithAllItStarted) {
  const lockstep::testing::TemporaryDirectory directory(0755);
  RunOptions options;
  options.seconds = 1;
  options.directory = directory.path();
  const Ran ran = run_in(*find_environment("usual"), {"/bin/sh", "-c", "sleep 1000 & sleep 1000"}, options);
  if (!ran.made) GTEST_SKIP() << "no-namespace: " << ran.why;
  EXPECT_FALSE(ran.in_time);
}

}  // namespace
}  // namespace lockstep::conformance::hostile
