// A supervisor that stays free and what it starts; and the pins of a process that restricts itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <lockstep/kernel.h>
#include <lockstep/sandbox.h>

#include "base/unique_fd.h"
#include "landlock/uapi.h"
#include "testing/seccomp.h"
#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

constexpr int fine = 42;
constexpr char own_task[] = "/proc/self/task";

class SpawnTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  }

  Policy policy(const std::string& read_write, const std::string& more = "") const {
    const std::string text =
        "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only: [/usr, /bin, /lib, /lib64, /etc, "
        "/proc, " +
        dir_.path() + "]\n  read_write: [" + read_write + "]\n" + more;
    return *load_policy(dir_.write("p.yaml", text));
  }
  static Result<Spawned> run(const Policy& policy, const std::string& script,
                             const std::optional<Identity>& identity = std::nullopt) {
    return spawn(policy, {"sh", "-c", script}, identity, {this_machine()});
  }
  // The exit code of a child; -1: it is none, or was ended.
  static int code_of(pid_t pid) {
    int status = 0;
    return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static int in_child(const std::function<int()>& what) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(what());
    return code_of(child);
  }

  const testing::TemporaryDirectory dir_{0777};
};

TEST_F(SpawnTest, TheChildIsRestrictedAndTheSupervisorIsNot) {
  const Result<Spawned> child =
      run(policy("/dev/null, " + dir_.at("gone")), "echo x > " + dir_.at("new") + " || exit 7");
  ASSERT_TRUE(child.ok()) << child.error().to_string();
  EXPECT_EQ(child->enforcement.level, Enforcement::Level::full);
  ASSERT_EQ(child->enforcement.skipped.size(), 1U);  // said by the child
  EXPECT_EQ(child->enforcement.skipped[0].path, dir_.at("gone"));
  EXPECT_EQ(child->enforcement.skipped[0].reason, "ENOENT");
  EXPECT_EQ(child->enforcement.skipped[0].line, 5);
  ASSERT_FALSE(child->notices.empty());
  EXPECT_EQ(child->notices.back().code, "path-skipped");
  EXPECT_EQ(child->notices.back().level, Notice::Level::warning);
  EXPECT_EQ(code_of(child->pid), 7);
  EXPECT_FALSE(std::filesystem::exists(dir_.at("new")));
  EXPECT_EQ(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  EXPECT_NE(dir_.write("new", "free"), "");
}

// Its own entries below /proc, which a process beside it keeps open, and that one ends with it.
TEST_F(SpawnTest, ARuleBelowProcIsTheChildsOwnAndItsPinsAreKept) {
  int out[2];
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  ASSERT_EQ(::mkfifo(dir_.at("go").c_str(), 0600), 0);
  const Result<Spawned> child =
      run(policy(std::string(own_task) + ", /dev/null"),
          "echo named > /proc/self/task/$$/comm || exit 1; echo x > /proc/1/comm && exit 2; read x < " + dir_.at("go") +
              "; exit 9");
  ASSERT_TRUE(child.ok()) << child.error().to_string();
  EXPECT_EQ(child->enforcement.pinned, std::vector<std::string>{own_task});
  std::ifstream children("/proc/" + std::to_string(child->pid) + "/task/" + std::to_string(child->pid) + "/children");
  pid_t holder = 0;
  ASSERT_TRUE(children >> holder);
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, holder, 0)));
  ASSERT_TRUE(pidfd);
  std::ofstream(dir_.at("go")) << "on\n";
  EXPECT_EQ(code_of(child->pid), 9);
  pollfd ended{pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 20000), 1) << "it outlived what it was for";
}

TEST_F(SpawnTest, WhereItFailsNobodyIsLeft) {
  const auto failure = [](const Result<Spawned>& got) { return got.ok() ? Error() : got.error(); };
  const Policy plain = policy("/dev/null");
  EXPECT_EQ(in_child([&] {
              if (failure(spawn(plain, {}, std::nullopt, {this_machine()})).kind != ErrorKind::input) return 1;
              const Error missing = failure(spawn(plain, {"/usr/no-such"}, std::nullopt, {this_machine()}));
              if (missing.err != ENOENT || missing.message.find("/usr/no-such") == std::string::npos) return 2;
              const Error denied = failure(spawn(plain, {dir_.at("p.yaml")}, std::nullopt, {this_machine()}));
              if (denied.err != EACCES) return 3;
              if (!testing::answer_calls({{.call = uapi::restrict_self_nr}})) return 4;
              const Error lied = failure(run(plain, "exit 0"));
              if (lied.kind != ErrorKind::internal || lied.message.find("and it is not") == std::string::npos) return 5;
              return ::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD ? fine : 6;
            }),
            fine);
  const Policy strict = policy("/dev/null, " + dir_.at("gone"), "landlock: {compatibility: hard_requirement}\n");
  const Error said = failure(run(strict, "exit 0"));  // by the child, with the place in the file
  EXPECT_EQ(said.kind, ErrorKind::input);
  EXPECT_EQ(said.line, 5);
  EXPECT_EQ(said.file, dir_.at("p.yaml"));
}

