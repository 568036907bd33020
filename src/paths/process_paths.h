// Paths of procfs that belong to one process, told from their text. Nothing is looked up: /proc/self is another process
// for whoever asks.
#ifndef LOCKSTEP_PATHS_PROCESS_PATHS_H_
#define LOCKSTEP_PATHS_PROCESS_PATHS_H_

#include <optional>
#include <string_view>

namespace lockstep::paths {

// A link of procfs to what one process has.
struct ProcessLink {
  std::string_view name;      // root, cwd, exe, fd or map_files
  std::string_view leads_to;  // in words
};

// The process that a path inside a procfs begins with, "/self/task/7" of "/self/task/7/fd"; the parts are
// those of the path given.
struct OfProcess {
  std::string_view process;
  std::string_view rest;  // "/fd"
  bool own = false;       // self or thread-self: another one for whoever asks
};
std::optional<OfProcess> of_process(std::string_view inside_procfs);

// The process's link that a path is or passes first: "/proc/self/fd/9/x" passes fd, and `below` is "/x".
struct ByProcess {
  const ProcessLink* link = nullptr;
  std::string_view process;
  std::string_view below;
  bool own = false;
};
std::optional<ByProcess> link_of_process(std::string_view inside_procfs);
std::optional<ByProcess> by_process(std::string_view path);  // below /proc

}  // namespace lockstep::paths

#endif  // LOCKSTEP_PATHS_PROCESS_PATHS_H_
