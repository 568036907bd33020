// What the kernel does after restrict_self(), and what is left after drop_privileges(). All of it in forked
// children.
#include "enforce/restrict.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "enforce/privilege.h"

namespace lockstep {
namespace {

constexpr AccessSet write_file = access_read_only | AccessSet(Right::write_file);

// The body's return value, 0 to 250; 251: killed.
int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 251;
}

int try_open(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  return fd ? 0 : errno;
}

// A plan for this kernel with these rules; `change` may alter it.
bool restrict_to(std::vector<PlanRule> rules, const RestrictOptions& options = {},
                 const std::function<void(Plan&)>& change = {}) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) return false;
  Plan plan;
  plan.abi = std::min(kernel->abi, newest_abi);
  plan.handled = abi_info(plan.abi)->fs;
  plan.rules = std::move(rules);
  if (change) change(plan);
  Result<Prepared> prepared = prepare(plan, {});
  if (!prepared.ok() || !restrict_self(*prepared, options).ok()) return false;
  for (Pin& pin : prepared->pins) pin.fd.release();  // held to the end of the child
  return true;
}

std::string own_comm() {
  return "/proc/" + std::to_string(::getpid()) + "/task/" + std::to_string(::gettid()) + "/comm";
}

class Restrict : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  }
};

TEST_F(Restrict, ReadOnlyProcKeepsThreadsFromBeingNamed) {
  const auto with = [](AccessSet rights) {
    return in_child([&] { return restrict_to({{"/proc", rights, false, 1}}) ? try_open(own_comm(), O_RDWR) : 250; });
  };
  EXPECT_EQ(with(access_read_only), EACCES);
  EXPECT_EQ(with(write_file), 0);
  EXPECT_EQ(with(Right::write_file), EACCES);  // O_RDWR needs both
}

TEST_F(Restrict, ARuleOnOwnTaskDirectoryIsNotTheChilds) {
  EXPECT_EQ(in_child([] {
              if (!restrict_to({{"/proc", access_read_only, false, 1}, {"/proc/self/task", write_file, false, 2}}))
                return 250;
              const int own = try_open(own_comm(), O_RDWR);
              const int childs = in_child([] { return try_open(own_comm(), O_RDWR); });
              return own == 0 && childs == EACCES ? 0 : 1;
            }),
            0);
}

TEST_F(Restrict, BindsTheCallingThreadAlone) {
  EXPECT_EQ(in_child([] {
              bool restricted = false;
              int inside = -1;
              std::thread([&] {
                restricted = restrict_to({{"/proc", access_read_only, false, 1}}, {.threads = Threads::calling});
                inside = try_open("/etc/passwd", O_RDONLY);
              }).join();
              return restricted && inside == EACCES && try_open("/etc/passwd", O_RDONLY) == 0 ? 0 : 1;
            }),
            0);
}

// What restrict_self() says to a process with one more thread; 0 where it restricts, else the kind of error.
int with_another_thread(const RestrictOptions& options, bool policy_says_all, int* other_thread_opens = nullptr) {
  const Result<KernelLandlock> kernel = query_kernel();
  std::atomic<bool> go = false;
  int opened = -1;
  std::thread other([&] {
    while (!go) ::usleep(100);
    opened = try_open("/etc/passwd", O_RDONLY);
  });
  Plan plan;
  plan.abi = std::min(kernel->abi, newest_abi);
  plan.handled = abi_info(plan.abi)->fs;
  plan.rules = {{"/proc", access_read_only, false, 1}};
  plan.all_threads = policy_says_all;
  Result<Prepared> prepared = prepare(plan, {});
  if (!prepared.ok()) return -1;
  const Result<void> done = restrict_self(*prepared, options);
  go = true;
  other.join();
  if (other_thread_opens != nullptr) *other_thread_opens = opened;
  return done.ok() ? 0 : static_cast<int>(done.error().kind);
}

constexpr int input = static_cast<int>(ErrorKind::input), unsupported = static_cast<int>(ErrorKind::unsupported);

