#include "policy/baseline.h"

#include <algorithm>

namespace lockstep {

std::vector<std::string_view> baseline_paths() {
  std::vector<std::string_view> out;
  out.reserve(proxy_baseline.size() + gpu_baseline.size());
  for (const BaselinePath& baseline : proxy_baseline) out.push_back(baseline.path);
  for (const BaselinePath& baseline : gpu_baseline)
    if (std::find(out.begin(), out.end(), baseline.path) == out.end()) out.push_back(baseline.path);
  return out;
}

std::vector<std::string_view> cdi_baseline_paths() {
  std::vector<std::string_view> out;
  for (const BaselinePath& baseline : cdi_baseline) out.push_back(baseline.path);
  return out;
}

}  // namespace lockstep
