// Mode::work: each stage of it, its every end, and what a policy does to it; on the stand-in, whose device executes the
// kernel.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include <lockstep/rights.h>

#include "base/unique_fd.h"
#include "conformance/cuda/testing.h"
#include "conformance/harness/cu_init.h"

namespace lockstep::conformance::cuda {
namespace {

// The stages that call libcuda, with a function of each.
struct Stage {
  wire::CuStage stage;
  const char* function;
};
constexpr Stage stages[] = {{wire::CuStage::version, "cuDriverGetVersion"},
                            {wire::CuStage::init, "cuInit"},
                            {wire::CuStage::count, "cuDeviceGetCount"},
                            {wire::CuStage::device, "cuDeviceGet"},
                            {wire::CuStage::context, "cuDevicePrimaryCtxRetain"},
                            {wire::CuStage::context, "cuCtxSetCurrent"},
                            {wire::CuStage::allocate, "cuMemAlloc_v2"},
                            {wire::CuStage::copy_in, "cuMemcpyHtoD_v2"},
                            {wire::CuStage::module, "cuModuleLoadData"},
                            {wire::CuStage::module, "cuModuleGetFunction"},
                            {wire::CuStage::launch, "cuLaunchKernel"},
                            {wire::CuStage::wait, "cuCtxSynchronize"},
                            {wire::CuStage::copy_out, "cuMemcpyDtoH_v2"},
                            {wire::CuStage::tear_down, "cuModuleUnload"},
                            {wire::CuStage::tear_down, "cuMemFree_v2"},
                            {wire::CuStage::tear_down, "cuDevicePrimaryCtxRelease_v2"}};

class WorkTest : public CuInitTest {
 protected:
  wire::RowRequest work(AccessSet proc) const {
    wire::RowRequest out = request(proc);
    out.cells[1].mode = Mode::work;
    return out;
  }
  static void expect_stage(const wire::RowReply& reply, wire::CuStage control, wire::CuStage restricted) {
    EXPECT_STREQ(wire::name(wire::cu_result(reply.control.cells[1]).stage), wire::name(control));
    EXPECT_STREQ(wire::name(wire::cu_result(reply.restricted.cells[1]).stage), wire::name(restricted));
  }
};

TEST_F(WorkTest, WhereProcCanBeWrittenTheKernelRunsAndItsResultIsRight) {
  const wire::RowReply reply = run(work(access_read_only | AccessSet(Right::write_file)));
  expect_both(reply, wire::CuOutcome::returned, 0);
  expect_stage(reply, wire::CuStage::tear_down, wire::CuStage::tear_down);
  EXPECT_EQ(wire::cu_result(reply.restricted.cells[1]).driver_version, 12080);
  EXPECT_EQ(wire::cu_result(reply.restricted.cells[1]).devices, 2);
}

TEST_F(WorkTest, WhereProcCanOnlyBeReadItEndsAtInit) {
  const wire::RowReply reply = run(work(access_read_only));
  expect_end(reply.control, wire::CuOutcome::returned, 0);
  expect_end(reply.restricted, wire::CuOutcome::returned, 304);
  expect_stage(reply, wire::CuStage::tear_down, wire::CuStage::init);
}

// As a compiler library that the policy hides: everything starts, and the work fails all the same.
TEST_F(WorkTest, APolicyThatHidesWhatALaterStageNeedsIsToldByTheStage) {
  const std::string hidden = dir_.write("hidden", "x");
  ASSERT_EQ(::chmod(hidden.c_str(), 0644), 0);
  const wire::RowReply reply =
      run(work(access_read_only | AccessSet(Right::write_file)), ("cuModuleLoadData:" + hidden).c_str());
  expect_end(reply.control, wire::CuOutcome::returned, 0);
  expect_end(reply.restricted, wire::CuOutcome::returned, 999);
  expect_stage(reply, wire::CuStage::tear_down, wire::CuStage::module);
}

// The program alone, as the control: unrestricted, in a slot of the test's own.
class WorkStages : public WorkTest {
 protected:
  struct End {
    wire::CuResult result;
    std::string message;
  };

  class Memory {
   public:
    Memory() : fd_(static_cast<int>(::syscall(SYS_memfd_create, "slot", 0))) {
      EXPECT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(wire::Slot::bytes(1, 0))), 0);
      memory_ = ::mmap(nullptr, wire::Slot::bytes(1, 0), PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
      EXPECT_NE(memory_, MAP_FAILED);
      slot().header->cells = 1;
    }
    ~Memory() { ::munmap(memory_, wire::Slot::bytes(1, 0)); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    wire::Slot slot() const { return wire::Slot::at(memory_, 1, 0); }
    int fd() const { return fd_.get(); }
    End end() const { return {wire::cu_result(slot().cells[0]), slot().header->message}; }

   private:
    UniqueFd fd_;
    void* memory_ = nullptr;
  };

  static void run_in(const Memory& memory, std::uint32_t timeout_ms) {
    const UniqueFd helper(::open(LOCKSTEP_CUDA_HELPER, O_RDONLY | O_CLOEXEC));
    const std::string self = "/proc/" + std::to_string(::getpid()) + "/exe";
    harness::CuInit init;
    init.helper_fd = helper.get();
    init.slot_fd = memory.fd();
    init.canary_path = self.c_str();
    init.work = true;
    init.timeout_ms = timeout_ms;
    const Result<void> ran = harness::run_cu_init(init, memory.slot(), 0);
    EXPECT_TRUE(ran.ok()) << ran.error().to_string();
  }

  End end_of(const std::string& wish) const {
    ::setenv("LOCKSTEP_STAND_IN", wish.c_str(), 1);
    const Memory memory;
    run_in(memory, 60000);
    return memory.end();
  }

