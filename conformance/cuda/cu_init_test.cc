// cu-init from the helper to the exit code, with the stand-in for libcuda.so.1 (stand_in.cc): real children,
// a real kernel, and no GPU.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <lockstep/rights.h>

#include "conformance/cuda/testing.h"
#include "syntax/json.h"

namespace lockstep::conformance::cuda {
namespace {

TEST_F(CuInitTest, WhereProcCanBeWrittenItSucceedsAndCountsDevices) {
  const wire::RowReply reply = run(request(access_read_only | AccessSet(Right::write_file)));
  expect_both(reply, wire::CuOutcome::returned, 0);
  const wire::CuResult result = wire::cu_result(reply.restricted.cells[1]);
  EXPECT_EQ(result.stage, wire::CuStage::init);
  EXPECT_EQ(result.driver_version, 12080);
  EXPECT_EQ(result.devices, 2);
}

TEST_F(CuInitTest, WhereProcCanOnlyBeReadItIs304UnderThePolicyAndNotWithoutIt) {
  const wire::RowReply reply = run(request(access_read_only));
  expect_end(reply.control, wire::CuOutcome::returned, 0);
  expect_end(reply.restricted, wire::CuOutcome::returned, 304);
}

TEST_F(CuInitTest, AnEnforcementThatRestrictsNobodyIsSeen) {
  wire::RowRequest row = request(access_read_only);
  row.enforcement = wire::Enforcement::none;
  expect_both(run(row), wire::CuOutcome::returned, 0);
}

TEST_F(CuInitTest, EveryResultIsPassedOn) {
  for (int result : {3, 100, 801, 999})
    expect_both(run(request(access_read_only), std::to_string(result).c_str()), wire::CuOutcome::returned, result);
}

TEST_F(CuInitTest, ACrashIsTheSignal) {
  expect_both(run(request(access_read_only), "crash"), wire::CuOutcome::signalled, SIGSEGV);
}

TEST_F(CuInitTest, ALibraryThatEndsTheProcessHasNotAnswered) {
  expect_both(run(request(access_read_only), "exit"), wire::CuOutcome::exited, 42);
}

TEST_F(CuInitTest, AHangIsATimeOutOfItsOwn) {
  wire::RowRequest row = request(access_read_only);
  row.cu_init_timeout_ms = 3000;                                 // a busy machine takes a second to start the program
  expect_both(run(row, "hang"), wire::CuOutcome::timed_out, 0);  // run(): the row itself came to its end
}

TEST_F(CuInitTest, WithoutARuleForItsDirectoryTheLibraryCannotBeLoaded) {
  const wire::RowReply reply = run(request(access_read_only, false));
  expect_end(reply.control, wire::CuOutcome::returned, 0);
  // On a machine with a driver the loader goes on to the real library: that must not be the one this test is
  // about.
  if (wire::cu_result(reply.restricted.cells[1]).outcome == wire::CuOutcome::returned)
    GTEST_SKIP() << "a real libcuda.so.1 is installed here";
  expect_end(reply.restricted, wire::CuOutcome::not_loaded, 0);
  EXPECT_NE(reply.restricted.message.find("libcuda.so.1"), std::string::npos) << reply.restricted.message;
}

TEST_F(CuInitTest, AFileThatIsNoLibraryIsNotLoadedByAnyone) {
  std::ofstream(library(), std::ios::trunc)
      << "this is no shared library, whatever its name says, not even a short one";
  expect_both(run(request(access_read_only)), wire::CuOutcome::not_loaded, 0);
}

// The whole program on a machine with GPU nodes, which a private /dev stands in for. What is wanted of it
// beside the policy under test: the report's cu-init cell, the row's readiness and the exit code.
class CuInitCommand : public CuInitTest {
 protected:
  struct Outcome {
    int code = -1;
    Json row, cell;
  };

  void SetUp() override {
    CuInitTest::SetUp();
    if (IsSkipped()) return;
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: a private /dev with device nodes";
    if (std::system("unshare -m true 2>/dev/null") != 0) GTEST_SKIP() << "needs a mount namespace (CAP_SYS_ADMIN)";
  }

