// lockstep exec, through the real binary.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "landlock/kernel.h"

namespace lockstep {
namespace {

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
std::string read_until(int fd, const std::string& until) {
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
    char name[] = "/tmp/lockstep-exec-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    dir_ = name;
    ASSERT_EQ(::chmod(name, 0755), 0);
    ASSERT_EQ(::mkdir((dir_ + "/rw").c_str(), 0777), 0);
    ASSERT_EQ(::symlink("/", (dir_ + "/to-root").c_str()), 0);
    std::ofstream(dir_ + "/data") << "x\n";
  }
  void TearDown() override {
    if (dir_.empty()) return;
    for (const char* each : {"/p.yaml", "/to-root", "/data", "/rw/new", "/new"})
      ::unlink((dir_ + each).c_str());
    EXPECT_EQ(::rmdir((dir_ + "/rw").c_str()), 0);
    EXPECT_EQ(::rmdir(dir_.c_str()), 0);
  }

  // `proc`: an entry of read_only; the lists' other entries are what a shell needs.
  void policy(const std::string& read_write, const std::string& more = "",
              const std::string& read_only = "/proc") const {
    std::ofstream(dir_ + "/p.yaml") << "version: 1\nfilesystem_policy:\n  include_workdir: false\n  "
                                       "read_only: [/usr, /bin, /lib, /lib64, /etc, "
                                    << dir_ << ", " << read_only << "]\n  read_write: [" << read_write
                                    << "]\n"
                                    << more;
  }

  Running start(std::vector<std::string> command, std::vector<std::string> flags = {}) const {
    std::vector<std::string> words = {LOCKSTEP_CLI, "exec", "--gpu", "off", "--proxy", "off"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {dir_ + "/p.yaml", "--"});
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
      ::execv(argv[0], argv.data());
      ::_exit(99);
    }
    ::close(ends[1]);
    out.out.reset(ends[0]);
    return out;
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
  Ended shell(const std::string& script) const { return run({"/bin/sh", "-c", script}); }

