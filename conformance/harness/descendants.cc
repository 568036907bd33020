#include "conformance/harness/descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <string>

#include "conformance/harness/ending.h"

namespace lockstep::conformance::harness {
namespace {

// Whoever forks faster than it is ended keeps us no longer than this.
constexpr std::chrono::seconds patience{30};

std::string read_all(int fd) {
  std::string out;
  char buffer[1024];
  while (fd >= 0) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  return out;
}

// By the calls themselves, not by streams: this is asked after every child of every row.
template <typename Each>
void for_each_number(int parent, const char* path, Each each) {
  DIR* directory = ::fdopendir(::openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (const dirent* entry = directory != nullptr ? ::readdir(directory) : nullptr)
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') each(::dirfd(directory), std::string(entry->d_name));
  if (directory != nullptr) ::closedir(directory);
}

// Where the kernel was built without the list of children: by asking every process for its parent.
std::vector<pid_t> children_by_parent(const OwnProcfs& procfs) {
  std::vector<pid_t> found;
  for_each_number(procfs.directory(), ".", [&](int directory, const std::string& name) {
    const UniqueFd file(::openat(directory, (name + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    const std::string text = read_all(file.get());
    const std::size_t end_of_name = text.rfind(')');
    if (end_of_name == std::string::npos) return;
    std::istringstream rest(text.substr(end_of_name + 1));
    char state = 0;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == ::getpid()) found.push_back(static_cast<pid_t>(std::stol(name)));
  });
  return found;
}

}  // namespace

std::vector<pid_t> children_of_this_process(const OwnProcfs& procfs) {
  std::vector<pid_t> found;
  bool any_list = false;
  // A child belongs to the thread that forked it.
  for_each_number(procfs.directory(), "self/task", [&](int directory, const std::string& name) {
    const UniqueFd list(::openat(directory, (name + "/children").c_str(), O_RDONLY | O_CLOEXEC));
    if (!list) return;
    any_list = true;
    const std::string text = read_all(list.get());
    for (const char* at = text.c_str(); *at != '\0';) {
      char* end = nullptr;
      const long pid = std::strtol(at, &end, 10);
      if (end == at) break;
      found.push_back(static_cast<pid_t>(pid));
      at = *end == ' ' ? end + 1 : end;
    }
  });
  return any_list ? found : children_by_parent(procfs);
}

std::size_t end_children(const OwnProcfs& procfs, const std::function<bool(pid_t)>& keep) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::size_t survivors = 0;
  for (bool more = true; more && std::chrono::steady_clock::now() < deadline;) {
    more = false;
    for (const pid_t pid : children_of_this_process(procfs)) {
      if (keep(pid) || is_given_up(pid)) continue;
      const ChildState state = state_of_child(pid);
      if (state == ChildState::not_ours) continue;
      more = true;
      if (state == ChildState::alive) ++survivors;
      await_end(pid, 0);
    }
  }
  return survivors;
}

}  // namespace lockstep::conformance::harness
