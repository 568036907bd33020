// Mode::work: each stage of it, its every end, and what a policy does to it; on the stand-in, whose device executes the kernel.
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

#include "base/unique_fd.h"
#include "conformance/cuda/testing.h"
#include "conformance/harness/cu_init.h"

namespace lockstep::conformance {
namespace {

// The stages that call libcuda, with a function of each.
struct Stage {
  CuStage stage;
  const char* function;
};
constexpr Stage stages[] = {{CuStage::version, "cuDriverGetVersion"},
                            {CuStage::init, "cuInit"},
                            {CuStage::count, "cuDeviceGetCount"},
                            {CuStage::device, "cuDeviceGet"},
                            {CuStage::context, "cuDevicePrimaryCtxRetain"},
                            {CuStage::context, "cuCtxSetCurrent"},
                            {CuStage::allocate, "cuMemAlloc_v2"},
                            {CuStage::copy_in, "cuMemcpyHtoD_v2"},
                            {CuStage::module, "cuModuleLoadData"},
                            {CuStage::module, "cuModuleGetFunction"},
                            {CuStage::launch, "cuLaunchKernel"},
                            {CuStage::wait, "cuCtxSynchronize"},
                            {CuStage::copy_out, "cuMemcpyDtoH_v2"},
                            {CuStage::tear_down, "cuModuleUnload"},
                            {CuStage::tear_down, "cuMemFree_v2"},
                            {CuStage::tear_down, "cuDevicePrimaryCtxRelease_v2"}};

class WorkTest : public CuInitTest {
 protected:
  RowRequest work(AccessSet proc) const {
    RowRequest out = request(proc);
    out.cells[1].mode = Mode::work;
    return out;
  }
  static void expect_stage(const RowReply& reply, CuStage control, CuStage restricted) {
    EXPECT_STREQ(name(cu_result(reply.control.cells[1]).stage), name(control));
    EXPECT_STREQ(name(cu_result(reply.restricted.cells[1]).stage), name(restricted));
  }
};

TEST_F(WorkTest, WhereProcCanBeWrittenTheKernelRunsAndItsResultIsRight) {
  const RowReply reply = run(work(access_read_only | AccessSet(Right::write_file)));
  expect_both(reply, CuOutcome::returned, 0);
  expect_stage(reply, CuStage::tear_down, CuStage::tear_down);
  EXPECT_EQ(cu_result(reply.restricted.cells[1]).driver_version, 12080);
  EXPECT_EQ(cu_result(reply.restricted.cells[1]).devices, 2);
}

TEST_F(WorkTest, WhereProcCanOnlyBeReadItEndsAtInit) {
  const RowReply reply = run(work(access_read_only));
  expect_end(reply.control, CuOutcome::returned, 0);
  expect_end(reply.restricted, CuOutcome::returned, 304);
  expect_stage(reply, CuStage::tear_down, CuStage::init);
}

// As a compiler library that the policy hides: everything starts, and the work fails all the same.
TEST_F(WorkTest, APolicyThatHidesWhatALaterStageNeedsIsToldByTheStage) {
  const std::string hidden = root_ + "/hidden";
  std::ofstream(hidden) << "x";
  ASSERT_EQ(::chmod(hidden.c_str(), 0644), 0);
  const RowReply reply =
      run(work(access_read_only | AccessSet(Right::write_file)), ("cuModuleLoadData:" + hidden).c_str());
  expect_end(reply.control, CuOutcome::returned, 0);
  expect_end(reply.restricted, CuOutcome::returned, 999);
  expect_stage(reply, CuStage::tear_down, CuStage::module);
}

// The program alone, as the control: unrestricted, in a slot of the test's own.
class WorkStages : public WorkTest {
 protected:
  struct End {
    CuResult result;
    std::string message;
  };

  class Memory {
   public:
    Memory() : fd_(static_cast<int>(::syscall(SYS_memfd_create, "slot", 0))) {
      EXPECT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(Slot::bytes(1, 0))), 0);
      memory_ = ::mmap(nullptr, Slot::bytes(1, 0), PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
      EXPECT_NE(memory_, MAP_FAILED);
      slot().header->cells = 1;
    }
    ~Memory() { ::munmap(memory_, Slot::bytes(1, 0)); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    Slot slot() const { return Slot::at(memory_, 1, 0); }
    int fd() const { return fd_.get(); }
    End end() const { return {cu_result(slot().cells[0]), slot().header->message}; }

   private:
    UniqueFd fd_;
    void* memory_ = nullptr;
  };

