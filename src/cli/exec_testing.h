// For tests of lockstep exec, through the real binary: a directory with a policy, and the command started under it.
#ifndef LOCKSTEP_CLI_EXEC_TESTING_H_
#define LOCKSTEP_CLI_EXEC_TESTING_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <lockstep/kernel.h>

#include "base/unique_fd.h"
#include "testing/temporary_directory.h"

namespace lockstep::cli {

struct Running {
  pid_t pid = -1;
  UniqueFd out;  // stdout and stderr together
};

struct Ended {
  int code = -1;   // of an exit
  int signal = 0;  // of a death
  std::string said;
};

// Reads until `until` was said or, where empty, until the end.
inline std::string read_until(int fd, const std::string& until) {
  std::string text;
  char bytes[512];
  while (until.empty() || text.find(until) == std::string::npos) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 20000) != 1) return text + "<timeout>";
    const ssize_t n = ::read(fd, bytes, sizeof(bytes));
    if (n <= 0) break;
    text.append(bytes, static_cast<std::size_t>(n));
  }
  return text;
}

class Exec : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
    ASSERT_EQ(::mkdir(dir_.at("rw").c_str(), 0777), 0);
    ASSERT_EQ(::symlink("/", dir_.at("to-root").c_str()), 0);
    dir_.write("data", "x\n");
  }
  void TearDown() override {
    for (const char* each : {"p.yaml", "to-root", "data", "rw/new", "new"}) ::unlink(dir_.at(each).c_str());
    ::rmdir(dir_.at("rw").c_str());
    EXPECT_EQ(dir_.entries(), std::vector<std::string>{}) << "left behind";
  }

  // `proc`: an entry of read_only; the lists' other entries are what a shell needs.
  void policy(const std::string& read_write, const std::string& more = "",
              const std::string& read_only = "/proc") const {
    dir_.write("p.yaml",
               "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only: [/usr, /bin, /lib, "
               "/lib64, /etc, " +
                   dir_.path() + ", " + read_only + "]\n  read_write: [" + read_write + "]\n" + more);
  }

  // `before` runs in the process that becomes lockstep; false: the test's own failure, code 98.
  Running start(std::vector<std::string> command, std::vector<std::string> flags = {},
                const std::function<bool()>& before = {}) const {
    std::vector<std::string> words = {LOCKSTEP_CLI, "exec", "--gpu", "off", "--proxy", "off"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {dir_.at("p.yaml"), "--"});
    words.insert(words.end(), command.begin(), command.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    Running out;
    out.pid = ::fork();
    if (out.pid == 0) {
      ::setpgid(0, 0);  // a job of its own, as a shell would start it
      ::dup2(ends[1], 1);
      ::dup2(ends[1], 2);
      reset_signals();
      if (before && !before()) ::_exit(98);
      ::execv(argv[0], argv.data());
      ::_exit(99);
    }
    ::close(ends[1]);
    out.out.reset(ends[0]);
    return out;
  }
  // A test that is run by nohup, or in the background of a shell, starts with signals ignored, and a shell cannot trap
  // those.
  static void reset_signals() {
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }
  static Ended finish(const Running& running) {
    Ended out;
    out.said = read_until(running.out.get(), "");
    if (out.said.find("<timeout>") != std::string::npos) ::kill(-running.pid, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(running.pid, &status, 0), running.pid);
    if (WIFEXITED(status)) out.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
    return out;
  }
  Ended run(std::vector<std::string> command, std::vector<std::string> flags = {}) const {
    return finish(start(std::move(command), std::move(flags)));
  }
  Ended shell(const std::string& script, const std::function<bool()>& before = {}) const {
    return finish(start({"/bin/sh", "-c", script}, {}, before));
  }

  const testing::TemporaryDirectory dir_{0755};
};

// Lists for read_write: one without and one with an entry below /proc, which a second process keeps open.
inline constexpr char pinned[] = "/proc/self/task, /dev/null";
inline constexpr const char* plain_and_pinned[] = {"/dev/null", pinned};

}  // namespace lockstep::cli

#endif  // LOCKSTEP_CLI_EXEC_TESTING_H_
