// For tests: a machine made for the doctor to look at. The doctor runs in a mount namespace of its own. Its /dev holds
// the nodes that the test asks for and nothing else of a GPU. What is to stand in its way (a filter, a layer) is put
// there for real, in the doctor's own process, before it starts.
//
//   Stage stage;
//   stage.node("nvidiactl").before([] { return filter(SYS_ioctl, EPERM); });
//   Ended ended = stage.run({"--format", "json"}, {});
//   if (ended.code == Stage::cannot) GTEST_SKIP() << ended.err;
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_TESTING_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_TESTING_H_

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/harness/ending.h"
#include "conformance/harness/layout.h"
#include "enforce/restrict.h"
#include "landlock/ruleset.h"
#include "testing/run_program.h"
#include "testing/seccomp.h"

namespace lockstep::conformance::doctor {

using ::lockstep::testing::Ended;

// Answers one call of this process with `err`, under no_new_privs for root as well. 0, or the errno of installing it.
inline int filter(long call, int err) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return testing::answer_calls({{.call = call, .err = err}}) ? 0 : errno;
}

// Puts a Landlock layer on the calling process that denies `denied` everywhere but below `but`.
inline int layer(AccessSet denied, const std::vector<std::string>& but) {
  Result<Ruleset> rules = Ruleset::create({.fs = denied}, 1);
  if (!rules.ok()) return rules.error().err;
  for (const std::string& path : but) {
    const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd || !rules->allow_beneath(fd.get(), denied, path).ok()) return errno;
  }
  const Result<void> done = restrict_self(rules->fd());
  return done.ok() ? 0 : done.error().err;
}

class Stage {
 public:
  static constexpr int cannot = 200;

  Stage& node(const std::string& name, mode_t mode = 0666) {
    nodes_.emplace_back(name, mode);
    return *this;
  }
  Stage& gpu() { return node("nvidiactl").node("nvidia-uvm").node("nvidia0"); }
  Stage& before(std::function<int()> body) {  // 0, or an errno: then nothing runs
    before_.push_back(std::move(body));
    return *this;
  }
  const testing::TemporaryDirectory& files() const { return files_; }

  Ended run(const std::vector<std::string>& words,
            const std::vector<std::pair<std::string, std::string>>& environment = {}) const {
    std::vector<std::string> all = {LOCKSTEP_DOCTOR};
    all.insert(all.end(), words.begin(), words.end());
    const std::string root = files_.at("dev");
    ::mkdir(root.c_str(), 0755);
    const pid_t pid = ::fork();
    if (pid == 0) become(all, environment, root);
    const int status = harness::await_end(pid, 60000).status;
    Ended ended;
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    ended.out = files_.read("out");
    ended.err = files_.read("err");
    return ended;
  }

 private:
  [[noreturn]] static void fail(const char* what, int err) {
    std::fprintf(stderr, "the stage cannot be set: %s: %s\n", what, errno_name(err).c_str());
    std::fflush(stderr);
    ::_exit(cannot);
  }
  static void must(bool ok, const char* what) {
    if (!ok) fail(what, errno);
  }
  static void bind(const std::string& from, const std::string& to) {
    must(::close(::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) == 0, "open");
    must(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) == 0, "mount(MS_BIND)");
  }

  [[noreturn]] void become(const std::vector<std::string>& words,
                           const std::vector<std::pair<std::string, std::string>>& environment,
                           const std::string& root) const {
    for (const auto& [path, fd] : {std::pair{files_.at("out"), 1}, std::pair{files_.at("err"), 2}})
      ::dup2(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), fd);
    const bool privileged = ::geteuid() == 0;
    const Result<void> entered = harness::enter_mount_namespace(privileged);
    if (!entered.ok()) fail("a mount namespace", entered.error().err);
    ::umask(0);
    must(::mount("tmpfs", root.c_str(), "tmpfs", 0, "mode=0755") == 0, "mount(tmpfs)");
    for (const char* name : {"null", "zero", "full", "random", "urandom", "ptmx", "tty"})
      bind(std::string("/dev/") + name, root + "/" + name);
    for (const auto& [name, mode] : nodes_) {
      // Root's are inodes of their own; in a user namespace nobody makes a device.
      if (privileged)
        must(::mknod((root + "/" + name).c_str(), S_IFCHR | mode, ::makedev(1, 3)) == 0, "mknod");
      else
        bind("/dev/null", root + "/" + name);
    }
    for (const char* name : {"shm", "pts"}) must(::mkdir((root + "/" + name).c_str(), 01777) == 0, "mkdir");
    must(::mount(root.c_str(), "/dev", nullptr, MS_MOVE, nullptr) == 0, "mount(MS_MOVE)");
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    for (const std::function<int()>& body : before_)
      if (const int err = body(); err != 0) fail("before", err);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    fail("execve", errno);
  }

  const testing::TemporaryDirectory files_{0755};
  std::vector<std::pair<std::string, mode_t>> nodes_;
  std::vector<std::function<int()>> before_;
};

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_TESTING_H_