// A directory of that name is no procfs, and says nothing of threads: 3 where no mount namespace is to be had.
TEST_F(Restrict, ThreadsAreCountedByTheKernelWhateverIsOnProc) {
  const auto around = [](bool alone) {
    return in_child([=] {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0 || ::mkdir("/proc/self", 0755) != 0 ||
          ::mkdir("/proc/self/task", 0755) != 0 || ::mkdir("/proc/self/task/1", 0755) != 0)
        return 3;
      if (!alone) return with_another_thread({}, false) == input ? 42 : 1;
      return restrict_to({{"/usr", access_read_only, false, 1}}) ? 42 : 1;
    });
  };
  const int alone = around(true);
  if (alone == 3) GTEST_SKIP() << "no mount namespace to be had";
  EXPECT_EQ(alone, 42);
  EXPECT_EQ(around(false), 42);
}

TEST_F(Restrict, AProcessWithOtherThreadsMustSayWhatBecomesOfThem) {
  const int all = query_kernel()->abi >= 8 ? 0 : unsupported;
  EXPECT_EQ(in_child([] { return with_another_thread({}, false); }), input);
  EXPECT_EQ(in_child([] { return with_another_thread({.threads = Threads::calling}, false); }), 0);
  EXPECT_EQ(in_child([] { return with_another_thread({.threads = Threads::calling}, true); }), input);
  EXPECT_EQ(in_child([] { return with_another_thread({.threads = Threads::all}, false); }), all);
  EXPECT_EQ(in_child([] { return with_another_thread({}, true); }), all);
}

