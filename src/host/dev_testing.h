// For tests: a child process with a /dev of its own.
#ifndef LOCKSTEP_HOST_DEV_TESTING_H_
#define LOCKSTEP_HOST_DEV_TESTING_H_

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lockstep::testing {

// What `body` returns in a child whose /dev has these names alone: -1 where that cannot be had.
inline int in_child_with_dev(const std::vector<const char*>& folders, const std::vector<const char*>& nodes,
                             const std::function<int()>& body) {
  // Files take an owner and a group that are mapped.
  const auto own = [](unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  const std::pair<const char*, std::string> maps[] = {{"/proc/self/setgroups", "deny"},
                                                      {"/proc/self/uid_map", own(::getuid())},
                                                      {"/proc/self/gid_map", own(::getgid())}};
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(100);
    for (const auto& [file, text] : maps)
      if (!(std::ofstream(file) << text << std::flush)) ::_exit(100);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/dev", "tmpfs", 0, nullptr) != 0)
      ::_exit(100);
    for (const char* folder : folders) ::mkdir(folder, 0777);
    for (const char* node : nodes)
      if (::open(node, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) < 0) ::_exit(101);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 103;
  return code == 100 ? -1 : code;
}

}  // namespace lockstep::testing

#endif  // LOCKSTEP_HOST_DEV_TESTING_H_
