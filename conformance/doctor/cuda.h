// What CUDA itself answered without the policy and under it, in its own names, and which layer made the difference.
//
//   CudaEvidence seen{cuda_answer(control), cuda_answer(restricted)};
//   attribute_cuda(seen).remedy;
//
// The cells come from wire/cu_result.h, of Mode::work: cuInit(0), then a context, a kernel and its result read back.
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_CUDA_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_CUDA_H_

#include <string>
#include <string_view>
#include <vector>

#include "conformance/doctor/layers.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::doctor {

struct CudaAnswer {
  bool loaded = false;  // libcuda.so.1 was found and is one
  bool succeeded = false;
  int result = -1;  // the CUresult; -1: it did not come to one
  int signal = 0;
  bool timed_out = false;
  std::string stage;  // the last one tried: "init", "module", ...
  std::string text;   // "CUDA_ERROR_OPERATING_SYSTEM (304)", "killed by signal 11 (SIGSEGV)", "timed out", ...
  int driver_version = 0, devices = 0;
};

// `message`: of the child, which has dlerror() where the library could not be loaded.
CudaAnswer cuda_answer(const wire::CellReply& cell, const std::string& message);

// "CUDA_ERROR_NO_DEVICE (100)"; "CUDA error 4242" for a number that has no name in our table.
std::string cuda_result_name(int result);

struct CudaEvidence {
  CudaAnswer without, under;
  std::vector<Finding> failing;       // of the fatal steps that fail, in order
  std::vector<DenialRecord> records;  // of the process that called CUDA, under the policy
  std::string libcuda;                // where the loader finds it
  Surroundings around;
};

// Meaningful where CUDA was loaded without the policy or under it, and failed in one of the two.
Finding attribute_cuda(const CudaEvidence& evidence);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_CUDA_H_
