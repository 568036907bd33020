// The library as somebody else uses it: a policy from a file, opened, and the restriction of this process. In children.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
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
#include <lockstep/sandbox.h>

#include "base/unique_fd.h"
#include "landlock/uapi.h"
#include "testing/seccomp.h"
#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

constexpr int fine = 42;

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
    ASSERT_EQ(::mkdir(dir_.at("rw").c_str(), 0777), 0);
    ASSERT_EQ(::chmod(dir_.at("rw").c_str(), 0777), 0);
  }

  std::string policy(const std::string& read_write, const std::string& more = "") const {
    return dir_.write("p.yaml",
                      "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only: [/usr, /etc, /proc]\n  "
                      "read_write: [" +
                          read_write + "]\n" + more);
  }
  // What a child says by its exit code; -1: it was ended.
  static int in_child(const std::function<int()>& what) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(what());
    int status = 0;
    return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static bool can_write(const std::string& file) {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    return static_cast<bool>(fd);
  }
  static SandboxOptions here() { return {this_machine()}; }
  static const Notice* find(const std::vector<Notice>& notices, std::string_view code) {
    const auto found =
        std::find_if(notices.begin(), notices.end(), [&](const Notice& each) { return each.code == code; });
    return found == notices.end() ? nullptr : &*found;
  }

  const testing::TemporaryDirectory dir_{0755};
};

// All of embedding, as README.md has it.
Result<Enforcement> embed(const std::string& file) {
  LOCKSTEP_ASSIGN(const Policy policy, load_policy(file));
  LOCKSTEP_ASSIGN(Sandbox sandbox, Sandbox::open(policy, {this_machine()}));
  return sandbox.restrict_self();
}

TEST_F(SandboxTest, IsEmbeddedInThreeLines) {
  const std::string file = policy(dir_.at("rw"));
  EXPECT_EQ(in_child([&] {
              const Result<Enforcement> done = embed(file);
              if (!done.ok()) return 1;
              if (done->level != Enforcement::Level::full || done->abi < 1 || !done->skipped.empty()) return 2;
              if (can_write(dir_.at("new")) || errno != EACCES) return 3;
              return can_write(dir_.at("rw/new")) ? fine : 4;
            }),
            fine);
  EXPECT_EQ(dir_.read("rw/new"), "");
  EXPECT_FALSE(embed(dir_.at("missing.yaml")).ok());
}

TEST_F(SandboxTest, OpeningRestrictsNothingAndRestrictingIsDoneOnce) {
  const std::string file = policy(dir_.at("rw"));
  EXPECT_EQ(in_child([&] {
              Result<Sandbox> sandbox = Sandbox::open(*load_policy(file), here());
              if (!sandbox.ok() || !can_write(dir_.at("a"))) return 1;
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) return 2;
              Sandbox moved = std::move(*sandbox);
              if (sandbox->restrict_self().ok()) return 3;
              if (!can_write(dir_.at("b")) || !moved.restrict_self().ok() || can_write(dir_.at("c"))) return 4;
              const Result<Enforcement> again = moved.restrict_self();
              return !again.ok() && again.error().kind == ErrorKind::input ? fine : 5;
            }),
            fine);
}

// From the policy's own warning to what opening its paths found, in order.
TEST_F(SandboxTest, TheConsumerSeesEveryNotice) {
  const std::string file = policy(dir_.at("rw") + ", " + dir_.at("rw") + ", " + dir_.at("gone") + ", /proc/self/task",
                                  "landlock: {scopes: [signal], min_abi: 1}\n");
  SandboxOptions options = here();
  options.older_abi = OlderAbi{1};
  options.context.gpu = Toggle::on;
  const Result<Sandbox> sandbox = Sandbox::open(*load_policy(file), options);
  ASSERT_TRUE(sandbox.ok()) << sandbox.error().to_string();
  std::vector<std::string> codes;
  for (const Notice& each : sandbox->notices()) {
    EXPECT_FALSE(each.message.empty()) << each.code;
    if (codes.empty() || codes.back() != each.code) codes.push_back(each.code);
  }
  std::size_t at = 0;
  for (const char* code :
       {"policy-warning", "proc-promoted", "promotion-adds", "right-dropped", "procfs-pinned", "path-skipped"}) {
    while (at < codes.size() && codes[at] != code) ++at;
    EXPECT_LT(at, codes.size()) << code;
  }
  EXPECT_EQ(sandbox->plan().abi, 1);
  EXPECT_TRUE(sandbox->effective().gpu);
  EXPECT_NE(find(sandbox->notices(), "right-dropped")->message.find("signal is not enforced"), std::string::npos);
}

