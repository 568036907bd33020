#include "conformance/harness/ending.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <lockstep/error.h>

#include "base/unique_fd.h"
#include "testing/seccomp.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::harness {
namespace {

pid_t start(const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  body();
  ::_exit(42);
}

void hang() {
  while (true) ::pause();
}

int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    reads.reset(ends[0]);
    writes.reset(ends[1]);
  }
  UniqueFd reads, writes;
};

TEST(Ending, OfOneThatEndsByItself) {
  const Ending end = await_end(start([] {}), 20000);
  EXPECT_TRUE(end.in_time && end.reaped);
  EXPECT_EQ(WEXITSTATUS(end.status), 42);
}

TEST(Ending, OfOneThatHangsIsAKill) {
  const Ending end = await_end(start(hang), 50);
  EXPECT_FALSE(end.in_time);
  EXPECT_TRUE(end.reaped);
  EXPECT_EQ(WTERMSIG(end.status), SIGKILL);
}

TEST(Ending, WaitingAloneKillsNobody) {
  Pipe go;
  const pid_t pid = start([&] {
    char byte;
    go.writes.reset();
    if (::read(go.reads.get(), &byte, 1) < 0) ::_exit(1);
  });
  EXPECT_FALSE(ends_within(pid, 20));
  EXPECT_EQ(state_of_child(pid), ChildState::alive);
  go.writes.reset();
  EXPECT_TRUE(ends_within(pid, 20000));
  EXPECT_EQ(state_of_child(pid), ChildState::ended);
  EXPECT_EQ(WEXITSTATUS(await_end(pid, 0).status), 42);
  EXPECT_EQ(state_of_child(pid), ChildState::not_ours);
}

TEST(Ending, OfItsGroupToo) {
  Pipe alive;
  const pid_t pid = start([&] {
    ::setpgid(0, 0);
    if (::fork() == 0) hang();
  });
  alive.writes.reset();
  await_end(pid, 20000, {.whole_group = true});
  pollfd ended{alive.reads.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 20000), 1) << "a process of the group is left";
}

// Wherever the number came from.
TEST(Ending, WhatIsNoChildOfOursGetsNoSignal) {
  Pipe told, stays;
  const pid_t child = start([&] {
    stays.writes.reset();
    const pid_t other = ::fork();
    char byte;
    if (other == 0) ::_exit(::read(stays.reads.get(), &byte, 1) == 0 ? 42 : 1);
    if (::write(told.writes.get(), &other, sizeof(other)) != sizeof(other)) ::_exit(1);
    int status = 0;
    ::waitpid(other, &status, 0);
    ::_exit(WIFEXITED(status) && WEXITSTATUS(status) == 42 ? 42 : 2);
  });
  pid_t grandchild = 0;
  ASSERT_EQ(::read(told.reads.get(), &grandchild, sizeof(grandchild)), static_cast<ssize_t>(sizeof(grandchild)));
  // Of this number alone, and without its group: a test of a guard must harm nobody where the guard is broken.
  const Ending end = await_end(grandchild, 0);
  EXPECT_FALSE(end.in_time || end.reaped);
  EXPECT_FALSE(WIFEXITED(end.status)) << "it must not look like an end";
  stays.writes.reset();
  EXPECT_EQ(WEXITSTATUS(await_end(child, 20000).status), 42) << "the grandchild did not come to its own end";
}

// Asked only: to end them would be everybody's end where the guard is broken.
TEST(Ending, NoNumberOfManyIsAChild) {
  for (const pid_t each : {::getpid(), pid_t{1}, pid_t{0}, pid_t{-1}})
    EXPECT_EQ(state_of_child(each), ChildState::not_ours) << each;
}

TEST(Ending, DoesWithoutPidfds) {
  for (const int err : {EPERM, ENOSYS}) {
    const int got = in_child([&] {
      if (!testing::answer_calls({{.call = SYS_pidfd_open, .err = err}})) return 100;
      const pid_t slow = start([] { ::usleep(30000); });  // not ended yet when it is waited for
      const Ending end = await_end(slow, 20000);
      if (!end.in_time || !end.reaped || WEXITSTATUS(end.status) != 42) return 1;
      const Ending killed = await_end(start(hang), 50);
      return !killed.in_time && killed.reaped ? 0 : 2;
    });
    if (got == 100) GTEST_SKIP() << "no-seccomp: a filter cannot be set here";
    EXPECT_EQ(got, 0) << err;
  }
}