// As one does that was joined a moment ago, whom the kernel still counts.
TEST_F(Restrict, AThreadThatIsAboutToEndIsWaitedFor) {
  EXPECT_EQ(in_child([] {
              std::thread([] { ::usleep(20'000); }).detach();
              return restrict_to({{"/usr", access_read_only, false, 1}}) ? 42 : 1;
            }),
            42);
}

TEST_F(Restrict, ARefusalLeavesTheProcessAsItWas) {
  EXPECT_EQ(in_child([] {
              with_another_thread({}, false);
              return try_open("/etc/passwd", O_RDONLY) == 0 && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : 1;
            }),
            0);
}

TEST_F(Restrict, AllThreadsMeansThoseThatRunAlready) {
  if (query_kernel()->abi < 8) GTEST_SKIP() << "needs ABI 8: this kernel restricts one thread at a time";
  EXPECT_EQ(in_child([] {
              int other = 0;
              return with_another_thread({}, true, &other) == 0 && other == EACCES ? 0 : 1;
            }),
            0);
}

TEST_F(Restrict, AllThreadsOfAProcessWithOneIsThatOneOnAnyKernel) {
  EXPECT_EQ(in_child([] {
              return restrict_to({{"/proc", access_read_only, false, 1}}, {.threads = Threads::all}) &&
                             try_open("/etc/passwd", O_RDONLY) == EACCES
                         ? 0
                         : 1;
            }),
            0);
}

TEST_F(Restrict, WithoutProcfsTheThreadsAreStillCounted) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: chroot";
  const auto restricted_in_chroot = [](bool with_thread) {
    return in_child([&] {
      Plan plan;
      plan.abi = std::min(query_kernel()->abi, newest_abi);
      plan.handled = abi_info(plan.abi)->fs;
      plan.rules = {{"/proc", access_read_only, false, 1}};
      Result<Prepared> prepared = prepare(plan, {});
      if (!prepared.ok() || ::chroot("/var") != 0 || ::chdir("/") != 0 || ::access("/proc/self", F_OK) == 0) return 250;
      std::atomic<bool> go = !with_thread;
      std::thread other;
      if (with_thread)
        other = std::thread([&] {
          while (!go) ::usleep(100);
        });
      const bool done = restrict_self(*prepared).ok();
      go = true;
      if (other.joinable()) other.join();
      return done ? 0 : 1;
    });
  };
  EXPECT_EQ(restricted_in_chroot(false), 0);
  EXPECT_EQ(restricted_in_chroot(true), 1);
}

// Of one policy, what the kernel makes of it: ports, scopes and log flags, each where the ABI has it.
TEST_F(Restrict, PortsAreThoseNamed) {
  if (query_kernel()->abi < 4) GTEST_SKIP() << "needs ABI 4: no rights on ports";
  EXPECT_EQ(in_child([] {
              const auto bound = [](std::uint16_t port) {
                const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
                sockaddr_in address{};
                address.sin_family = AF_INET;
                address.sin_port = htons(port);
                address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
              };
              if (!restrict_to({{"/proc", access_read_only, false, 1}}, {}, [](Plan& plan) {
                    plan.handled_net = NetRight::bind_tcp;
                    plan.ports = {{NetRight::bind_tcp, 0}};
                  }))
                return 250;
              return bound(0) == 0 && bound(48321) == EACCES ? 0 : 1;
            }),
            0);
}

TEST_F(Restrict, AScopeKeepsSignalsInside) {
  if (query_kernel()->abi < 6) GTEST_SKIP() << "needs ABI 6: no scopes";
  EXPECT_EQ(
      in_child([] {
        const pid_t parent = ::getppid();
        if (::kill(parent, 0) != 0) return 249;
        if (!restrict_to({{"/proc", access_read_only, false, 1}}, {}, [](Plan& plan) { plan.scoped = Scope::signal; }))
          return 250;
        return ::kill(parent, 0) != 0 && errno == EPERM && ::kill(::getpid(), 0) == 0 ? 0 : 1;
      }),
      0);
}

TEST_F(Restrict, LogFlagsAreTakenWhereTheAbiHasThemAndRefusedWhereNot) {
  EXPECT_EQ(in_child([] {
              return restrict_to({{"/proc", access_read_only, false, 1}}, {}, [](Plan& plan) {
                plan.log = RestrictFlags(RestrictFlag::log_same_exec_off) | RestrictFlag::log_subdomains_off;
              });
            }),
            query_kernel()->abi >= 7 ? 1 : 0);
}

// landlock_restrict_self(-1, LOG_SUBDOMAINS_OFF) succeeds and restricts nothing.
TEST_F(Restrict, WithoutARuleSetIsAnErrorWhateverTheFlags) {
  for (const RestrictFlags flags : {RestrictFlags(), RestrictFlags(RestrictFlag::log_subdomains_off)})
    EXPECT_EQ(in_child([&] {
                return restrict_self(-1, flags).ok() || ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 ? 1 : 0;
              }),
              0);
}

// An unknown flag is refused by the kernel: so the flags of the plan do reach it. From ABI 11 on nothing is left of a
// call that fails.
TEST_F(Restrict, AFlagUnknownToTheKernelFailsTheCall) {
  const int left = query_kernel()->abi >= 11 ? 0 : 1;
  EXPECT_EQ(in_child([&] {
              const bool done = restrict_to({{"/proc", access_read_only, false, 1}}, {},
                                            [](Plan& plan) { plan.log = RestrictFlags::from_bits(1U << 20); });
              if (done || try_open("/etc/passwd", O_RDONLY) != 0) return 1;
              return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == left ? 0 : 2;
            }),
            0);
}

TEST_F(Restrict, AQuietRuleIsTakenAndChangesNothing) {
  if (query_kernel()->abi < 10) GTEST_SKIP() << "needs ABI 10: no quiet rules";
  EXPECT_EQ(in_child([] {
              if (!restrict_to({{"/etc", Right::read_dir, false, 1, true}})) return 250;
              return try_open("/etc", O_RDONLY | O_DIRECTORY) == 0 && try_open("/etc/passwd", O_RDONLY) == EACCES ? 0
                                                                                                                  : 1;
            }),
            0);
}

TEST_F(Restrict, ASecondLayerOnlyNarrows) {
  EXPECT_EQ(in_child([] {
              if (!restrict_to({{"/etc", access_read_only, false, 1}, {"/proc", access_read_only, false, 2}}))
                return 250;
              if (try_open("/etc/passwd", O_RDONLY) != 0) return 1;
              if (!restrict_to({{"/proc", access_read_only, false, 1}, {"/usr", access_read_only, false, 2}}))
                return 249;
              return try_open("/etc/passwd", O_RDONLY) == EACCES ? 0 : 2;
            }),
            0);
}

TEST_F(Restrict, SetsNoNewPrivileges) {
  EXPECT_EQ(
      in_child([] {
        return restrict_to({{"/usr", access_read_only, false, 1}}) && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0
                                                                                                                    : 1;
      }),
      0);
}

Identity what_we_are() {
  return {::getuid(), ::getgid(), current_groups(), 0};
}

TEST(DropPrivileges, BecomingWhatOneIsIsFineAndLosesEveryCapability) {
  EXPECT_EQ(in_child([] {
              if (!drop_privileges(what_we_are()).ok()) return 1;
              const Result<std::uint64_t> left = permitted_capabilities();
              return left.ok() && *left == 0 ? 0 : 2;
            }),
            0);
}

class DropPrivilegesAsRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<std::uint64_t> have = permitted_capabilities();
    constexpr std::uint64_t needed = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_SETPCAP;
    if (::geteuid() != 0 || !have.ok() || (*have & needed) != needed)
      GTEST_SKIP() << "needs-root: uid 0 with CAP_SETUID, CAP_SETGID, CAP_SETPCAP";
  }
};

