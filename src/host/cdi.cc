#include "host/cdi.h"

#include <algorithm>

#include "host/cdi_container.h"
#include "host/cdi_stack.h"
#include "syntax/document.h"

namespace lockstep {
namespace {

std::vector<std::string> words_of(std::string_view devices) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= devices.size();) {
    const std::size_t end = std::min(devices.find(',', at), devices.size());
    out.emplace_back(devices.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

bool is_nvidia_node(std::string_view path) {
  return path == "/dev/dxg" || path == "/dev/nvmap" || path.starts_with("/dev/nvidia") ||
         path.starts_with("/dev/nvhost") || path.starts_with("/dev/nvgpu/");
}

Result<CdiChoice> choose_cdi(const std::vector<std::string>& places, std::string_view devices, const CdiHost& host) {
  LOCKSTEP_ASSIGN(const CdiStack stack, CdiStack::load(places));
  CdiContainer container(host);
  for (const std::string& word : words_of(devices)) {
    if (word.empty())
      return input_error("", 0, "an empty name among the devices: write all, or names separated by commas");
    std::vector<CdiChosen> chosen;
    if (word == "all") {
      LOCKSTEP_ASSIGN(chosen, stack.all_gpus());
    } else {
      LOCKSTEP_ASSIGN(const CdiChosen one, stack.choose(word));
      chosen.push_back(one);
    }
    for (const CdiChosen& each : chosen) container.add(each);
  }
  LOCKSTEP_ASSIGN(CdiChoice out, std::move(container).on_host());
  out.warnings.insert(out.warnings.begin(), stack.warnings().begin(), stack.warnings().end());
  return out;
}

Result<std::vector<std::string>> choose_nodes(const std::vector<std::string>& nodes, std::string_view devices) {
  std::vector<std::string> out;
  for (const std::string& word : words_of(devices)) {
    if (word == "all") return nodes;
    if (word.empty() || word.find_first_not_of("0123456789") != std::string::npos)
      return input_error("", 0,
                         "without a CDI spec GPUs have numbers alone: write all, or 0,2, not " + shortened(word));
    const std::string node = "/dev/nvidia" + word;
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) {
      std::string offered;
      for (const std::string& each : nodes) offered += (offered.empty() ? "" : ", ") + each;
      return input_error("", 0,
                         "there is no " + shortened(node) +
                             (nodes.empty() ? ": no GPU node at all" : "; there is " + shortened(offered)));
    }
    if (std::find(out.begin(), out.end(), node) == out.end()) out.push_back(node);
  }
  return out;
}

}  // namespace lockstep