  static void run_in(const Memory& memory, std::uint32_t timeout_ms) {
    const UniqueFd helper(::open(LOCKSTEP_CUDA_HELPER, O_RDONLY | O_CLOEXEC));
    const std::string self = "/proc/" + std::to_string(::getpid()) + "/exe";
    CuInit init;
    init.helper_fd = helper.get();
    init.slot_fd = memory.fd();
    init.canary_path = self.c_str();
    init.work = true;
    init.timeout_ms = timeout_ms;
    const Result<void> ran = run_cu_init(init, memory.slot(), 0);
    EXPECT_TRUE(ran.ok()) << ran.error().to_string();
  }

  End end_of(const std::string& wish) const {
    ::setenv("LOCKSTEP_STAND_IN", wish.c_str(), 1);
    const Memory memory;
    run_in(memory, 60000);
    return memory.end();
  }

  static void expect(const End& end, CuOutcome outcome, CuStage stage, int result) {
    EXPECT_EQ(end.result.outcome, outcome) << end.message;
    EXPECT_STREQ(name(end.result.stage), name(stage));
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
    if (each.stage == CuStage::version) continue;  // what cannot be asked stays unknown
    SCOPED_TRACE(each.function);
    expect(end_of(std::string(each.function) + ":719"), CuOutcome::returned, each.stage, 719);
  }
  const End end = end_of("cuDriverGetVersion:719");
  expect(end, CuOutcome::returned, CuStage::tear_down, 0);
  EXPECT_EQ(end.result.driver_version, 0);
  EXPECT_EQ(end.result.devices, 2);
}

TEST_F(WorkStages, ACrashIsToldByItsStage) {
  expect(end_of("load:crash"), CuOutcome::signalled, CuStage::load, SIGSEGV);
  for (const Stage& each : stages) {
    SCOPED_TRACE(each.function);
    expect(end_of(std::string(each.function) + ":crash"), CuOutcome::signalled, each.stage, SIGSEGV);
  }
}

TEST_F(WorkStages, ALibraryThatEndsTheProcessIsToldByItsStage) {
  expect(end_of("load:exit"), CuOutcome::exited, CuStage::load, 42);
  for (const Stage& each : stages) {
    SCOPED_TRACE(each.function);
    expect(end_of(std::string(each.function) + ":exit"), CuOutcome::exited, each.stage, 42);
  }
}

// As root the real cuInit() makes /dev/nvidiactl; whoever looks next would see a node without a driver.
TEST_F(WorkStages, NoNodeIsLeftBehind) {
  const std::string node = root_ + "/nvidiactl";
  if (::mknod(node.c_str(), S_IFCHR | 0600, makedev(195, 255)) != 0)
    GTEST_SKIP() << "no device can be made here: " << errno_name(errno);
  ASSERT_EQ(::unlink(node.c_str()), 0);
  ::setenv("LOCKSTEP_STAND_IN_NODE", node.c_str(), 1);
  expect(end_of(""), CuOutcome::returned, CuStage::tear_down, 0);
  ::unsetenv("LOCKSTEP_STAND_IN_NODE");
  EXPECT_EQ(::access(node.c_str(), F_OK), -1);
  EXPECT_EQ(errno, ENOENT);
}

// All at once: each waits for its time-out.
TEST_F(WorkStages, AHangIsATimeOutOfItsStage) {
  std::vector<Stage> all = {{CuStage::load, "load"}};
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
    expect(memories[i].end(), CuOutcome::timed_out, all[i].stage, 0);
  }
}

TEST_F(WorkStages, AFunctionThatIsMissingIsToldByItsStage) {
  for (const Stage& each : stages) {
    SCOPED_TRACE(each.function);
    take_away(each.function);
    const End end = end_of("");
    if (each.stage == CuStage::version) {
      expect(end, CuOutcome::returned, CuStage::tear_down, 0);
    } else if (each.stage == CuStage::init) {
      expect(end, CuOutcome::not_loaded, CuStage::load, 0);
    } else {
      expect(end, CuOutcome::missing_symbol, each.stage, 0);
      EXPECT_EQ(end.message, "no " + std::string(each.function) + " in libcuda.so.1");
    }
  }
}

TEST_F(WorkStages, AKernelThatNeverRanIsAWrongValue) {
  for (const char* function : {"cuLaunchKernel", "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2"}) {
    SCOPED_TRACE(function);
    const End end = end_of(std::string(function) + ":nothing");
    expect(end, CuOutcome::wrong_value, CuStage::compare, 0);
    EXPECT_TRUE(end.message.starts_with("out[0] is ")) << end.message;
  }
}

TEST_F(WorkStages, WhatIsNotGivenBackIsAnError) {
  for (const char* function : {"cuMemFree_v2", "cuModuleUnload"})
    expect(end_of(std::string(function) + ":nothing"), CuOutcome::returned, CuStage::tear_down, 1);
}

}  // namespace
}  // namespace lockstep::conformance
