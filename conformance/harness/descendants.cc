#include "conformance/harness/descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
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

// After every child of every row: by the calls themselves, not by streams.
std::vector<pid_t> children_of_this_process() {
  std::vector<pid_t> found;
  bool any_list = false;
  DIR* threads = ::opendir("/proc/self/task");
  // A child belongs to the thread that forked it.
  while (const dirent* thread = threads != nullptr ? ::readdir(threads) : nullptr) {
    const UniqueFd list(::openat(::dirfd(threads), (std::string(thread->d_name) + "/children").c_str(), O_RDONLY | O_CLOEXEC));
    if (!list || thread->d_name[0] == '.') continue;
    any_list = true;
    std::string text;
    char buffer[1024];
    for (ssize_t n = 0; (n = ::read(list.get(), buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    for (const char* at = text.c_str(); *at != '\0';) {
      char* end = nullptr;
      const long pid = std::strtol(at, &end, 10);
      if (end == at) break;
      found.push_back(static_cast<pid_t>(pid));
      at = *end == ' ' ? end + 1 : end;
    }
  }
  if (threads != nullptr) ::closedir(threads);
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