TEST_F(SandboxTest, SaysWhatIsNotEnforcedAndWhatCouldNotBeOpened) {
  const std::string file = policy(dir_.at("rw") + ", " + dir_.at("gone"), "landlock: {ports: {connect_tcp: []}}\n");
  EXPECT_EQ(in_child([&] {
              SandboxOptions options = here();
              options.older_abi = OlderAbi{2};
              Result<Sandbox> sandbox = Sandbox::open(*load_policy(file), options);
              if (!sandbox.ok()) return 1;
              const Result<Enforcement> done = sandbox->restrict_self();
              if (!done.ok() || done->level != Enforcement::Level::partial || done->abi != 2) return 2;
              if (done->dropped.size() != 1 || done->dropped[0].feature->name != "connect_tcp") return 3;
              return done->skipped.size() == 1 && done->skipped[0].path == dir_.at("gone") ? fine : 4;
            }),
            fine);
  SandboxOptions newer = here();
  newer.older_abi = OlderAbi{query_kernel()->abi + 1};
  EXPECT_EQ(Sandbox::open(*load_policy(file), newer).error().kind, ErrorKind::unsupported);
}

TEST_F(SandboxTest, ThreadsThatRunAlreadyAreNotForgotten) {
  const std::string file = policy(dir_.at("rw"));
  const bool knows_all = query_kernel()->abi >= 8;
  for (const char* way : {"unsaid", "no word of the two", "free", "all"}) {
    const auto run = [&] {
      std::atomic<int> step = 0;
      bool wrote = false;
      std::thread other([&] {
        step.wait(0);
        wrote = can_write(dir_.at("by-thread"));
      });
      SandboxOptions options = here();
      if (way == std::string_view("free")) options.free_threads = FreeThreads::allowed;
      if (way == std::string_view("no word of the two")) options.free_threads = static_cast<FreeThreads>(9);
      options.all_threads = way == std::string_view("all");
      Result<Sandbox> sandbox = Sandbox::open(*load_policy(file), options);
      const Result<Enforcement> done = sandbox.ok() ? sandbox->restrict_self() : Result<Enforcement>(sandbox.error());
      step = 1;
      step.notify_all();
      other.join();
      const bool restricted = !can_write(dir_.at("by-caller"));
      if (!done.ok()) return restricted ? 1 : 10 + static_cast<int>(done.error().kind);
      return (restricted ? 20 : 2) + (wrote ? 1 : 0) + (done->level == Enforcement::Level::full ? 2 : 0);
    };
    const int got = in_child(run);
    const int expected = way == std::string_view("free")  ? 21
                         : way != std::string_view("all") ? 12
                         : knows_all                      ? 22
                                                          : 13;
    EXPECT_EQ(got, expected) << way;
  }
}

TEST_F(SandboxTest, WithoutLandlockTheWordDecides) {
  const std::string file = policy(dir_.at("rw"));
  const auto without = [&](Unsandboxed word) {
    return in_child([&] {
      if (!testing::answer_calls({{.call = uapi::create_ruleset_nr, .err = EOPNOTSUPP}})) return 1;
      SandboxOptions options = here();
      options.unsandboxed = word;
      Result<Sandbox> sandbox = Sandbox::open(*load_policy(file), options);
      if (!sandbox.ok()) return 10 + static_cast<int>(sandbox.error().kind);
      const Notice* said = find(sandbox->notices(), "unsandboxed");
      const Result<Enforcement> done = sandbox->restrict_self();
      if (!done.ok() || done->level != Enforcement::Level::none || sandbox->plan().abi != 0) return 2;
      return said != nullptr && said->message.starts_with("NOTHING IS RESTRICTED") ? fine : 3;
    });
  };
  EXPECT_EQ(without(Unsandboxed::refused), 13);
  EXPECT_EQ(without(Unsandboxed::allowed), fine);
}

// The same lies that lockstep exec is told: exec_filter_test.cc.
TEST_F(SandboxTest, AKernelThatIsNotAskedInTruthIsNotBelieved) {
  const std::string file = policy(dir_.at("rw"));
  const int abi = query_kernel()->abi;
  const auto tell = [&](const std::function<bool()>& lie) {
    return in_child([&] {
      if (!lie()) return 1;
      SandboxOptions options = here();
      options.unsandboxed = Unsandboxed::allowed;  // a lie is no missing Landlock
      const Policy policy = *load_policy(file);
      Result<Sandbox> sandbox = Sandbox::open(policy, options);
      const Result<Enforcement> done = sandbox.ok() ? sandbox->restrict_self() : Result<Enforcement>(sandbox.error());
      return done.ok() ? 2 : done.error().message.find("kernel's place") != std::string::npos ? fine : 3;
    });
  };
  EXPECT_EQ(tell([] { return testing::answer_calls({{.call = uapi::restrict_self_nr}}); }), fine);
  EXPECT_EQ(tell([] { return testing::answer_calls({{.call = uapi::add_rule_nr}}); }), fine);
  if (abi > newest_abi) return;
  for (int claimed : {abi - 1, abi + 1})
    if (claimed >= 1 && claimed <= newest_abi) {
      EXPECT_EQ(tell([&] {
                  return testing::answer_with(
                      {.call = uapi::create_ruleset_nr, .argument = 2, .value = uapi::create_ruleset_version}, claimed);
                }),
                fine)
          << claimed;
    }
}