  Outcome conform(const std::string& proc_list, const std::string& end, bool library_rule = true) const {
    const std::string read_only = proc_list == "read_only" ? ", /proc" : "";
    const std::string policy =
        dir_.write("policy.yaml", "version: 1\nfilesystem_policy:\n  read_only: [/usr, /lib, /lib64, /etc, /sys" +
                                      read_only + (library_rule ? ", " + dir_.at("lib") : "") +
                                      "]\n  read_write: [/dev/null, /dev/nvidiactl, /dev/nvidia-uvm, /dev/nvidia0" +
                                      (read_only.empty() ? ", /proc" : "") +
                                      "]\nruntime_baseline_conflicts:\n  - {paths: [/proc], mode: keep}\n");
    std::string script = "mount -t tmpfs -o mode=755 tmpfs /dev && ";
    for (const char* node : {"null 1 3", "urandom 1 9", "nvidiactl 1 8", "nvidia-uvm 1 8", "nvidia0 1 8"})
      script += "mknod -m 666 /dev/" + std::string(node).insert(std::string(node).find(' '), " c") + " && ";
    script += "LOCKSTEP_STAND_IN='" + end + "' " + LOCKSTEP_CONFORMANCE + " --policy " + policy +
              " --abi 5 --workers 1 --report " + dir_.at("report.json") + " --gtest_filter='*/user' >" +
              dir_.at("output");
    const int status = std::system(("unshare -m sh " + dir_.write("script", script + "\n")).c_str());
    Outcome out;
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    const Json all = Json::parse_or_null(dir_.read("report.json"));
    if (!all.is_object() || all.at("rows").size() != 1) {
      ADD_FAILURE() << "no report of one row; exit " << out.code;
      return out;
    }
    out.row = all.at("rows").at(0);
    for (const Json& cell : out.row.at("cells"))
      if (cell.at("op") == "cu-init") out.cell = cell;
    EXPECT_TRUE(out.cell.is_object()) << "no cu-init cell";
    return out;
  }

  static void expect(const Outcome& out, int code, const char* readiness, const char* verdict, const char* observed) {
    EXPECT_EQ(out.code, code) << out.row.value("message", "");
    EXPECT_EQ(out.row.at("readiness").at("is"), readiness) << out.row.at("readiness").at("why");
    EXPECT_EQ(out.cell.value("verdict", ""), verdict);
    EXPECT_EQ(out.cell.value("observed", ""), observed);
    EXPECT_FALSE(out.cell.contains("predicted")) << "the model knows nothing of cuInit";
  }
};

TEST_F(CuInitCommand, AReadyPolicyAndASuccessAgree) {
  const Outcome out = conform("read_write", "");
  expect(out, 0, "ready", "agree", "CUDA_SUCCESS");
  EXPECT_EQ(out.cell.value("control", ""), "CUDA_SUCCESS");
  EXPECT_EQ(out.cell.value("cuda_driver", 0), 12080);
  EXPECT_EQ(out.cell.value("devices", 0), 2);
}

TEST_F(CuInitCommand, ABlockedPolicyAnd304Agree) {
  const Outcome out = conform("read_only", "");
  expect(out, 0, "blocked", "agree", "CUDA_ERROR_OPERATING_SYSTEM (304)");
  EXPECT_EQ(out.cell.value("control", ""), "CUDA_SUCCESS");
}

TEST_F(CuInitCommand, ReadyAndAFailureThatNobodyForesawDisagree) {
  expect(conform("read_write", dir_.at("script")), 1, "ready", "disagree", "CUDA_ERROR_UNKNOWN (999)");
}

TEST_F(CuInitCommand, BlockedAndASuccessDisagree) {
  expect(conform("read_only", "0"), 1, "blocked", "disagree", "CUDA_SUCCESS");
}

TEST_F(CuInitCommand, NoDeviceWithoutThePolicyIsNothingToCompareAndNotReady) {
  const Outcome out = conform("read_write", "100");
  expect(out, 0, "blocked-elsewhere", "not_comparable", "CUDA_ERROR_NO_DEVICE (100)");
  EXPECT_EQ(out.row.at("readiness").at("why"), "cu-init: CUDA_ERROR_NO_DEVICE (100) without the policy");
}

TEST_F(CuInitCommand, ALibraryThatThePolicyHidesMakesItBlocked) {
  const Outcome out = conform("read_write", "", false);
  if (out.cell.value("observed", "").starts_with("CUDA")) GTEST_SKIP() << "a real libcuda.so.1 is installed here";
  EXPECT_EQ(out.code, 0);
  EXPECT_EQ(out.row.at("readiness").at("is"), "blocked");
  const std::string why = out.row.at("readiness").at("why");
  EXPECT_TRUE(why.starts_with("libcuda.so.1 could not be loaded (")) << why;
  EXPECT_TRUE(why.ends_with(") under the policy")) << why;
}

}  // namespace
}  // namespace lockstep::conformance::cuda
