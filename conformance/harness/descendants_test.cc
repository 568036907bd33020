// A procfs that lies: what it lists are numbers of another PID namespace, which in ours are strangers' or
// nobody's.
#include "conformance/harness/descendants.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include <lockstep/kernel.h>

#include "conformance/harness/ending.h"
#include "conformance/harness/layout.h"
#include "conformance/harness/workers.h"

namespace lockstep::conformance::harness {
namespace {

constexpr int cannot = 200;

int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  const int status = await_end(pid, 60000).status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// In a PID namespace that keeps this /proc: of its first process.
int in_stale_proc(const std::function<int()>& body) {
  return in_child([&] {
    if (!enter_mount_namespace(::geteuid() == 0).ok() || ::unshare(CLONE_NEWPID) != 0) return cannot;
    return in_child(body);
  });
}

// A process of this number in the calling process's namespace; -1 where that cannot be had.
pid_t fork_as(pid_t number) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = 1;
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

TEST(Descendants, AreFoundAndEnded) {
  EXPECT_EQ(in_child([] {
              const Result<OwnProcfs> procfs = OwnProcfs::prove();
              if (!procfs.ok()) return 1;
              const pid_t kept = ::fork();
              if (kept == 0) ::pause();
              const pid_t other = ::fork();
              if (other == 0) ::pause();
              if (children_of_this_process(*procfs).size() != 2) return 2;
              if (end_children(*procfs, [&](pid_t pid) { return pid == kept; }) != 1) return 3;
              const bool right =
                  state_of_child(kept) == ChildState::alive && state_of_child(other) == ChildState::not_ours;
              await_end(kept, 0);
              return right ? 0 : 4;
            }),
            0);
}

// The first process of a namespace has a child, which the outer procfs lists by its outer number N. Here N is
// a stranger's: a child of that child. It gets no signal, and the loop ends.
TEST(Descendants, ANumberOfAnotherNamespaceGetsNoSignal) {
  const Result<OwnProcfs> outer = OwnProcfs::prove();  // not of the processes below
  ASSERT_TRUE(outer.ok()) << outer.error().message;
  const int got = in_stale_proc([&] {
    int told[2], stays[2];
    if (::pipe2(told, O_CLOEXEC) != 0 || ::pipe2(stays, O_CLOEXEC) != 0) return cannot;
    int number_of_child[2];
    if (::pipe2(number_of_child, O_CLOEXEC) != 0) return cannot;
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(stays[1]);
      pid_t number = 0;
      if (::read(number_of_child[0], &number, sizeof(number)) != sizeof(number)) ::_exit(cannot);
      const pid_t stranger = fork_as(number);
      char byte = stranger > 0 ? 'y' : 'n';
      if (stranger == 0) ::_exit(::read(stays[0], &byte, 1) == 0 ? 42 : 1);
      if (::write(told[1], &byte, 1) != 1 || stranger < 0) ::_exit(cannot);
      int status = 0;
      ::waitpid(stranger, &status, 0);
      ::_exit(WIFEXITED(status) && WEXITSTATUS(status) == 42 ? 42 : 2);
    }
    const std::vector<pid_t> listed = children_of_this_process(*outer);
    if (listed.size() != 1 || listed[0] == child) return cannot;
    char byte = 'n';
    if (::write(number_of_child[1], &listed[0], sizeof(listed[0])) != sizeof(listed[0])) return cannot;
    if (::read(told[0], &byte, 1) != 1 || byte != 'y') return cannot;
    const std::size_t ended = end_children(*outer, [](pid_t) { return false; });
    ::close(stays[1]);
    const int status = await_end(child, 20000).status;
    return ended == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 42 ? 0 : 1;
  });
  if (got == cannot) GTEST_SKIP() << "no-namespace: a process cannot be given a number here";
  EXPECT_EQ(got, 0) << "the stranger was ended, or counted";
}

TEST(Descendants, NoWorkersStartWithAnotherNamespacesProc) {
  if (!query_kernel().ok()) GTEST_SKIP() << "no-landlock";
  const auto start = [] {
    Workers::Options options;
    options.count = 1;
    const Result<Workers> started = Workers::start(options);
    if (started.ok()) return 1;
    if (started.error().kind != ErrorKind::unsupported) return 2;
    return started.error().message.starts_with("stale-procfs: ") ? 0 : 3;
  };
  const int got = in_stale_proc(start);
  if (got == cannot) GTEST_SKIP() << "no-namespace: no PID namespace is to be had here";
  EXPECT_EQ(got, 0);
  // The driver's own /proc is right, that of its children is not: unshare --pid without --fork.
  EXPECT_EQ(in_child([&] {
              return enter_mount_namespace(::geteuid() == 0).ok() && ::unshare(CLONE_NEWPID) == 0 ? start() : cannot;
            }),
            0);
}

}  // namespace
}  // namespace lockstep::conformance::harness
