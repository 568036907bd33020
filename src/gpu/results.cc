#include "gpu/results.h"

namespace lockstep::gpu {
namespace {

// The results that are known to tell one cause from another (facts of the driver's public header).
struct Named {
  int value;
  const char* name;
};
constexpr Named results[] = {{0, "CUDA_SUCCESS"},
                             {2, "CUDA_ERROR_OUT_OF_MEMORY (2)"},
                             {34, "CUDA_ERROR_STUB_LIBRARY (34)"},
                             {100, "CUDA_ERROR_NO_DEVICE (100)"},
                             {209, "CUDA_ERROR_NO_BINARY_FOR_GPU (209)"},
                             {218, "CUDA_ERROR_INVALID_PTX (218)"},
                             {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND (221)"},
                             {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222)"},
                             {304, "CUDA_ERROR_OPERATING_SYSTEM (304)"},
                             {801, "CUDA_ERROR_NOT_SUPPORTED (801)"},
                             {802, "CUDA_ERROR_SYSTEM_NOT_READY (802)"},
                             {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"},
                             {999, "CUDA_ERROR_UNKNOWN (999)"}};

}  // namespace

std::string result_name(int result) {
  for (const Named& each : results)
    if (each.value == result) return each.name;
  return "CUDA error " + std::to_string(result);
}

}  // namespace lockstep::gpu
