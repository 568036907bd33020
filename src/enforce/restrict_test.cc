// What the kernel does after restrict_self(), and what is left after drop_privileges(). All of it in forked
// children.
#include "enforce/restrict.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <thread>

#include "enforce/privilege.h"
#include "landlock/abi.h"
#include "landlock/kernel.h"

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

bool restrict_to(std::vector<PlanRule> rules) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) return false;
  Plan plan;
  plan.abi = std::min(kernel->abi, newest_abi);
  plan.handled = abi_info(plan.abi)->fs;
  plan.rules = std::move(rules);
  Result<Prepared> prepared = prepare(plan, {});
  if (!prepared.ok() || !restrict_self(*prepared).ok()) return false;
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
    return in_child([&] {
      return restrict_to({{"/proc", rights, false, 1}}) ? try_open(own_comm(), O_RDWR) : 250;
    });
  };
  EXPECT_EQ(with(access_read_only), EACCES);
  EXPECT_EQ(with(write_file), 0);
  EXPECT_EQ(with(Right::write_file), EACCES);  // O_RDWR needs both
}

TEST_F(Restrict, ARuleOnOwnTaskDirectoryIsNotTheChilds) {
  EXPECT_EQ(
      in_child([] {
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
                restricted = restrict_to({{"/proc", access_read_only, false, 1}});
                inside = try_open("/etc/passwd", O_RDONLY);
              }).join();
              return restricted && inside == EACCES && try_open("/etc/passwd", O_RDONLY) == 0 ? 0 : 1;
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
  EXPECT_EQ(in_child([] {
              return restrict_to({{"/usr", access_read_only, false, 1}}) &&
                             ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
                         ? 0
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
              if (::getresuid(&r, &e, &s) != 0 || r != 64000 || e != 64000 || s != 64000 ||
                  !current_groups().empty())
                return 2;
              if (::setuid(0) == 0 || ::setgid(0) == 0) return 3;
              for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap)
                if (cap_get_bound(cap) == CAP_SET) return 4;
              return 0;
            }),
            0);
}

TEST_F(DropPrivilegesAsRoot, ASavedIdIsNoIdentityOnesHas) {
  EXPECT_EQ(in_child([] {
              if (::setgroups(0, nullptr) != 0 || ::setresgid(64000, 64000, 64000) != 0 ||
                  ::setresuid(64000, 64000, 0) != 0)
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
  EXPECT_EQ(
      in_child([] {
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
