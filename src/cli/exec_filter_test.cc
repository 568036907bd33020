// lockstep exec where something answers in the kernel's place, or denies what exec may need: it proves what
// it was told, and runs the command restricted, or fails with 125 and says why. Real seccomp filters, in
// children.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "cli/exec_testing.h"
#include "landlock/uapi.h"
#include "testing/sanitized.h"
#include "testing/seccomp.h"

namespace lockstep::cli {
namespace {

constexpr testing::CallAnswer lying_restriction{.call = uapi::restrict_self_nr};

class ExecFilter : public Exec {
 protected:
  // Nothing ran, and the reason is said.
  void expect_own_failure(const Ended& got, const std::string& says, const std::string& what) const {
    EXPECT_EQ(got.code, 125) << what << ": " << got.said;
    EXPECT_NE(got.said.find(says), std::string::npos) << what << ": " << got.said;
    EXPECT_EQ(got.said.find("ran\n"), std::string::npos) << what << ": " << got.said;
  }
  // What may go on around the process that becomes lockstep.
  struct Around {
    const char* name;
    bool needs_root;
    std::function<bool()> before;
  };
  static bool stack_layers(int count) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const uapi::RulesetAttr attr{.handled_access_fs = AccessSet(Right::make_block).bits()};
    const int fd = static_cast<int>(uapi::create_ruleset(&attr, 8, 0));
    for (int i = 0; i < count; ++i)
      if (uapi::restrict_self(fd, 0) != 0) return false;
    return ::close(fd) == 0;
  }
  static bool without_proc() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("none", "/proc", "tmpfs", 0, nullptr) == 0;
  }
  static bool as_user() { return ::setgid(64001) == 0 && ::setuid(64000) == 0; }
  static std::vector<Around> arounds() {
    return {{"nothing", false, [] { return true; }},
            {"a layer", false, [] { return stack_layers(1); }},
            {"15 layers", false, [] { return stack_layers(15); }},
            {"an ordinary user", true, as_user},
            {"no /proc", true, without_proc},
            {"SIGCHLD ignored", false, [] { return ::signal(SIGCHLD, SIG_IGN) != SIG_ERR; }}};
  }
};

// Where no lie is told the same proof finds the restriction, whatever the policy and whatever is around.
TEST_F(ExecFilter, ARestrictionThatIsNotThereIsNoticed) {
  if (testing::sanitized) GTEST_SKIP() << "sanitized: what looks for leaks needs a /proc";
  const bool root = ::geteuid() == 0;
  for (const Around& around : arounds()) {
    if (around.needs_root && !root) continue;
    for (const char* read_only : {"/usr", "/"}) {
      const std::string what = std::string(around.name) + ", read_only " + read_only;
      policy("/dev/null", "", read_only);
      const Ended honest = shell("echo ran; : > /etc/no-new-file", around.before);
      EXPECT_NE(honest.said.find("ran\n"), std::string::npos) << what << ": " << honest.said;
      EXPECT_NE(honest.code, 0) << what;
      EXPECT_NE(honest.code, 125) << what << ": " << honest.said;
      expect_own_failure(
          shell("echo ran", [&] { return around.before() && testing::answer_calls({lying_restriction}); }),
          "is restricted, and it is not", what);
    }
  }
}

TEST_F(ExecFilter, ARestrictionThatIsNotThereIsNoticedBesideAHolderAndBeforeAnotherUser) {
  policy(pinned);
  expect_own_failure(shell("echo ran", [] { return testing::answer_calls({lying_restriction}); }),
                     "is restricted, and it is not", "pinned");
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root can become another user";
  for (const char* read_only : {"/usr", "/"}) {
    policy("/dev/null", "process: {run_as_user: \"64000\", run_as_group: \"64001\"}\n", read_only);
    expect_own_failure(shell("echo ran", [] { return testing::answer_calls({lying_restriction}); }),
                       "is restricted, and it is not", read_only);
    EXPECT_EQ(shell("test $(id -u) = 64000 && exit 7").code, 7) << read_only;
  }
}