TEST_F(SpawnTest, TheIdentityIsTheCallersOrThePolicys) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root can become another user";
  const Identity other{.uid = 64000, .gid = 64001};
  const std::string is_other = "test $(id -u) = 64000 && test $(id -g) = 64001 && exit 7";
  const Policy names_none = policy("/dev/null"),
               names_it = policy("/dev/null", "process: {run_as_user: \"64000\", run_as_group: \"64001\"}\n");
  for (const auto& [policy, identity] :
       {std::pair{&names_none, std::optional(other)}, std::pair{&names_it, std::optional<Identity>()},
        std::pair{&names_it, std::optional(other)}}) {
    const Result<Spawned> child = run(*policy, is_other, identity);
    ASSERT_TRUE(child.ok()) << child.error().to_string();
    EXPECT_EQ(code_of(child->pid), 7);
  }
  const Result<Spawned> differs = run(names_it, "exit 0", Identity{});
  ASSERT_FALSE(differs.ok());
  EXPECT_NE(differs.error().message.find("64000:64001, and the caller asks for 0:0"), std::string::npos)
      << differs.error().message;
  const Result<Spawned> groups = run(names_it, "exit 0", Identity{.uid = 64000, .gid = 64001, .groups = {5, 44}});
  ASSERT_FALSE(groups.ok());
  EXPECT_NE(groups.error().message.find("64000:64001 with the groups 64001, and the caller asks for 64000:64001 with "
                                        "the groups 5 44 64001"),
            std::string::npos)
      << groups.error().message;
  // That one's own group is listed once more makes no difference.
  const Result<Spawned> own = run(names_it, is_other, Identity{.uid = 64000, .gid = 64001, .groups = {64001}});
  ASSERT_TRUE(own.ok()) << own.error().to_string();
  EXPECT_EQ(code_of(own->pid), 7);
}

TEST_F(SpawnTest, AFilterThatSaysItIsTheChildIsNotBelieved) {
  const Policy plain = policy("/dev/null");
  EXPECT_EQ(in_child([&] {
              if (!testing::answer_calls({{.call = SYS_clone}, {.call = SYS_clone3}})) return 1;
              const Result<Spawned> child = run(plain, "exit 5");
              return !child.ok() && child.error().kind == ErrorKind::internal ? fine : 2;
            }),
            fine);
}

// Orphans are given to a subreaper: it would find the process that keeps the pins.
TEST_F(SpawnTest, WhereItFailsASubreaperFindsNobody) {
  const Policy pinned = policy(std::string(own_task) + ", /dev/null");
  EXPECT_EQ(in_child([&] {
              if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return 1;
              const Result<Spawned> child = spawn(pinned, {"/usr/no-such"}, std::nullopt, {this_machine()});
              if (child.ok() || child.error().err != ENOENT) return 2;
              return ::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD ? fine : 3;
            }),
            fine);
}

// Whoever another thread forks meanwhile has what this process has open.
TEST_F(SpawnTest, ItWaitsForNobodyElsesChildren) {
  const Policy plain = policy("/dev/null");
  EXPECT_EQ(in_child([&] {
              ::alarm(60);
              int live[2];
              if (::pipe(live) != 0) return 1;
              std::atomic<bool> stop = false;
              std::thread forks([&] {
                for (int i = 0; i < 2000 && !stop; ++i) {
                  if (::fork() != 0) continue;
                  char byte;
                  ::close(live[1]);
                  ::_exit(::read(live[0], &byte, 1) == 0 ? 0 : 1);
                }
              });
              int ended = 0;
              for (int i = 0; i < 10; ++i) {
                const Result<Spawned> child = run(plain, "exit 7");
                ended += child.ok() && code_of(child->pid) == 7 ? 1 : 0;
                ended += !spawn(plain, {"/usr/no-such"}, std::nullopt, {this_machine()}).ok() ? 1 : 0;
              }
              stop = true;
              forks.join();
              ::close(live[1]);
              while (::waitpid(-1, nullptr, 0) > 0) {
              }
              return ended == 20 ? fine : 2;
            }),
            fine);
}