// Where nothing can be waited for, nothing is waited for with a whole processor.
TEST(Ending, ComesWhereAFilterAnswersEveryWait) {
#ifdef SYS_poll
  constexpr long poll_call = SYS_poll;
#else
  constexpr long poll_call = SYS_ppoll;
#endif
  constexpr int an_hour = 3600 * 1000;
  const int waits = in_child([&] {
    const pid_t child = start(hang);
    std::vector<testing::CallAnswer> denied;
    for (const long call : {poll_call, long{SYS_rt_sigtimedwait}, long{SYS_clock_nanosleep}})
      denied.push_back({.call = call, .err = EPERM});
    if (!testing::answer_calls(denied)) return 100;
    ::alarm(60);
    const Ending end = await_end(child, an_hour);
    ::kill(child, SIGKILL);
    return end.in_time ? 1 : 0;
  });
  if (waits == 100) GTEST_SKIP() << "no-seccomp: a filter cannot be set here";
  EXPECT_EQ(waits, 0);
  for (const int err : {EINTR, EPERM, 0})
    EXPECT_EQ(in_child([&] {
                ::alarm(60);
                if (!check_waitid().ok()) return 1;
                if (!testing::answer_calls({{.call = SYS_waitid, .err = err}})) return 2;
                const Result<void> asked = check_waitid();
                if (asked.ok() || asked.error().message.find("waitid()") == std::string::npos) return 3;
                return err != 0 && state_of_child(::getpid()) != ChildState::not_ours ? 4 : 0;
              }),
              0)
        << err;
}

TEST(Ending, OfAChildIsKeptThoughWeWereStartedWithSigchldIgnored) {
  EXPECT_EQ(in_child([] {
              ::signal(SIGCHLD, SIG_IGN);
              keep_ended_children();
              const Ending end = await_end(start([] {}), 20000);
              return end.in_time && WEXITSTATUS(end.status) == 42 ? 0 : 1;
            }),
            0);
}

// A file system whose server has taken a request and never answers holds who asked it: no signal ends that,
// as none ends a process that hangs in a device's driver.
class NeverAnswers {
 public:
  // Empty: it is mounted on `directory`.
  std::string mount(const std::string& directory) {
    device_.reset(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!device_) return "/dev/fuse: " + errno_name(errno);
    const std::string options = "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=0,group_id=0";
    if (::mount("lockstep", directory.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
      return "mount(fuse): " + errno_name(errno);
    alignas(8) char request[65536];
    if (::read(device_.get(), request, sizeof(request)) < static_cast<ssize_t>(sizeof(fuse_in_header)))
      return "read(/dev/fuse): " + errno_name(errno);
    fuse_in_header asked{};
    std::memcpy(&asked, request, sizeof(asked));
    struct {
      fuse_out_header header;
      fuse_init_out init;
    } answer{};
    answer.header.len = sizeof(answer);
    answer.header.unique = asked.unique;
    answer.init.major = FUSE_KERNEL_VERSION;
    answer.init.minor = FUSE_KERNEL_MINOR_VERSION;
    answer.init.max_write = 4096;
    return asked.opcode == FUSE_INIT && ::write(device_.get(), &answer, sizeof(answer)) == sizeof(answer) ? ""
                                                                                                          : "FUSE_INIT";
  }
  bool take_request() {
    alignas(8) char request[65536];
    pollfd asked{device_.get(), POLLIN, 0};
    return ::poll(&asked, 1, 20000) == 1 && ::read(device_.get(), request, sizeof(request)) > 0;
  }
  void give_up() { device_.reset(); }  // and whoever waits gets an error

 private:
  UniqueFd device_;
};

TEST(Ending, OfOneThatNoSignalEndsIsGivenUp) {
  const testing::TemporaryDirectory directory;
  const int got = in_child([&] {
    NeverAnswers server;
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return 100;
    if (!server.mount(directory.path()).empty()) return 100;
    const std::string name = directory.at("asked");
    const pid_t pid = ::fork();
    if (pid == 0) {
      server.give_up();  // its copy: who holds the device is the server
      struct stat st;
      ::_exit(::stat(name.c_str(), &st) == 0 ? 1 : 0);
    }
    if (!server.take_request()) return 1;
    const auto begin = std::chrono::steady_clock::now();
    const Ending end = await_end(pid, 50, {.whole_group = false, .after_kill_ms = 300});
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(15)) return 2;
    if (end.in_time || end.reaped || WIFEXITED(end.status)) return 3;
    if (state_of_child(pid) != ChildState::alive || !is_given_up(pid)) return 4;
    server.give_up();
    return ends_within(pid, 20000) && await_end(pid, 0).reaped && !is_given_up(pid) ? 0 : 5;
  });
  if (got == 100) GTEST_SKIP() << "no-fuse: a file system of our own cannot be mounted here";
  EXPECT_EQ(got, 0);
}

}  // namespace
}  // namespace lockstep::conformance::harness
