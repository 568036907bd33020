#include "conformance/harness/descendants.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/unique_fd.h"

namespace lockstep::conformance {
namespace {

// Where the kernel was built without the list of children: by asking every process for its parent.
std::vector<pid_t> children_by_parent() {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (std::isdigit(static_cast<unsigned char>(name[0])) == 0) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text, '\0');
    const std::size_t end_of_name = text.rfind(')');
    if (end_of_name == std::string::npos) continue;
    std::istringstream rest(text.substr(end_of_name + 1));
    char state = 0;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == ::getpid()) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

}  // namespace

std::vector<pid_t> children_of_this_process() {
  std::vector<pid_t> found;
  std::error_code failed;
  bool any_list = false;
  // A child belongs to the thread that forked it.
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", failed)) {
    std::ifstream children(thread.path() / "children");
    any_list = any_list || children.is_open();
    for (pid_t pid = 0; children >> pid;) found.push_back(pid);
  }
  return any_list ? found : children_by_parent();
}

std::size_t end_children(const std::function<bool(pid_t)>& keep) {
  std::size_t survivors = 0;
  while (true) {
    std::vector<pid_t> found;
    for (const pid_t pid : children_of_this_process())
      if (!keep(pid)) found.push_back(pid);
    if (found.empty()) return survivors;
    for (const pid_t pid : found) {
      int status = 0;
      if (::waitpid(pid, &status, WNOHANG) == pid) continue;  // it had ended
      ++survivors;
      reap(pid, 0);
    }
  }
}

int reap(pid_t pid, int timeout_ms) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd wait{pidfd.get(), POLLIN, 0};
  if (timeout_ms <= 0 || !pidfd || ::poll(&wait, 1, timeout_ms) <= 0) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace lockstep::conformance