TEST_F(ExecFilter, ARuleSetThatIsNoneAndRulesThatAreNotAddedAreNoticed) {
  const testing::CallAnswer no_ruleset{.call = uapi::create_ruleset_nr, .argument = 2, .value = 0};
  const testing::CallAnswer no_rule{.call = uapi::add_rule_nr},
      no_path{.call = uapi::add_rule_nr, .argument = 1, .value = uapi::rule_path_beneath};
  const testing::CallAnswer no_port{.call = uapi::add_rule_nr, .argument = 1, .value = uapi::rule_net_port};
  policy("/dev/null", "landlock: {ports: {connect_tcp: [443]}}\n");
  const std::vector<std::vector<testing::CallAnswer>> lies = {
      {no_ruleset}, {no_rule}, {no_path}, {no_ruleset, no_rule}, {no_ruleset, no_rule, lying_restriction}};
  for (std::size_t i = 0; i < lies.size(); ++i)
    expect_own_failure(shell("echo ran", [&] { return testing::answer_calls(lies[i]); }),
                       "may answer in the kernel's place", std::to_string(i));
  if (query_kernel()->abi >= 4)
    expect_own_failure(shell("echo ran", [&] { return testing::answer_calls({no_port}); }),
                       "may answer in the kernel's place", "ports");
  // Another rule set, which handles less than was asked for.
  expect_own_failure(shell("echo ran",
                           [] {
                             const uapi::RulesetAttr attr{.handled_access_fs = AccessSet(Right::make_block).bits()};
                             const int fd = static_cast<int>(uapi::create_ruleset(&attr, 8, 0));
                             return fd >= 0 && ::dup2(fd, 100) == 100 &&
                                    testing::answer_with({.call = uapi::create_ruleset_nr, .argument = 2, .value = 0},
                                                         100);
                           }),
                     "may answer in the kernel's place", "a narrower one");
  // From ABI 11 on the restriction sets it: nobody asks prctl(2).
  if (::geteuid() == 0 && query_kernel()->abi < 11)
    expect_own_failure(
        shell("echo ran",
              [] { return testing::answer_calls({{.call = SYS_prctl, .argument = 0, .value = PR_SET_NO_NEW_PRIVS}}); }),
        "no_new_privs is not set", "no_new_privs");
}

TEST_F(ExecFilter, AVersionThatIsNotTrueIsNoticed) {
  const int abi = query_kernel()->abi;
  if (abi > newest_abi) GTEST_SKIP() << "abi-unknown: newer than the table";
  policy("/dev/null");
  const testing::CallAnswer version{
      .call = uapi::create_ruleset_nr, .argument = 2, .value = uapi::create_ruleset_version};
  for (int claimed : {abi - 1, abi + 1, 1}) {
    if (claimed < 1 || claimed == abi || claimed > newest_abi) continue;
    const Ended got = shell("echo ran", [&] { return testing::answer_with(version, claimed); });
    expect_own_failure(got, "says that it has Landlock's ABI " + std::to_string(claimed) + ", and",
                       "claimed " + std::to_string(claimed));
    EXPECT_NE(got.said.find("ABI " + std::to_string(claimed < abi ? claimed + 1 : claimed)), std::string::npos)
        << got.said;
  }
  expect_own_failure(shell("echo ran", [&] { return testing::answer_calls({version}); }), "answered by 0", "version 0");
  testing::CallAnswer missing = version;
  missing.err = ENOSYS;
  expect_own_failure(shell("echo ran", [&] { return testing::answer_calls({missing}); }), "new enough for Landlock",
                     "ENOSYS");
}

TEST_F(ExecFilter, CallsThatAreDeniedKeepNothingFromRunning) {
  const std::vector<long> calls = {SYS_memfd_create, SYS_execveat,        SYS_pidfd_open, SYS_clone3,
                                   SYS_unshare,      SYS_ptrace,          SYS_mount,      SYS_openat2,
                                   SYS_close_range,  SYS_get_robust_list, SYS_statx,      SYS_kcmp};
  for (int err : {EPERM, ENOSYS})
    for (std::size_t i = 0; i <= calls.size(); ++i) {
      std::vector<testing::CallAnswer> denied;  // each alone, then all of them
      for (std::size_t k = 0; k < calls.size(); ++k)
        if (i == k || i == calls.size()) denied.push_back({.call = calls[k], .err = err});
      for (const char* writable : plain_and_pinned) {
        policy(writable, "", "/");
        const Ended got = shell("exit 7", [&] { return testing::answer_calls(denied); });
        EXPECT_EQ(got.code, 7) << errno_name(err) << ", call " << denied[0].call << ", " << writable << ": "
                               << got.said;
      }
    }
}

