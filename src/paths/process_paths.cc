#include "paths/process_paths.h"

#include <algorithm>
#include <utility>

namespace lockstep::paths {
namespace {

// The first component of `path`, which begins with a slash, and what is behind it.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const std::size_t end = std::min(path.find('/', 1), path.size());
  return {path.substr(1, end - 1), path.substr(end)};
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

struct Entry {
  ProcessLink link;
  bool entries;  // the links are what is in it
};
constexpr Entry process_links[] = {{{"root", "the root directory of the process"}, false},
                                   {{"cwd", "the directory that the process works in"}, false},
                                   {{"exe", "the program that the process runs"}, false},
                                   {{"fd", "what the process has open"}, true},
                                   {{"map_files", "a file that the process has mapped"}, true}};

}  // namespace

std::optional<OfProcess> of_process(std::string_view path) {
  if (path.size() < 2) return std::nullopt;
  const auto [name, rest] = split(path);
  const bool own = name == "self" || name == "thread-self";
  if (!own && !is_number(name)) return std::nullopt;
  std::string_view below = rest;
  if (below.starts_with("/task/")) below = split(split(below).second).second;
  return OfProcess{path.substr(0, path.size() - below.size()), below, own};
}

std::optional<ByProcess> link_of_process(std::string_view path) {
  const std::optional<OfProcess> of = of_process(path);
  if (!of || of->rest.empty()) return std::nullopt;
  const auto [name, below] = split(of->rest);
  for (const Entry& entry : process_links) {
    if (name != entry.link.name) continue;
    if (!entry.entries) return ByProcess{&entry.link, of->process, below, of->own};
    if (below.size() > 1) return ByProcess{&entry.link, of->process, split(below).second, of->own};
  }
  return std::nullopt;
}

std::optional<ByProcess> by_process(std::string_view path) {
  constexpr std::string_view proc = "/proc";
  if (!path.starts_with("/proc/")) return std::nullopt;
  std::optional<ByProcess> out = link_of_process(path.substr(proc.size()));
  if (out) out->process = path.substr(0, proc.size() + out->process.size());
  return out;
}

}  // namespace lockstep::paths