TEST_F(DropPrivilegesAsRoot, AnotherUserHasNoWayBack) {
  EXPECT_EQ(in_child([] {
              if (!drop_privileges(Identity{64000, 64000, {}, 0}).ok()) return 1;
              uid_t r = 0, e = 0, s = 0;
              if (::getresuid(&r, &e, &s) != 0 || r != 64000 || e != 64000 || s != 64000 || !current_groups().empty())
                return 2;
              if (::setuid(0) == 0 || ::setgid(0) == 0) return 3;
              for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap)
                if (cap_get_bound(cap) == CAP_SET) return 4;
              return 0;
            }),
            0);
}

TEST_F(DropPrivilegesAsRoot, ASavedIdIsNoIdentityOnesHas) {
  EXPECT_EQ(
      in_child([] {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(64000, 64000, 64000) != 0 || ::setresuid(64000, 64000, 0) != 0)
          return 1;
        cap_t none = cap_init();
        if (cap_set_proc(none) != 0) return 4;
        cap_free(none);
        if (!drop_privileges(Identity{64000, 64000, {}, 0}).ok()) return 2;
        return ::setuid(0) == 0 ? 3 : 0;
      }),
      0);
}

TEST_F(DropPrivilegesAsRoot, ContainerRootKeepsTheDefaultSetAndNoMore) {
  EXPECT_EQ(in_child([] {
              const Result<std::uint64_t> had = permitted_capabilities();
              const std::uint64_t keep = container_default_capabilities();
              if (!drop_privileges(Identity{0, 0, {}, keep}).ok()) return 1;
              const Result<std::uint64_t> left = permitted_capabilities();
              if (*left != (*had & keep)) return 2;
              return (*had & ~keep) == 0 || (cap_get_secbits() & SECBIT_NOROOT_LOCKED) != 0 ? 0 : 3;
            }),
            0);
  for (cap_value_t cap : {CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH})
    EXPECT_EQ(container_default_capabilities() >> cap & 1, 0U);
}

TEST_F(DropPrivilegesAsRoot, WhoCannotChangeIsToldSo) {
  EXPECT_EQ(in_child([] {
              if (!drop_privileges(Identity{64000, 64000, {}, 0}).ok()) return 1;
              const Result<void> other = drop_privileges(Identity{64001, 64000, {}, 0});
              const Result<void> group = drop_privileges(Identity{64000, 64000, {5}, 0});
              return !other.ok() && other.error().err == EPERM && !group.ok() && group.error().err == EPERM ? 0 : 2;
            }),
            0);
}

TEST(LookupIdentity, NamesNumbersAndStrangers) {
  const Result<Identity> root = lookup_identity("root", "");
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->uid, 0U);
  EXPECT_EQ(root->gid, 0U);
  const Result<Identity> numbers = lookup_identity("64000", "64001");
  ASSERT_TRUE(numbers.ok());
  EXPECT_EQ(numbers->uid, 64000U);
  EXPECT_EQ(numbers->gid, 64001U);
  EXPECT_TRUE(numbers->groups.empty());
  for (const auto& [user, group] : {std::pair<std::string, std::string>{"no-such-user-here", ""},
                                    {"root", "no-such-group-here"},
                                    {"4294967295", "0"},
                                    {"-1", "0"},
                                    {"64000", ""}}) {
    const Result<Identity> got = lookup_identity(user, group);
    ASSERT_FALSE(got.ok()) << user << ":" << group;
    EXPECT_EQ(got.error().kind, ErrorKind::input);
  }
}

}  // namespace
}  // namespace lockstep
