// lockstep exec on a terminal: a session of bash on a pseudo-terminal that starts a shell under a policy,
// with and without the process that keeps entries of procfs open. What is seen must be what is seen without
// one: suspending, job control, the interrupt key.
#include <sys/ioctl.h>
#include <termios.h>

#include <utility>

#include "cli/exec_testing.h"

namespace lockstep::cli {
namespace {

class ExecTerminal : public Exec {
 protected:
  void SetUp() override {
    Exec::SetUp();
    if (::access("/bin/bash", X_OK) != 0) GTEST_SKIP() << "no bash: no other shell has suspend";
  }
  void TearDown() override {
    if (shell_ > 0) {
      terminal_.reset();  // hangs up
      ::kill(shell_, SIGKILL);
      ::waitpid(shell_, nullptr, 0);
    }
    Exec::TearDown();
  }

  bool open_terminal() {
    terminal_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal_ || ::grantpt(terminal_.get()) != 0 || ::unlockpt(terminal_.get()) != 0) return false;
    const std::string name = ::ptsname(terminal_.get());
    shell_ = ::fork();
    if (shell_ != 0) return shell_ > 0;
    ::setsid();
    const int slave = ::open(name.c_str(), O_RDWR);
    ::ioctl(slave, TIOCSCTTY, 0);
    termios quiet{};
    ::tcgetattr(slave, &quiet);
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(slave, TCSANOW, &quiet);
    for (int fd : {0, 1, 2}) ::dup2(slave, fd);
    reset_signals();
    ::setenv("TERM", "dumb", 1);
    ::setenv("LANG", "C", 1);
    ::unsetenv("HISTFILE");
    ::execl("/bin/bash", "bash", "--norc", "--noprofile", "--noediting", "-i", nullptr);
    ::_exit(99);
  }
  // Types a line, or keys, and reads until `until` was written; false where it never is.
  bool type(const std::string& keys, const std::string& until) {
    if (::write(terminal_.get(), keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) return false;
    const std::string said = read_until(terminal_.get(), until);
    const bool found = said.find(until) != std::string::npos;
    EXPECT_TRUE(found) << "typed: " << keys << "\nread: " << said;
    return found;
  }
  std::string under(const std::string& command) const {
    return std::string(LOCKSTEP_CLI) + " exec --gpu off --proxy off " + dir_.at("p.yaml") + " -- " + command + " 2>&1";
  }

  UniqueFd terminal_;
  pid_t shell_ = -1;
};

// A line or keys that are typed, and what is waited for. The numbers are sums, so that what is typed is not
// what is waited for.
TEST_F(ExecTerminal, AShellIsSuspendedContinuedAndEndsAsWithoutAHolder) {
  const std::string start_file = dir_.at("rw/new");
  // Says when it is continued. Not dash: a child of it that is stopped between vfork() and exec keeps it from
  // being stopped itself.
  const std::string loop = "trap \"echo up-$((6+6))\" CONT; echo up-$((6+6)); while :; do sleep 0.05; done";
  const std::string cat = under("/bin/cat");
  const std::vector<std::pair<std::string, std::string>> session = {
      {"PS1='>'; echo start-$((0+1))\n", "start-1"},
      // An interactive shell below, suspended, continued, with a stopped and a killed job of its own; its
      // code comes through.
      {"echo 'PS1=; echo inner-$((1+1))' >" + start_file + "; " +
           under("/bin/bash --noprofile --noediting --rcfile " + start_file + " -i") + "\n",
       "inner-2"},
      {"suspend\n", "Stopped"},
      {"echo outer-$((2+2))\n", "outer-4"},
      {"fg\n", "lockstep"},
      {"echo inner-$((3+3))\n", "inner-6"},
      {"/bin/sh -c 'echo go-$((6+7)); exec sleep 600'\n", "go-13"},
      {"\x1a", "Stopped"},
      {"kill -KILL %1; disown -a; echo inner-$((4+4))\n", "inner-8"},
      {"exit 9\n", "exit"},
      {"echo code-$?-$((5+5))\n", "code-9-10"},
      // A command: stopped by the key, continued in the background and the foreground, interrupted.
      {under("/bin/bash -c '" + loop + "'") + "\n", "up-12"},
      {"\x1a", "Stopped"},
      {"bg\n", "up-12"},
      {"jobs\n", "Running"},
      {"kill -STOP %1; wait -n; jobs\n", "Stopped"},
      {"fg\n", "up-12"},
      {"\x03", ">"},
      {"echo code-$?-$((9+9))\n", "code-130-18"},
      // In the background it may not read: it stops, and goes on in the foreground.
      {"( " + cat + " ) & wait; echo outer-$((10+10))\n", "outer-20"},
      {"jobs\n", "Stopped"},
      {"fg\n", "lockstep"},
      {"word\n", "word"},
      {"\x04", ">"},
      {"echo code-$?-$((11+11))\n", "code-0-22"},
      // Ended by a signal, as the shell says it.
      {under("/bin/sh -c 'kill -USR1 $$'") + "\necho code-$?-$((12+12))\n", "code-138-24"},
      {"exit 5\n", "exit"}};
  for (const char* writable : {"/dev", "/dev, /proc/self/task"}) {
    policy(writable);
    ASSERT_TRUE(open_terminal());
    for (const auto& [typed, until] : session) ASSERT_TRUE(type(typed, until)) << writable;
    int status = 0;
    ASSERT_EQ(::waitpid(shell_, &status, 0), shell_);
    shell_ = -1;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 5) << writable;
  }
}

}  // namespace
}  // namespace lockstep::cli
