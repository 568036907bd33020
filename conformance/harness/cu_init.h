// The real cuInit(0). A row's child executes a small dynamic program of ours (conformance/cuda/helper.cc)
// before its own restriction: nothing may fork once libcuda is loaded, and the program's own loader must not
// need the policy's leave. The program restricts itself with the rule set it inherits (the control does all
// but that), proves it by the canary, then loads libcuda.so.1 as any CUDA program does, with the environment
// of the run: LD_LIBRARY_PATH and CUDA_VISIBLE_DEVICES count.
//
//   LOCKSTEP_CHECK(run_cu_init(init, slot, index));   // fills slot.cells[index]: aux is a CuOutcome
//
// Whatever libcuda does is an answer; the error is for a program that could not be started, restricted or
// proved so. It has no capabilities, even as container-root: an executed program keeps none where
// SECBIT_NOROOT is locked. What it does NOT do: make a context or launch a kernel.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_CU_INIT_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_CU_INIT_H_

#include <cstdint>

#include "base/result.h"
#include "conformance/harness/slot.h"

namespace lockstep::conformance {

// What became of it, in the cell's aux. Up to `proved` nothing of libcuda has run.
enum class CuOutcome : std::uint64_t {
  unset,
  proved,      // restricted (or not, as the control), and proved so
  not_loaded,  // dlopen() failed, or there is no cuInit in it: the slot's message has dlerror()
  returned,    // ret: the CUresult. after: driver version, and the device count << 32 where it is 0
  signalled,   // ret: the signal
  exited,      // the library ended the process. ret: its exit code
  timed_out,
};

struct CuInit {
  int helper_fd = -1;   // memfd of the program
  int ruleset_fd = -1;  // -1: the control
  int slot_fd = -1;
  const char* canary_path = "";  // /proc/<sibling>/exe
  std::uint32_t timeout_ms = 0;
};

Result<void> run_cu_init(const CuInit& init, const Slot& slot, std::uint32_t cell);

}  // namespace lockstep::conformance

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_CU_INIT_H_