  static void expect(const End& end, wire::CuOutcome outcome, wire::CuStage stage, int result) {
    EXPECT_EQ(end.result.outcome, outcome) << end.message;
    EXPECT_STREQ(wire::name(end.result.stage), wire::name(stage));
    EXPECT_EQ(end.result.result, result);
  }

  // The function under another name of the same length: there is nothing to find.
  void take_away(const std::string& function) const {
    std::ifstream in(LOCKSTEP_STAND_IN_LIBRARY, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const std::string name = std::string(1, '\0') + function + std::string(1, '\0');
    std::size_t found = 0;
    for (std::size_t at = 0; (at = bytes.find(name, at)) != std::string::npos; ++found) bytes[at + 1] = 'x';
    ASSERT_GT(found, 0U) << function;
    std::ofstream(library(), std::ios::binary | std::ios::trunc) << bytes;
  }
};

TEST_F(WorkStages, AnErrorIsTheStagesOwn) {
  for (const Stage& each : stages) {
    if (each.stage == wire::CuStage::version) continue;  // what cannot be asked stays unknown
    SCOPED_TRACE(each.function);
    expect(end_of(std::string(each.function) + ":719"), wire::CuOutcome::returned, each.stage, 719);
  }
  const End end = end_of("cuDriverGetVersion:719");
  expect(end, wire::CuOutcome::returned, wire::CuStage::tear_down, 0);
  EXPECT_EQ(end.result.driver_version, 0);
  EXPECT_EQ(end.result.devices, 2);
}

TEST_F(WorkStages, ACrashIsToldByItsStage) {
  expect(end_of("load:crash"), wire::CuOutcome::signalled, wire::CuStage::load, SIGSEGV);
  for (const Stage& each : stages) {
    SCOPED_TRACE(each.function);
    expect(end_of(std::string(each.function) + ":crash"), wire::CuOutcome::signalled, each.stage, SIGSEGV);
  }
}

TEST_F(WorkStages, ALibraryThatEndsTheProcessIsToldByItsStage) {
  expect(end_of("load:exit"), wire::CuOutcome::exited, wire::CuStage::load, 42);
  for (const Stage& each : stages) {
    SCOPED_TRACE(each.function);
    expect(end_of(std::string(each.function) + ":exit"), wire::CuOutcome::exited, each.stage, 42);
  }
}

// As root the real cuInit() makes /dev/nvidiactl; whoever looks next would see a node without a driver.
TEST_F(WorkStages, NoNodeIsLeftBehind) {
  const std::string node = dir_.at("nvidiactl");
  if (::mknod(node.c_str(), S_IFCHR | 0600, makedev(195, 255)) != 0)
    GTEST_SKIP() << "no device can be made here: " << errno_name(errno);
  ASSERT_EQ(::unlink(node.c_str()), 0);
  ::setenv("LOCKSTEP_STAND_IN_NODE", node.c_str(), 1);
  expect(end_of(""), wire::CuOutcome::returned, wire::CuStage::tear_down, 0);
  ::unsetenv("LOCKSTEP_STAND_IN_NODE");
  EXPECT_EQ(::access(node.c_str(), F_OK), -1);
  EXPECT_EQ(errno, ENOENT);
}

// All at once: each waits for its time-out.
TEST_F(WorkStages, AHangIsATimeOutOfItsStage) {
  std::vector<Stage> all = {{wire::CuStage::load, "load"}};
  all.insert(all.end(), std::begin(stages), std::end(stages));
  const std::vector<Memory> memories(all.size());
  std::vector<pid_t> pids;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ::setenv("LOCKSTEP_STAND_IN", (std::string(all[i].function) + ":hang").c_str(), 1);
    pids.push_back(::fork());
    if (pids.back() == 0) {
      run_in(memories[i], 4000);
      ::_exit(0);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(all[i].function);
    ASSERT_EQ(::waitpid(pids[i], nullptr, 0), pids[i]);
    expect(memories[i].end(), wire::CuOutcome::timed_out, all[i].stage, 0);
  }
}

TEST_F(WorkStages, AFunctionThatIsMissingIsToldByItsStage) {
  for (const Stage& each : stages) {
    SCOPED_TRACE(each.function);
    take_away(each.function);
    const End end = end_of("");
    if (each.stage == wire::CuStage::version) {
      expect(end, wire::CuOutcome::returned, wire::CuStage::tear_down, 0);
    } else if (each.stage == wire::CuStage::init) {
      expect(end, wire::CuOutcome::not_loaded, wire::CuStage::load, 0);
    } else {
      expect(end, wire::CuOutcome::missing_symbol, each.stage, 0);
      EXPECT_EQ(end.message, "no " + std::string(each.function) + " in libcuda.so.1");
    }
  }
}

TEST_F(WorkStages, AKernelThatNeverRanIsAWrongValue) {
  for (const char* function : {"cuLaunchKernel", "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2"}) {
    SCOPED_TRACE(function);
    const End end = end_of(std::string(function) + ":nothing");
    expect(end, wire::CuOutcome::wrong_value, wire::CuStage::compare, 0);
    EXPECT_TRUE(end.message.starts_with("out[0] is ")) << end.message;
  }
}

TEST_F(WorkStages, WhatIsNotGivenBackIsAnError) {
  for (const char* function : {"cuMemFree_v2", "cuModuleUnload"})
    expect(end_of(std::string(function) + ":nothing"), wire::CuOutcome::returned, wire::CuStage::tear_down, 1);
}

}  // namespace
}  // namespace lockstep::conformance::cuda
