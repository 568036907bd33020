// What cuInit() and its like answer, in CUDA's own names.
#ifndef LOCKSTEP_GPU_RESULTS_H_
#define LOCKSTEP_GPU_RESULTS_H_

#include <string>

namespace lockstep::gpu {

// "CUDA_ERROR_OPERATING_SYSTEM (304)"; of a number that has no name here, "CUDA error 77".
std::string result_name(int result);

}  // namespace lockstep::gpu

#endif  // LOCKSTEP_GPU_RESULTS_H_
