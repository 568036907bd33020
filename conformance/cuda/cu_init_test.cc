// cu-init from the helper to the exit code, with the stand-in for libcuda.so.1 (stand_in.cc): real children,
// a real kernel, and no GPU.
#include "conformance/harness/cu_init.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "conformance/harness/workers.h"
#include "landlock/abi.h"
#include "landlock/kernel.h"

namespace lockstep::conformance {
namespace {

using Json = nlohmann::json;

// A directory that every identity can read, with the stand-in in it, and LD_LIBRARY_PATH there.
class CuInitTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok())
      GTEST_SKIP() << kernel.error().message;
    char root[] = "/tmp/lockstep-cu-init-test.XXXXXX";
    ASSERT_NE(::mkdtemp(root), nullptr);
    root_ = root;
    ASSERT_EQ(::chmod(root, 0755), 0);
    std::filesystem::create_directory(root_ + "/lib");
    std::filesystem::copy_file(LOCKSTEP_STAND_IN_LIBRARY, library());
    ::chmod(library().c_str(), 0755);
    ::setenv("LD_LIBRARY_PATH", (root_ + "/lib").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("LD_LIBRARY_PATH");
    ::unsetenv("LOCKSTEP_STAND_IN");
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }

  std::string library() const { return root_ + "/lib/libcuda.so.1"; }

  // The system to read, /proc as given, the library's directory to read where `library_rule`; one cell beside
  // cu-init.
  RowRequest request(AccessSet proc, bool library_rule = true) const {
    RowRequest out;
    out.id = 7;
    out.name = "cu-init";
    out.identity = ::geteuid() == 0 ? IdentityKind::user : IdentityKind::self;
    out.plan_abi = 1;
    out.handled = abi_info(1)->fs.bits();
    for (const char* path : {"/usr", "/lib", "/lib64", "/etc"})
      out.rules.push_back({path, access_read_only.bits(), true});
    out.rules.push_back({"/proc", proc.bits(), false});
    if (library_rule) out.rules.push_back({root_ + "/lib", access_read_only.bits(), false});
    CellRequest real, passwd;
    real.operation = Operation::cu_init;
    passwd.operation = Operation::open_w;
    passwd.path = "$scratch/file";
    out.tree = {{TreeKind::file, "$scratch/file", "", 16, false}};
    out.cells = {passwd, real};
    return out;
  }

  // The workers take the environment of now with them.
  RowReply run(const RowRequest& row, const char* end = "") {
    ::setenv("LOCKSTEP_STAND_IN", end, 1);
    Workers::Options options;
    options.count = 1;
    options.scratch_root = root_;
    RowReply out;
    Result<Workers> workers = Workers::start(options);
    EXPECT_TRUE(workers.ok());
    if (!workers.ok()) return out;
    const Result<void> ran =
        workers->run({row}, [&](std::size_t, RowReply reply) { out = std::move(reply); });
    EXPECT_TRUE(ran.ok());
    // Whatever became of libcuda, the row went on to its end under its restriction.
    EXPECT_EQ(out.control.outcome, ChildOutcome::completed) << out.control.message;
    EXPECT_EQ(out.restricted.outcome, ChildOutcome::completed) << out.restricted.message;
    out.control.cells.resize(2);
    out.restricted.cells.resize(2);
    EXPECT_EQ(out.control.cells[0].err, 0);
    if (row.enforcement == Enforcement::faithful) {
      EXPECT_EQ(out.restricted.cells[0].err, EACCES);
    }
    return out;
  }

  static void expect_end(const ChildReply& child, CuOutcome outcome, int value) {
    EXPECT_EQ(child.cells[1].state, CellState::done);
    const CuResult result = cu_result(child.cells[1]);
    EXPECT_EQ(result.outcome, outcome) << child.message;
    EXPECT_EQ(result.result, value);
  }
  static void expect_both(const RowReply& reply, CuOutcome outcome, int value) {
    expect_end(reply.control, outcome, value);
    expect_end(reply.restricted, outcome, value);
  }

  std::string root_;
};

TEST_F(CuInitTest, WhereProcCanBeWrittenItSucceedsAndCountsDevices) {
  const RowReply reply = run(request(access_read_only | AccessSet(Right::write_file)));
  expect_both(reply, CuOutcome::returned, 0);
  const CuResult result = cu_result(reply.restricted.cells[1]);
  EXPECT_EQ(result.stage, CuStage::init);
  EXPECT_EQ(result.driver_version, 12080);
  EXPECT_EQ(result.devices, 2);
}

TEST_F(CuInitTest, WhereProcCanOnlyBeReadItIs304UnderThePolicyAndNotWithoutIt) {
  const RowReply reply = run(request(access_read_only));
  expect_end(reply.control, CuOutcome::returned, 0);
  expect_end(reply.restricted, CuOutcome::returned, 304);
}

TEST_F(CuInitTest, AnEnforcementThatRestrictsNobodyIsSeen) {
  RowRequest row = request(access_read_only);
  row.enforcement = Enforcement::none;
  expect_both(run(row), CuOutcome::returned, 0);
}

