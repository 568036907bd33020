#include "conformance/trace/observed.h"

#include <algorithm>
#include <cctype>

#include "gpu/steps.h"

namespace lockstep::conformance::trace {
namespace {

// What an access needs of Landlock, as the probe's operations know it.
struct Need {
  bool read = false, write = false, truncate = false, ioctl = false, connect = false;
  bool other = false;  // making, removing, executing: no step does that
  bool any() const { return read || write || truncate || ioctl || connect || other; }
};

bool has(const std::string& flags, const char* flag) {
  return ("|" + flags + "|").find("|" + std::string(flag) + "|") != std::string::npos;
}

Need need_of(const TraceEvent& event) {
  Need out;
  if (event.call.starts_with("open") || event.call == "creat") {
    if (has(event.flags, "O_PATH")) return out;
    out.read = has(event.flags, "O_RDONLY") || has(event.flags, "O_RDWR");
    out.write = has(event.flags, "O_WRONLY") || has(event.flags, "O_RDWR");
    out.truncate = has(event.flags, "O_TRUNC");
    // What procfs does not have cannot be made there: a fopen() for writing asks all the same.
    out.other = (has(event.flags, "O_CREAT") && !event.path.starts_with("/proc/")) || has(event.flags, "O_TMPFILE");
  } else if (event.call == "ioctl") {
    out.ioctl = true;
  } else if (event.call == "connect") {
    out.connect = event.path.starts_with("/");
  } else {
    constexpr const char* changes[] = {"mknod", "mkdir",   "unlink",   "rmdir", "rename",
                                       "link",  "symlink", "truncate", "exec"};
    out.other = std::any_of(std::begin(changes), std::end(changes),
                            [&](const char* each) { return event.call.starts_with(each); });
  }
  return out;
}

bool covers(const gpu::Step& step, const std::string& path, const Need& need) {
  const Operation operation = step.operation;
  if (need.other) return false;
  if (operation == Operation::comm_open) {
    const bool mode = step.mode == Mode::rdwr ? !need.truncate : step.mode == Mode::trunc && !need.read;
    // Denied, it was seen to end cuInit: a step that shows it and demands nothing is not enough.
    return path == "/proc/self/task/N/comm" && mode && !need.ioctl && step.importance == gpu::Importance::fatal;
  }
  if (step.path != path) return false;
  if (need.connect) return operation == Operation::connect_unix;
  if (operation == Operation::ioctl) return true;  // opens for reading and writing first
  if (need.ioctl || need.write || need.truncate) return false;
  return operation == Operation::open_r || operation == Operation::opendir;
}

bool is_system_file(const std::string& path, const Need& need) {
  if (need.write || need.ioctl || need.connect || need.other) return false;
  constexpr const char* trees[] = {"/usr/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/etc/", "/opt/"};
  return path.find(".so") != std::string::npos ||
         std::any_of(std::begin(trees), std::end(trees), [&](const char* tree) { return path.starts_with(tree); });
}

bool is_libcuda(const TraceEvent& event) {
  const std::size_t slash = event.path.rfind('/');
  return event.call.starts_with("open") && event.result == "ok" && event.path.compare(slash + 1, 10, "libcuda.so") == 0;
}

bool all_digits(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::string without_numbers(const std::string& path, const Trace& trace) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (!part.empty() && part != ".") parts.push_back(part);
    at = end + 1;
  }
  if (parts.size() > 1 && parts[0] == "var" && parts[1] == "run") parts.erase(parts.begin());
  const bool in_proc = parts.size() > 1 && parts[0] == "proc";
  if (in_proc && all_digits(parts[1])) {
    const auto own = [&](const TraceThread& thread) { return std::to_string(thread.tid) == parts[1]; };
    if (std::any_of(trace.threads.begin(), trace.threads.end(), own)) parts[1] = "self";
  }
  if (in_proc && parts[1] == "thread-self") parts[1] = "self";
  if (in_proc && parts.size() > 3 && parts[2] == "task" && all_digits(parts[3])) parts[3] = "N";
  std::string out;
  for (const std::string& part : parts) {
    const bool memory_node =
        out == "/sys/devices/system/node" && part.starts_with("node") && all_digits(part.substr(4));
    out += "/" + (memory_node ? "node0" : out == "/sys/bus/pci/devices" ? "0000:00:00.0" : part);
  }
  return out.empty() ? "/" : out;
}

Host host_of(const Trace& trace) {
  Host host;
  host.gpu = GpuKind::nvidia;
  for (const TraceEvent& event : trace.events) {
    if (event.result != "ok" || !event.path.starts_with("/dev/")) continue;
    if (event.path == "/dev/dxg") host.gpu = GpuKind::wsl2;
    const bool is_gpu = event.path.starts_with("/dev/nvidia") && all_digits(event.path.substr(11));
    if (is_gpu && std::find(host.gpu_nodes.begin(), host.gpu_nodes.end(), event.path) == host.gpu_nodes.end())
      host.gpu_nodes.push_back(event.path);
    host.present.push_back({event.path, NodeKind::character});
  }
  return host;
}

Result<std::vector<std::string>> not_in_probe(const Trace& trace) {
  const auto start = std::find_if(trace.events.begin(), trace.events.end(), is_libcuda);
  if (start == trace.events.end())
    return input_error("", 0, "the trace shows no opening of libcuda.so: it says nothing about the probe");
  const std::vector<gpu::Step> steps = gpu::steps_of(host_of(trace));
  std::vector<std::string> out;
  for (auto event = start; event != trace.events.end(); ++event) {
    const Need need = need_of(*event);
    const std::string path = without_numbers(event->path, trace);
    if (event->result != "ok" || !need.any() || is_system_file(path, need)) continue;
    if (std::any_of(steps.begin(), steps.end(), [&](const gpu::Step& step) { return covers(step, path, need); }))
      continue;
    const std::string text = event->call + (event->flags.empty() ? "" : " " + event->flags) + " " + path;
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
  }
  return out;
}

}  // namespace lockstep::conformance::trace