// The identity that the policy names is taken, or it is said that it is not.
TEST_F(SandboxTest, BecomesWhomThePolicyNames) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root can become another user";
  const std::string file = policy(dir_.at("rw"), "process: {run_as_user: \"64000\", run_as_group: \"64001\"}\n");
  for (const auto word : {KeptIdentity::refused, KeptIdentity::allowed, static_cast<KeptIdentity>(9)}) {
    const bool kept = word == KeptIdentity::allowed;
    EXPECT_EQ(in_child([&] {
                SandboxOptions options = here();
                options.kept_identity = word;
                Result<Sandbox> sandbox = Sandbox::open(*load_policy(file), options);
                if (!sandbox.ok() || (find(sandbox->notices(), "identity-kept") != nullptr) != kept) return 1;
                const Result<Enforcement> done = sandbox->restrict_self();
                if (!done.ok() || (done->level == Enforcement::Level::full) == kept) return 2;
                return ::getuid() == (kept ? 0U : 64000U) && ::getgid() == (kept ? 0U : 64001U) ? fine : 3;
              }),
              fine)
        << static_cast<int>(word);
  }
}

// A policy built by hand, with what no text can say: an input error, and neither a crash nor a weaker policy.
TEST_F(SandboxTest, APolicyBuiltByHandIsHeldToWhatATextIs) {
  const Policy good = *load_policy(policy(dir_.at("rw")));
  const auto refused = [&](const std::function<void(Policy&)>& change) {
    Policy bad = good;
    change(bad);
    const Result<Sandbox> sandbox = Sandbox::open(bad, here());
    return !sandbox.ok() && sandbox.error().kind == ErrorKind::input;
  };
  for (const std::string& path :
       {std::string("tmp"), std::string(), std::string("/tmp/../root"), std::string("/tmp/.."),
        std::string("/root\0/x", 8), std::string("/root/"), std::string("//root"), std::string("/./root")}) {
    EXPECT_TRUE(refused([&](Policy& bad) { bad.read_write = {{path, path, 0}}; })) << path;
    EXPECT_TRUE(refused([&](Policy& bad) { bad.read_only = {{path, path, 0}}; })) << path;
    EXPECT_TRUE(refused([&](Policy& bad) { bad.grants = {{{path, path, 0}, access_read_only, "", false}}; })) << path;
    Result<EffectivePolicy> effective = enrich(good, {});
    ASSERT_TRUE(effective.ok());
    effective->rules[0].path = path;
    EXPECT_EQ(Sandbox::open(std::move(*effective), here()).error().kind, ErrorKind::input) << path;
  }
  EXPECT_TRUE(refused([](Policy& bad) { bad.restrictions.scopes = ScopeSet::from_bits(1ULL << 40); }));
  EXPECT_TRUE(refused([](Policy& bad) { bad.restrictions.net = NetSet::from_bits(~0ULL); }));
  EXPECT_TRUE(refused([](Policy& bad) { bad.restrictions.ports = {{NetRight::connect_tcp, 443}}; }));
  EXPECT_TRUE(refused([](Policy& bad) { bad.grants = {{{"/usr", "", 0}, AccessSet::from_bits(~0ULL), "", false}}; }));
  EXPECT_TRUE(refused([](Policy& bad) { bad.min_abi = 99; }));
  EXPECT_TRUE(refused([](Policy& bad) { bad.compatibility = static_cast<Compatibility>(9); }));
}

TEST_F(SandboxTest, AWordThatIsNoneAllowsNothing) {
  const std::string file = policy(dir_.at("rw"));
  EXPECT_EQ(in_child([&] {
              if (!testing::answer_calls({{.call = uapi::create_ruleset_nr, .err = EOPNOTSUPP}})) return 1;
              SandboxOptions options = here();
              options.unsandboxed = static_cast<Unsandboxed>(9);
              return Sandbox::open(*load_policy(file), options).ok() ? 2 : fine;
            }),
            fine);
  EXPECT_EQ(in_child([&] {
              Result<Sandbox> sandbox = Sandbox::open(*load_policy(file), here());
              return sandbox.ok() && !sandbox->restrict_self(static_cast<Pins>(9)).ok() ? fine : 1;
            }),
            fine);
}

TEST_F(SandboxTest, WhatWasMovedFromIsEmpty) {
  Sandbox sandbox = *Sandbox::open(*load_policy(policy(dir_.at("rw"))), here());
  const Sandbox moved = std::move(sandbox);
  EXPECT_FALSE(moved.effective().rules.empty());
  EXPECT_TRUE(sandbox.effective().rules.empty());  // NOLINT(bugprone-use-after-move): what it says then is tested
  EXPECT_TRUE(sandbox.plan().rules.empty());
  EXPECT_TRUE(sandbox.notices().empty());
}

}  // namespace
}  // namespace lockstep