TEST_F(CuInitTest, EveryResultIsPassedOn) {
  for (int result : {3, 100, 801, 999})
    expect_both(run(request(access_read_only), std::to_string(result).c_str()), CuOutcome::returned, result);
}

TEST_F(CuInitTest, ACrashIsTheSignal) {
  expect_both(run(request(access_read_only), "crash"), CuOutcome::signalled, SIGSEGV);
}

TEST_F(CuInitTest, ALibraryThatEndsTheProcessHasNotAnswered) {
  expect_both(run(request(access_read_only), "exit"), CuOutcome::exited, 42);
}

TEST_F(CuInitTest, AHangIsATimeOutOfItsOwn) {
  RowRequest row = request(access_read_only);
  row.cu_init_timeout_ms = 1000;
  expect_both(run(row, "hang"), CuOutcome::timed_out, 0);  // run(): the row itself came to its end
}

TEST_F(CuInitTest, WithoutARuleForItsDirectoryTheLibraryCannotBeLoaded) {
  const RowReply reply = run(request(access_read_only, false));
  expect_end(reply.control, CuOutcome::returned, 0);
  // On a machine with a driver the loader goes on to the real library: that must not be the one this test is
  // about.
  if (cu_result(reply.restricted.cells[1]).outcome == CuOutcome::returned)
    GTEST_SKIP() << "a real libcuda.so.1 is installed here";
  expect_end(reply.restricted, CuOutcome::not_loaded, 0);
  EXPECT_NE(reply.restricted.message.find("libcuda.so.1"), std::string::npos) << reply.restricted.message;
}

TEST_F(CuInitTest, AFileThatIsNoLibraryIsNotLoadedByAnyone) {
  std::ofstream(library(), std::ios::trunc)
      << "this is no shared library, whatever its name says, not even a short one";
  expect_both(run(request(access_read_only)), CuOutcome::not_loaded, 0);
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
    if (std::system("unshare -m true 2>/dev/null") != 0)
      GTEST_SKIP() << "needs a mount namespace (CAP_SYS_ADMIN)";
  }

  Outcome conform(const std::string& proc_list, const std::string& end, bool library_rule = true) const {
    const std::string policy = root_ + "/policy.yaml", report = root_ + "/report.json";
    const std::string read_only = proc_list == "read_only" ? ", /proc" : "";
    std::ofstream(policy) << "version: 1\nfilesystem_policy:\n"
                          << "  read_only: [/usr, /lib, /lib64, /etc, /sys" << read_only
                          << (library_rule ? ", " + root_ + "/lib" : "") << "]\n"
                          << "  read_write: [/dev/null, /dev/nvidiactl, /dev/nvidia-uvm, /dev/nvidia0"
                          << (read_only.empty() ? ", /proc" : "") << "]\n"
                          << "runtime_baseline_conflicts:\n  - {paths: [/proc], mode: keep}\n";
    std::string script = "mount -t tmpfs -o mode=755 tmpfs /dev && ";
    for (const char* node : {"null 1 3", "urandom 1 9", "nvidiactl 1 8", "nvidia-uvm 1 8", "nvidia0 1 8"})
      script += "mknod -m 666 /dev/" + std::string(node).insert(std::string(node).find(' '), " c") + " && ";
    script += "LOCKSTEP_STAND_IN='" + end + "' " + LOCKSTEP_CONFORMANCE + " --policy " + policy +
              " --abi 5 --workers 1 --report " + report + " --gtest_filter='*/user' >" + root_ + "/output";
    std::ofstream(root_ + "/script") << script << "\n";
    const int status = std::system(("unshare -m sh " + root_ + "/script").c_str());
    Outcome out;
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::ifstream in(report);
    const Json all = Json::parse(in, nullptr, false);
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

  static void expect(const Outcome& out, int code, const char* readiness, const char* verdict,
                     const char* observed) {
    EXPECT_EQ(out.code, code) << out.row.value("message", "");
    EXPECT_EQ(out.row.at("readiness").at("is"), readiness) << out.row.at("readiness").at("why");
    EXPECT_EQ(out.cell.value("verdict", ""), verdict);
    EXPECT_EQ(out.cell.value("observed", ""), observed);
    EXPECT_EQ(out.cell.count("predicted"), 0U) << "the model knows nothing of cuInit";
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
  expect(conform("read_write", root_ + "/script"), 1, "ready", "disagree", "CUDA_ERROR_UNKNOWN (999)");
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
  if (out.cell.value("observed", "").starts_with("CUDA"))
    GTEST_SKIP() << "a real libcuda.so.1 is installed here";
  EXPECT_EQ(out.code, 0);
  EXPECT_EQ(out.row.at("readiness").at("is"), "blocked");
  const std::string why = out.row.at("readiness").at("why");
  EXPECT_TRUE(why.starts_with("libcuda.so.1 could not be loaded (")) << why;
  EXPECT_TRUE(why.ends_with(") under the policy")) << why;
}

}  // namespace
}  // namespace lockstep::conformance
