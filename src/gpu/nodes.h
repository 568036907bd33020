// Device nodes of GPUs, by their names.
#ifndef LOCKSTEP_GPU_NODES_H_
#define LOCKSTEP_GPU_NODES_H_

#include <string_view>

namespace lockstep::gpu {

// A node that computing needs for reading, writing and ioctl.
bool is_device(std::string_view path);
// Of a MIG instance: /dev/nvidia-caps/nvidia-cap3 and beyond. 1 and 2 are for administration (config, monitor); each
// instance has two of its own.
bool is_instance_node(std::string_view path);
// Of a board's nodes those of its GPU: control, power, address spaces, channels. The others are of video engines and
// profiling.
bool is_board_gpu(std::string_view path);

}  // namespace lockstep::gpu

#endif  // LOCKSTEP_GPU_NODES_H_
