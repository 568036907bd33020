// Each /proc is made for real, in namespaces of the test's own.
#include "host/own_procfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "enforce/restrict.h"
#include "landlock/ruleset.h"

namespace lockstep {
namespace {

constexpr int cannot = 200;

int exit_code_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  return exit_code_of(pid);
}

bool write_line(const char* file, const std::string& line) {
  const UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

// A child in a mount namespace of its own, and, of its own children, in a PID namespace.
int in_namespaces(const std::function<int()>& body) {
  return in_child([&] {
    const unsigned uid = ::getuid(), gid = ::getgid();
    if (::unshare(CLONE_NEWNS | CLONE_NEWPID | (uid == 0 ? 0 : CLONE_NEWUSER)) != 0) return cannot;
    if (uid != 0) {
      write_line("/proc/self/setgroups", "deny");
      if (!write_line("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") ||
          !write_line("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1"))
        return cannot;
    }
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? body() : cannot;
  });
}

int kind() {
  return static_cast<int>(look_at_procfs().kind);
}
int is(ProcfsKind kind) {
  return static_cast<int>(kind);
}

#define EXPECT_KIND(wanted, code)                                                      \
  do {                                                                                 \
    const int got = (code);                                                            \
    if (got == cannot) GTEST_SKIP() << "no-namespace: this /proc cannot be made here"; \
    EXPECT_EQ(got, is(wanted));                                                        \
  } while (false)

TEST(OwnProcfs, OfAnOrdinaryProcessIsItsOwn) {
  const ProcfsFacts facts = look_at_procfs();
  ASSERT_EQ(facts.kind, ProcfsKind::own) << facts.why;
  EXPECT_EQ(facts.why, "");
  const Result<OwnProcfs> proof = OwnProcfs::prove();
  ASSERT_TRUE(proof.ok()) << proof.error().message;
  struct stat there {
  }, here{};
  ASSERT_EQ(::fstatat(proof->directory(), "self/task", &there, 0), 0);
  ASSERT_EQ(::stat("/proc/self/task", &here), 0);
  EXPECT_EQ(there.st_ino, here.st_ino);
}

TEST(OwnProcfs, OfTheOuterNamespaceIsStale) {
  EXPECT_KIND(ProcfsKind::stale, in_namespaces([] { return in_child(kind); }));
}

// A number that means this process there and here by chance proves nothing.
TEST(OwnProcfs, AnEqualNumberInTheOuterNamespaceDoesNotMakeItOurs) {
  EXPECT_KIND(ProcfsKind::stale, in_namespaces([] {
                return in_child([] {  // the first one of its namespace
                  for (pid_t number = 31000; number < 31050; ++number) {
                    pid_t numbers[2] = {number, number};
                    clone_args arguments{};
                    arguments.exit_signal = SIGCHLD;
                    arguments.set_tid = reinterpret_cast<std::uintptr_t>(numbers);
                    arguments.set_tid_size = 2;
                    const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
                    char self[32] = {};
                    if (pid == 0)
                      ::_exit(::getpid() == number && ::readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
                                      std::atoi(self) == number
                                  ? kind()
                                  : 199);
                    if (pid > 0) return exit_code_of(pid);
                    if (errno != EEXIST) break;
                  }
                  return cannot;
                });
              }));
}

TEST(OwnProcfs, OfANamespaceThatDoesNotKnowUsIsStale) {
  EXPECT_KIND(ProcfsKind::stale, in_namespaces([] {
                int told[2], stays[2];
                if (::pipe2(told, O_CLOEXEC) != 0 || ::pipe2(stays, O_CLOEXEC) != 0) return cannot;
                const pid_t inner = ::fork();
                char byte = 'n';
                if (inner == 0) {  // stays until this process is done, for its namespace to stay
                  ::close(stays[1]);
                  if (::mount("proc", "/proc", "proc", 0, nullptr) == 0) byte = 'm';
                  ::_exit(::write(told[1], &byte, 1) == 1 && ::read(stays[0], &byte, 1) == 0 ? 0 : 1);
                }
                const bool mounted = inner > 0 && ::read(told[0], &byte, 1) == 1 && byte == 'm';
                const int seen = mounted ? kind() : cannot;
                ::close(stays[1]);
                exit_code_of(inner);
                return seen;
              }));
}

TEST(OwnProcfs, AFreshOneInANewNamespaceIsItsOwn) {
  EXPECT_KIND(ProcfsKind::own, in_namespaces([] {
                return in_child([] { return ::mount("proc", "/proc", "proc", 0, nullptr) == 0 ? kind() : cannot; });
              }));
}

TEST(OwnProcfs, AnotherFileSystemOrNoneIsNone) {
  EXPECT_KIND(ProcfsKind::none,
              in_namespaces([] { return ::mount("tmpfs", "/proc", "tmpfs", 0, nullptr) == 0 ? kind() : cannot; }));
  EXPECT_KIND(ProcfsKind::none, in_namespaces([] {
                return ::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0 && ::chroot("/tmp") == 0 && ::chdir("/") == 0
                           ? kind()
                           : cannot;
              }));
}

TEST(OwnProcfs, APartOrACoveredEntryIsPart) {
  EXPECT_KIND(ProcfsKind::part, in_namespaces([] {
                return ::mount("/proc/sys", "/proc", nullptr, MS_BIND, nullptr) == 0 ? kind() : cannot;
              }));
  EXPECT_KIND(ProcfsKind::part, in_namespaces([] {
                return ::mount("/etc/passwd", "/proc/self/status", nullptr, MS_BIND, nullptr) == 0 ? kind() : cannot;
              }));
}

TEST(OwnProcfs, AnotherProcessBoundOverOurEntryIsNotOurs) {
  const int got = in_namespaces([] {
    const std::string parent = "/proc/" + std::to_string(::getppid());
    return ::mount(parent.c_str(), "/proc/self", nullptr, MS_BIND, nullptr) == 0 ? kind() : cannot;
  });
  if (got == cannot) GTEST_SKIP() << "no-namespace: this /proc cannot be made here";
  EXPECT_NE(got, is(ProcfsKind::own));
}

TEST(OwnProcfs, ALayerThatClosesItLeavesItUnknown) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
  const int got = in_child([] {
    const Result<Ruleset> rules = Ruleset::create({.fs = Right::read_file}, 1);
    if (!rules.ok() || !restrict_self(rules->fd()).ok()) return cannot;
    return kind();
  });
  EXPECT_EQ(got, is(ProcfsKind::unreadable));
}

// Options of the superblock; in a PID namespace of its own, for before Linux 5.8 there is one superblock a
// namespace.
int facts_of(const char* options, const std::function<bool(const ProcfsFacts&)>& right) {
  return in_namespaces([&] {
    return in_child([&] {
      if (::mount("proc", "/proc", "proc", std::strcmp(options, "ro") == 0 ? MS_RDONLY : 0,
                  std::strcmp(options, "ro") == 0 ? nullptr : options) != 0)
        return cannot;
      const ProcfsFacts facts = look_at_procfs();
      return facts.kind == ProcfsKind::own && right(facts) ? 0 : 1;
    });
  });
}

TEST(OwnProcfs, SaysHowItIsMounted) {
  const auto expect = [](const char* options, const std::function<bool(const ProcfsFacts&)>& right) {
    const int got = facts_of(options, right);
    EXPECT_TRUE(got == 0 || got == cannot) << options;
    return got != cannot;
  };
  if (!expect("ro", [](const ProcfsFacts& facts) {
        return facts.read_only && facts.read_only_superblock && facts.hidepid == 0;
      }))
    GTEST_SKIP() << "no-namespace: no procfs can be mounted here";
  expect("hidepid=2,gid=17", [](const ProcfsFacts& facts) {
    return facts.hidepid == 2 && facts.hidepid_group == 17 && !facts.read_only && !facts.only_pids;
  });
  expect("hidepid=1", [](const ProcfsFacts& facts) { return facts.hidepid == 1; });
  expect("hidepid=ptraceable", [](const ProcfsFacts& facts) { return facts.hidepid == 4; });
  expect("subset=pid", [](const ProcfsFacts& facts) { return facts.only_pids; });
}

TEST(OwnProcfs, AMountMadeReadOnlyIsNotItsSuperblock) {
  const int got = in_namespaces([] {
    if (::mount("/proc", "/proc", nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, "/proc", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      return cannot;
    const ProcfsFacts facts = look_at_procfs();
    return facts.kind == ProcfsKind::own && facts.read_only && !facts.read_only_superblock ? 0 : 1;
  });
  if (got == cannot) GTEST_SKIP() << "no-namespace: a mount cannot be made read-only here";
  EXPECT_EQ(got, 0);
}

}  // namespace
}  // namespace lockstep