  std::string dir_;
};

constexpr char pinned[] = "/proc/self/task, /dev/null";

TEST_F(Exec, PassesTheCommandsCodeOn) {
  for (const char* writable : {"/dev/null", pinned}) {
    policy(writable);
    EXPECT_EQ(shell("exit 0").code, 0) << writable;
    EXPECT_EQ(shell("exit 3").code, 3) << writable;
    EXPECT_EQ(run({"/usr/no-such-command"}).code, 127) << writable;
    EXPECT_EQ(run({dir_ + "/data"}).code, 126) << writable;
    EXPECT_EQ(shell("kill -TERM $$").signal, SIGTERM) << writable;
    EXPECT_EQ(shell("kill -KILL $$").signal, SIGKILL) << writable;
  }
}

TEST_F(Exec, OwnFailuresAre125) {
  policy("/dev/null");
  EXPECT_EQ(run({"true"}, {"--abi", "99"}).code, 125);
  EXPECT_EQ(run({"true"}, {"--no-such-flag", "x"}).code, 125);
  EXPECT_EQ(run({"true"}, {"--abi", "11", "--host", "/no-such-host"}).code, 125);
  policy("relative");
  const Ended bad = run({"true"});
  EXPECT_EQ(bad.code, 125);
  EXPECT_NE(bad.said.find("p.yaml:5:"), std::string::npos) << bad.said;
}

TEST_F(Exec, WritesOnlyWhereGranted) {
  policy(dir_ + "/rw");
  const Ended got = shell("echo x > " + dir_ + "/rw/new && echo x > " + dir_ + "/new");
  EXPECT_NE(got.code, 0);
  EXPECT_EQ(::access((dir_ + "/rw/new").c_str(), F_OK), 0);
  EXPECT_NE(::access((dir_ + "/new").c_str(), F_OK), 0);
  EXPECT_NE(got.said.find("ermission denied"), std::string::npos) << got.said;
}

// With and without the process that keeps entries of procfs open, which stands outside.
TEST_F(Exec, AScopeKeepsTheCommandsSignalsInside) {
  const bool scopes = query_kernel()->abi >= 6;
  for (const char* writable : {"/dev/null", pinned}) {
    policy(writable, "landlock: {scopes: [signal]}\n");
    EXPECT_EQ(shell("kill -0 $PPID").code != 0, scopes) << writable;
    EXPECT_EQ(shell("sleep 30 & kill $! && wait $!; exit 5").code, 5) << writable;
    EXPECT_EQ(shell("kill -TERM $$").signal, SIGTERM) << writable;
  }
  policy("/dev/null");
  EXPECT_EQ(shell("kill -0 $PPID").code, 0) << "nothing is scoped unasked";
}

TEST_F(Exec, WhatTheAbiLacksIsSaidAndHardRequirementRefusesIt) {
  policy("/dev/null", "landlock: {ports: {connect_tcp: []}, log: {subdomains: false}}\n");
  const Ended dropped = run({"true"}, {"--abi", "1"});
  EXPECT_EQ(dropped.code, 0) << dropped.said;
  EXPECT_NE(dropped.said.find("connect_tcp is not enforced (from ABI 4): any TCP port can be connected to"), std::string::npos) << dropped.said;
  EXPECT_NE(dropped.said.find("log is not enforced (from ABI 7)"), std::string::npos) << dropped.said;
  policy("/dev/null", "landlock: {compatibility: hard_requirement, ports: {connect_tcp: []}}\n", "/proc");
  EXPECT_EQ(run({"true"}, {"--abi", "1"}).code, 125);
}

TEST_F(Exec, AWriteGrantOnTheRootIsRefusedHoweverItIsSpelt) {
  for (const std::string& path : {dir_ + "/to-root", std::string("/proc/self/root")}) {
    policy(path);
    const Ended got = shell("exit 0");
    EXPECT_EQ(got.code, 125) << path;
    EXPECT_NE(got.said.find("p.yaml:5:"), std::string::npos) << got.said;
    EXPECT_NE(got.said.find("root directory"), std::string::npos) << got.said;
  }
  policy("/dev/null");
  std::ofstream(dir_ + "/p.yaml", std::ios::app) << "";
  EXPECT_EQ(run({"true"}, {"--workdir", "/"}).code == 0,
            true);  // include_workdir is false: it grants nothing
  std::ofstream(dir_ + "/p.yaml")
      << "version: 1\nfilesystem_policy:\n  include_workdir: true\n  read_only: [/usr]\n";
  EXPECT_EQ(run({"true"}, {"--workdir", "/"}).code, 125);
  EXPECT_EQ(run({"true"}, {"--workdir", dir_ + "/to-root"}).code, 125);
}

TEST_F(Exec, SkippedPathsAreSaidAndHardRequirementRefusesThem) {
  policy(dir_ + "/missing, /dev/null");
  const Ended soft = shell("exit 0");
  EXPECT_EQ(soft.code, 0);
  EXPECT_NE(soft.said.find("lockstep: warning: " + dir_ + "/missing"), std::string::npos) << soft.said;
  policy(dir_ + "/missing, /dev/null", "landlock: {compatibility: hard_requirement}\n");
  const Ended hard = shell("exit 0");
  EXPECT_EQ(hard.code, 125);
  EXPECT_NE(hard.said.find("p.yaml:5:"), std::string::npos) << hard.said;
}

TEST_F(Exec, ARuleBelowProcIsTheCommandsOwnAndIsSaid) {
  policy(pinned);
  const Ended own =
      shell("echo name > /proc/self/task/$$/comm && cat /proc/$$/comm && echo x > /proc/1/comm");
  EXPECT_NE(own.code, 0);  // the last one is another process
  EXPECT_NE(own.said.find("lockstep: notice: /proc/self/task"), std::string::npos) << own.said;
  EXPECT_NE(own.said.find("\nname\n"), std::string::npos) << own.said;
}

TEST_F(Exec, SignalsReachTheCommandThroughTheHolder) {
  policy(pinned);
  for (const char* each : {"HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM"}) {
    const Running running =
        start({"/bin/sh", "-c",
               std::string("trap 'exit 42' ") + each + "; echo ready; while :; do sleep 0.01; done"});
    read_until(running.out.get(), "ready");
    const int number = std::string(each) == "HUP"    ? SIGHUP
                       : std::string(each) == "INT"  ? SIGINT
                       : std::string(each) == "QUIT" ? SIGQUIT
                       : std::string(each) == "TERM" ? SIGTERM
                       : std::string(each) == "USR1" ? SIGUSR1
                       : std::string(each) == "USR2" ? SIGUSR2
                                                     : SIGALRM;
    ::kill(running.pid, number);
    EXPECT_EQ(finish(running).code, 42) << each;
  }
}

TEST_F(Exec, StopsAndGoesOnAsOneJob) {
  policy(pinned);
  const Running running = start({"/bin/sh", "-c", "echo ready; exec sleep 600"});
  read_until(running.out.get(), "ready");
  ::kill(-running.pid, SIGTSTP);
  int status = 0;
  ASSERT_EQ(::waitpid(running.pid, &status, WUNTRACED), running.pid);
  EXPECT_TRUE(WIFSTOPPED(status));
  ::kill(-running.pid, SIGCONT);
  ::kill(running.pid, SIGTERM);
  EXPECT_EQ(finish(running).signal, SIGTERM);
}

TEST_F(Exec, TheCommandDoesNotOutliveItsHolder) {
  policy(pinned);
  const Running running = start({"/bin/sh", "-c", "echo ready; exec sleep 600"});
  read_until(running.out.get(), "ready");
  ::kill(running.pid, SIGKILL);
  const Ended got = finish(running);  // reads to the end: the command has closed its output
  EXPECT_EQ(got.signal, SIGKILL);
  EXPECT_EQ(got.said.find("<timeout>"), std::string::npos);
}

TEST_F(Exec, BecomesTheUserOfThePolicy) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root can become another user";
  for (const char* writable : {"/dev/null", pinned}) {
    policy(writable, "process: {run_as_user: \"64000\", run_as_group: \"64001\"}\n");
    const Ended got = shell("id -u; id -g; id -G; grep CapEff /proc/self/status");
    EXPECT_NE(got.said.find("64000\n64001\n64001\nCapEff:\t0000000000000000"), std::string::npos) << got.said;
    EXPECT_EQ(got.code, 0);
  }
  policy("/dev/null", "process: {run_as_user: no-such-user-here}\n");
  EXPECT_EQ(shell("exit 0").code, 125);
}

}  // namespace
}  // namespace lockstep