TEST_F(ExecFilter, WhereNoProcessCanBeMadeThePolicyDecides) {
  if (testing::sanitized) GTEST_SKIP() << "sanitized: what looks for leaks makes a process";
  const auto no_process = [] {
    return testing::answer_calls({{.call = SYS_clone, .err = EPERM}, {.call = SYS_clone3, .err = EPERM}});
  };
  policy("/dev/null");
  EXPECT_EQ(finish(start({"/bin/sh", "-c", "exit 7"}, {}, no_process)).code, 7) << "nothing needs one";
  policy("/dev/null", "", "/");
  expect_own_failure(shell("echo ran", no_process), "to prove the restriction takes a second process", "read_only /");
  policy(pinned);
  expect_own_failure(shell("echo ran", no_process), "a rule below /proc takes a second process", "pinned");
}

// It is asked only once the restriction is there: the command waits for its answer.
TEST_F(ExecFilter, AHolderThatCannotHoldIsNoticed) {
  policy(pinned);
  expect_own_failure(shell("echo ran", [] { return testing::answer_calls({{.call = SYS_chdir, .err = EACCES}}); }),
                     "ended before it held them", "pinned");
}

TEST_F(ExecFilter, TheSeventeenthLayerIsNamed) {
  if (query_kernel()->abi < 2) GTEST_SKIP() << "needs ABI 2: ABI 1 has another limit";
  policy("/dev/null");
  expect_own_failure(shell("echo ran", [] { return stack_layers(16); }), "below 16 layers", "the 17th layer");
}

TEST_F(ExecFilter, AnotherUserNeedsRootAndThatIsSaid) {
  policy("/dev/null", "process: {run_as_user: \"0\", run_as_group: \"0\"}\n");
  const auto as_ordinary_user = [] { return ::geteuid() != 0 || as_user(); };
  expect_own_failure(shell("echo ran", as_ordinary_user), "run_as_group need root", "as a user");
}

TEST_F(ExecFilter, ClosedDescriptorsStayClosedAndNothingElseChanges) {
  for (const char* writable : plain_and_pinned)
    for (int closed = 1; closed < 8; ++closed) {
      policy(writable);
      const auto close_some = [&] {
        for (int fd = 0; fd < 3; ++fd)
          if ((closed >> fd & 1) != 0) ::close(fd);
        return true;
      };
      std::string script;
      for (int fd = 0; fd < 3; ++fd)
        script += std::string("test ") + ((closed >> fd & 1) != 0 ? "! " : "") + "-e /proc/self/fd/" +
                  std::to_string(fd) + " || exit " + std::to_string(fd + 1) + "; ";
      EXPECT_EQ(finish(start({"/bin/sh", "-c", script + "exit 7"}, {}, close_some)).code, 7)
          << closed << ", " << writable;
    }
}

TEST_F(ExecFilter, AFewDescriptorsAreEnoughOrItIsSaid) {
  if (testing::sanitized) GTEST_SKIP() << "sanitized: its checks make a pipe";
  for (const char* writable : plain_and_pinned) {
    policy(writable);
    bool ran = false, failed = false;
    for (unsigned most = 3; most <= 16; ++most) {
      const auto limit = [&] {
        const rlimit few{most, most};
        return ::setrlimit(RLIMIT_NOFILE, &few) == 0;
      };
      const Ended got = shell("exit 7", limit);
      if (got.code == 7) {
        ran = true;
        continue;
      }
      failed = true;
      EXPECT_FALSE(ran) << "with fewer it ran, with " << most << " not: " << got.said;
      // Below four not even the program's own libraries can be opened, and its loader says so.
      if (most < 4) continue;
      EXPECT_EQ(got.code, 125) << most << ": " << got.said;
      EXPECT_NE(got.said.find("Too many open files"), std::string::npos) << most << ": " << got.said;
    }
    EXPECT_TRUE(ran && failed) << writable;
  }
}

}  // namespace
}  // namespace lockstep::cli
