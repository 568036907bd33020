#include "gpu/nodes.h"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>

#include <lockstep/policy.h>

namespace lockstep::gpu {

bool is_device(std::string_view path) {
  // MIG's capability files are read and nothing else.
  if (is_below(path, "/dev/nvidia-caps")) return false;
  for (const std::string_view each : {"/dev/dxg", "/dev/nvmap", "/dev/kfd", "/dev/dri", "/dev/nvgpu"})
    if (is_below(path, each)) return true;
  return path.starts_with("/dev/nvidia") || path.starts_with("/dev/nvhost-");
}

bool is_instance_node(std::string_view path) {
  constexpr std::string_view prefix = "/dev/nvidia-caps/nvidia-cap";
  return path.starts_with(prefix) && std::atoi(std::string(path.substr(prefix.size())).c_str()) > 2;
}

bool is_board_gpu(std::string_view path) {
  constexpr std::string_view older = "/dev/nvhost-";
  const bool newer = !path.starts_with(older);  // /dev/nvgpu/igpu0/ctrl
  const std::string_view word = newer ? path.substr(path.rfind('/') + 1) : path.substr(older.size());
  constexpr std::string_view older_words[] = {"gpu", "ctrl", "ctrl-gpu", "as-gpu"};
  constexpr std::string_view newer_words[] = {"ctrl", "power", "as", "channel", "tsg"};
  const std::span<const std::string_view> words =
      newer ? std::span<const std::string_view>(newer_words) : std::span<const std::string_view>(older_words);
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace lockstep::gpu
