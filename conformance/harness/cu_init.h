// The real libcuda. Before its own restriction a row's child executes a small dynamic program of ours
// (conformance/cuda/helper.cc): nothing may fork once libcuda is loaded, and the program's own loader must not depend
// on the policy. The program restricts itself with the rule set it inherits (the control leaves that step out) and
// proves it by the canary. Then it loads libcuda.so.1 as any CUDA program does, with the environment of the run:
// LD_LIBRARY_PATH and CUDA_VISIBLE_DEVICES count.
//
//   LOCKSTEP_CHECK(run_cu_init(init, slot, index));
//   CuResult result = cu_result(slot.cells[index]);   // or of the reply's cell: wire/cu_result.h
//
// Whatever libcuda does is an answer. An error means that the program could not be started, restricted or proved
// restricted. It has no capabilities, even as container-root: an executed program keeps none where SECBIT_NOROOT is
// locked.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_CU_INIT_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_CU_INIT_H_

#include <cstdint>

#include <lockstep/error.h>

#include "conformance/wire/cu_result.h"
#include "conformance/wire/slot.h"

namespace lockstep::conformance::harness {

struct CuInit {
  int helper_fd = -1;   // memfd of the program
  int ruleset_fd = -1;  // -1: the control
  int slot_fd = -1;
  const char* canary_path = "";  // /proc/<sibling>/exe
  int canary_denial = 13;        // the errno of reading it when restricted: EACCES, or another where procfs hides it
  bool work = false;             // Mode::work: not cuInit(0) alone
  std::uint32_t timeout_ms = 0;
};

Result<void> run_cu_init(const CuInit& init, const wire::Slot& slot, std::uint32_t cell);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_CU_INIT_H_
