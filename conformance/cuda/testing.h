// CuInitTest: for the tests of the cuda program in a row. Real workers, the real program, and the stand-in
// (stand_in.cc) as libcuda.so.1 in a directory of its own, which LD_LIBRARY_PATH leads to.
//
//   expect_both(run(request(access_read_only), "crash"), CuOutcome::signalled, SIGSEGV);
//
// Needs Landlock; an ordinary user will do.
#ifndef LOCKSTEP_CONFORMANCE_CUDA_TESTING_H_
#define LOCKSTEP_CONFORMANCE_CUDA_TESTING_H_

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "conformance/harness/workers.h"
#include "conformance/wire/cu_result.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::cuda {

// A directory that every identity can read, with the stand-in in it, and LD_LIBRARY_PATH there.
class CuInitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
    std::filesystem::create_directory(dir_.at("lib"));
    std::filesystem::copy_file(LOCKSTEP_STAND_IN_LIBRARY, library());
    ::chmod(library().c_str(), 0755);
    ::setenv("LD_LIBRARY_PATH", dir_.at("lib").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("LD_LIBRARY_PATH");
    ::unsetenv("LOCKSTEP_STAND_IN");
  }

  std::string library() const { return dir_.at("lib/libcuda.so.1"); }

  // The system to read, /proc as given, the library's directory to read where `library_rule`; one cell beside
  // cu-init.
  wire::RowRequest request(AccessSet proc, bool library_rule = true) const {
    wire::RowRequest out;
    out.id = 7;
    out.name = "cu-init";
    out.identity = ::geteuid() == 0 ? wire::IdentityKind::user : wire::IdentityKind::self;
    Plan& plan = out.plans.emplace_back();
    plan.abi = 1;
    plan.handled = abi_info(1)->fs;
    for (const char* path : {"/usr", "/lib", "/lib64", "/etc"}) plan.rules.push_back({path, access_read_only, true});
    plan.rules.push_back({"/proc", proc});
    if (library_rule) plan.rules.push_back({dir_.at("lib"), access_read_only});
    wire::CellRequest real, passwd;
    real.operation = Operation::cu_init;
    passwd.operation = Operation::open_w;
    passwd.path = "$scratch/file";
    out.tree = {{wire::TreeKind::file, "$scratch/file", "", 16, false}};
    out.cells = {passwd, real};
    return out;
  }

  // The workers inherit the environment as it is now.
  wire::RowReply run(const wire::RowRequest& row, const char* end = "") {
    ::setenv("LOCKSTEP_STAND_IN", end, 1);
    harness::Workers::Options options;
    options.count = 1;
    options.scratch_root = dir_.path();
    wire::RowReply out;
    Result<harness::Workers> workers = harness::Workers::start(options);
    EXPECT_TRUE(workers.ok());
    if (!workers.ok()) return out;
    const Result<void> ran = workers->run({row}, [&](std::size_t, wire::RowReply reply) { out = std::move(reply); });
    EXPECT_TRUE(ran.ok());
    // Whatever libcuda did, the row went on to its end under its restriction.
    EXPECT_EQ(out.control.outcome, wire::ChildOutcome::completed) << out.control.message;
    EXPECT_EQ(out.restricted.outcome, wire::ChildOutcome::completed) << out.restricted.message;
    out.control.cells.resize(2);
    out.restricted.cells.resize(2);
    EXPECT_EQ(out.control.cells[0].err, 0);
    if (row.enforcement == wire::Enforcement::faithful) {
      EXPECT_EQ(out.restricted.cells[0].err, EACCES);
    }
    return out;
  }

  static void expect_end(const wire::ChildReply& child, wire::CuOutcome outcome, int value) {
    EXPECT_EQ(child.cells[1].state, wire::CellState::done);
    const wire::CuResult result = wire::cu_result(child.cells[1]);
    EXPECT_EQ(result.outcome, outcome) << child.message;
    EXPECT_EQ(result.result, value);
  }
  static void expect_both(const wire::RowReply& reply, wire::CuOutcome outcome, int value) {
    expect_end(reply.control, outcome, value);
    expect_end(reply.restricted, outcome, value);
  }

  const testing::TemporaryDirectory dir_{0755};
};

}  // namespace lockstep::conformance::cuda

#endif  // LOCKSTEP_CONFORMANCE_CUDA_TESTING_H_