// A descriptor of the pinned directory, open in this process.
bool holds_own_task() {
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(each.path(), gone).string().ends_with("/task")) return true;
  }
  return false;
}

TEST_F(SpawnTest, PinsStayWithTheProcessThatRestrictedItself) {
  const Policy pinned = policy(std::string(own_task) + ", /dev/null");
  EXPECT_EQ(in_child([&] {
              {
                Result<Sandbox> sandbox = Sandbox::open(pinned, {this_machine()});
                if (!sandbox.ok()) return 1;
                const Result<Enforcement> done = sandbox->restrict_self();
                if (!done.ok() || done->pinned != std::vector<std::string>{own_task}) return 2;
              }
              if (!holds_own_task()) return 3;
              return fine;
            }),
            fine);
  // What a sandbox has opened and never used is closed with it.
  EXPECT_EQ(in_child([&] {
              if (!Sandbox::open(pinned, {this_machine()}).ok()) return 1;
              return holds_own_task() ? 2 : fine;
            }),
            fine);
}

// Whether the rule on an entry of procfs was lost in 20 rounds of reclaim: 1 or 0; else it could not be tried.
int lost_by_reclaim(const Policy& policy, bool keep_pins) {
  const UniqueFd drop(::fcntl(::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 100));
  const auto can_read = [] { return static_cast<bool>(UniqueFd(::open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC))); };
  Result<Sandbox> sandbox = Sandbox::open(policy, {this_machine()});
  if (!sandbox.ok() || !sandbox->restrict_self().ok() || !can_read()) return 2;
  if (!keep_pins && ::syscall(SYS_close_range, 3U, 99U, 0U) != 0) return 3;
  for (int round = 0; round < 20; ++round) {
    if (::write(drop.get(), "2", 1) != 1) return 4;
    if (!can_read()) return 1;
  }
  return 0;
}

TEST_F(SpawnTest, PinsKeepARuleThatTheKernelWouldForget) {
  if (std::getenv("LOCKSTEP_RECLAIM") == nullptr)
    GTEST_SKIP() << "set LOCKSTEP_RECLAIM=1: it drops the dentry cache of the whole machine";
  if (::access("/proc/sys/vm/drop_caches", W_OK) != 0) GTEST_SKIP() << "needs-root: to write drop_caches";
  const Policy one = *load_policy(dir_.write(
      "one.yaml", "version: 1\nfilesystem_policy: {include_workdir: false, read_only: [/usr, /proc/cpuinfo]}\n"));
  EXPECT_EQ(in_child([&] { return lost_by_reclaim(one, true); }), 0);
  const int unpinned = in_child([&] { return lost_by_reclaim(one, false); });
  if (unpinned == 0) GTEST_SKIP() << "the kernel took no entry back in 20 rounds";
  EXPECT_EQ(unpinned, 1);
}

TEST_F(SpawnTest, EntriesBelowProcOfAnotherProcessAreRefused) {
  Result<Sandbox> sandbox = Sandbox::open(policy(std::string(own_task) + ", /dev/null"), {this_machine()});
  ASSERT_TRUE(sandbox.ok());
  EXPECT_EQ(in_child([&] {
              const Result<Enforcement> done = sandbox->restrict_self();
              return !done.ok() && done.error().message.find("by another process") != std::string::npos ? fine : 1;
            }),
            fine);
  // Also by one that has the same number, in a namespace of its own.
  if (::geteuid() == 0) {
    const Policy pinned = policy(std::string(own_task) + ", /dev/null");
    EXPECT_EQ(in_child([&] {
                if (::unshare(CLONE_NEWPID) != 0) return 1;
                return in_child([&] {
                  Result<Sandbox> opened = Sandbox::open(pinned, {this_machine()});
                  if (::getpid() != 1 || !opened.ok() || ::unshare(CLONE_NEWPID) != 0) return 2;
                  return in_child([&] {
                    const Result<Enforcement> done = opened->restrict_self();
                    if (::getpid() != 1) return 3;
                    return !done.ok() && done.error().message.find("by another process") != std::string::npos ? fine
                                                                                                              : 4;
                  });
                });
              }),
              fine);
  }
  Result<Sandbox> plain = Sandbox::open(policy("/dev/null"), {this_machine()});
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(in_child([&] { return plain->restrict_self().ok() ? fine : 1; }), fine);
}

}  // namespace
}  // namespace lockstep
