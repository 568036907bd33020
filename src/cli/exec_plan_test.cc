// lockstep show --format plan, and lockstep exec --plan: the same restriction as under the policy, or a refusal.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <lockstep/kernel.h>

#include "compiled/compiled_plan.h"
#include "testing/run_program.h"

namespace lockstep::cli {
namespace {

using testing::Ended;
using Words = std::vector<std::string>;

class ExecPlan : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
    abi_ = kernel->abi;
  }
  static Ended lockstep(Words words) {
    words.insert(words.begin(), LOCKSTEP_CLI);
    return testing::run_program(words, {});
  }
  std::string policy(const std::string& read_write = "/dev/null", const std::string& more = "") const {
    return dir_.write("p.yaml",
                      "version: 1\nfilesystem_policy:\n  read_only: [/usr, /bin, /lib, /lib64, /etc, /proc, " +
                          dir_.path() + "]\n  read_write: [" + read_write + "]\n" + more);
  }
  Ended compile(const std::string& policy, Words flags = {}) const {
    flags.insert(flags.begin(), {"show", policy, "--format", "plan"});
    Ended out = lockstep(std::move(flags));
    dir_.write("p.plan", out.out);
    return out;
  }
  Ended exec(const std::string& script, Words flags = {}) const {
    flags.insert(flags.begin(), {"exec", "--plan", dir_.at("p.plan")});
    flags.insert(flags.end(), {"--", "/bin/sh", "-c", script});
    return lockstep(std::move(flags));
  }
  void expect_refused(const Ended& got, const std::string& says) const {
    EXPECT_EQ(got.code, 125) << got.err;
    EXPECT_EQ(got.out, "");
    EXPECT_NE(got.err.find(says), std::string::npos) << got.err;
  }

  testing::TemporaryDirectory dir_{0755};
  int abi_ = 0;
};

TEST_F(ExecPlan, RestrictsAndSaysAsThePolicyDoes) {
  ASSERT_EQ(::mkdir(dir_.at("rw").c_str(), 0777), 0);
  for (const std::string& writable :
       {dir_.at("rw"), dir_.at("rw") + ", /proc/self/task", dir_.at("rw") + ", /missing"}) {
    const std::string file = policy(writable, "landlock: {scopes: [signal]}\n");
    ASSERT_EQ(compile(file).code, 0);
    const std::string script =
        "(: >" + dir_.at("rw/new") + ") && echo in; (: >" + dir_.at("new") +
        ") || echo out; echo n >/proc/self/comm && echo comm; kill -0 $PPID && echo free; exit 7";
    const Ended by_policy = lockstep({"exec", file, "--", "/bin/sh", "-c", script}), by_plan = exec(script);
    EXPECT_EQ(by_plan.code, 7) << by_plan.err;
    EXPECT_EQ(by_plan.code, by_policy.code);
    EXPECT_EQ(by_plan.out, by_policy.out);
    EXPECT_EQ(by_plan.out.substr(0, 7), "in\nout\n") << by_plan.err;
    EXPECT_EQ(by_plan.out.find("free"), abi_ >= 6 ? std::string::npos : by_policy.out.find("free"));
    EXPECT_EQ(by_plan.err, by_policy.err);
  }
}

// Every policy of the fixtures that this machine can run.
TEST_F(ExecPlan, EveryPolicyOfTheFixturesIsEnforcedAlike) {
  const std::string script =  // of the shell's own words: little is executed
      "for p in /usr /etc /tmp /var/log; do set -- $p/*; [ \"$1\" = \"$p/*\" ] || echo list $p\n"
      "{ true >$p/lockstep-new; } 2>/dev/null && { echo make $p; rm -f $p/lockstep-new; }; done\n"
      "for p in /dev/null /dev/urandom /proc/self/comm; do read -r line 2>/dev/null <$p && echo read $p\n"
      "{ true >>$p; } 2>/dev/null && echo write $p; done; exit 9";
  int tried = 0;
  for (const auto& each :
       std::filesystem::recursive_directory_iterator(std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/policies")) {
    if (!each.is_regular_file()) continue;
    const std::string file = each.path();
    if (compile(file).code != 0) continue;
    const Ended by_policy = lockstep({"exec", file, "--", "/bin/sh", "-c", script}), by_plan = exec(script);
    EXPECT_EQ(by_plan.code, by_policy.code) << file << ": " << by_plan.err;
    EXPECT_EQ(by_plan.out, by_policy.out) << file;
    EXPECT_EQ(by_plan.err, by_policy.err) << file;
    tried += by_plan.code == 125 ? 0 : 1;  // one may leave no shell to start, where /bin is no part of /usr
  }
  EXPECT_GT(tried, 20);
}

TEST_F(ExecPlan, IsTheSameUntilThePolicyChanges) {
  const std::string first = compile(policy()).out;
  EXPECT_EQ(compile(policy()).out, first);
  EXPECT_NE(compile(policy("/dev/null, /tmp")).out, first);
}

TEST_F(ExecPlan, HoldsForItsAbiAloneUnlessThatIsNamed) {
  if (abi_ < 2) GTEST_SKIP() << "needs ABI 2: there is no older one";
  ASSERT_EQ(compile(policy(), {"--abi", "1"}).code, 0);
  expect_refused(exec("exit 7"), "was compiled for ABI 1, and ABI " + std::to_string(std::min(abi_, newest_abi)) +
                                     " is to be enforced");
  EXPECT_EQ(exec("exit 7", {"--abi", "1"}).code, 7);
  expect_refused(exec("exit 7", {"--abi", "2"}), "was compiled for ABI 1, and ABI 2 is to be enforced");
  if (abi_ < newest_abi) {
    ASSERT_EQ(compile(policy(), {"--abi", std::to_string(newest_abi)}).code, 0);
    expect_refused(exec("exit 7"), "was compiled for ABI " + std::to_string(newest_abi));
    expect_refused(exec("exit 7", {"--abi", std::to_string(newest_abi)}), "this kernel has ABI");
  }
}

// What was added by the machine's devices must be there, or the machine is another one.
TEST_F(ExecPlan, WhatWasAddedToThePolicyAndIsGoneIsRefused) {
  ASSERT_EQ(::mkdir(dir_.at("driver").c_str(), 0777), 0);
  const std::string spec =
      dir_.write("spec.json", R"({"cdiVersion":"0.5.0","kind":"example.com/net","devices":[{"name":"0",)"
                              R"("containerEdits":{"mounts":[{"hostPath":")" +
                                  dir_.at("driver") + R"(","containerPath":")" + dir_.at("driver") +
                                  R"(","options":["rbind"]}]}}]})");
  const Ended made = compile(policy(), {"--cdi", spec, "--gpu-devices", "example.com/net=0"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_NE(made.err.find(" rules, 1 of them added by a baseline or by CDI; a later change"), std::string::npos)
      << made.err;
  EXPECT_EQ(exec("exit 7").code, 7);
  ASSERT_EQ(::rmdir(dir_.at("driver").c_str()), 0);
  expect_refused(exec("exit 7"), dir_.at("driver") +
                                     " was added to the policy when its plan was compiled, and cannot "
                                     "be opened any more (ENOENT)");
}

TEST_F(ExecPlan, AMissingPathOfTheAuthorIsAsUnderThePolicy) {
  ASSERT_EQ(compile(policy("/dev/null, " + dir_.at("gone"))).code, 0);
  const Ended soft = exec("exit 7");
  EXPECT_EQ(soft.code, 7);
  EXPECT_NE(soft.err.find(dir_.at("gone") + " cannot be opened"), std::string::npos) << soft.err;
  ASSERT_EQ(compile(policy("/dev/null, " + dir_.at("gone"), "landlock: {compatibility: hard_requirement}\n")).code, 0);
  expect_refused(exec("exit 7"), "hard_requirement needs every path");
}

TEST_F(ExecPlan, ThatIsDamagedOrNoneIsRefused) {
  const std::string bytes = compile(policy()).out;
  dir_.write("p.plan", bytes.substr(0, bytes.size() - 1));
  expect_refused(exec("exit 7"), dir_.at("p.plan") + ": byte " + std::to_string(bytes.size() - 1) + ": the file ends");
  std::string changed = bytes;
  changed[changed.find("/usr")] = 'x';
  dir_.write("p.plan", changed);
  expect_refused(exec("exit 7"), "the checksum is not that of the plan");
  dir_.write("p.plan", "version: 1\n");
  expect_refused(exec("exit 7"), "no compiled plan");
  Result<CompiledPlan> twice = decode_compiled_plan(bytes, "p.plan");
  ASSERT_TRUE(twice.ok());
  twice->layers.push_back(twice->layers[0]);
  dir_.write("p.plan", *encode(*twice));
  expect_refused(exec("exit 7"), "a plan of 2 layers");
}

TEST_F(ExecPlan, TakesNothingThatWasDecidedBefore) {
  const std::string file = policy();
  ASSERT_EQ(compile(file).code, 0);
  expect_refused(exec("exit 7", {"--gpu", "off"}), "--gpu was decided when the plan was compiled");
  expect_refused(exec("exit 7", {"--workdir", "/tmp"}), "--workdir was decided");
  expect_refused(exec("exit 7", {file}), "write lockstep exec POLICY -- COMMAND...");
  expect_refused(lockstep({"exec", dir_.at("p.plan"), "--", "/bin/true"}), "p.plan:2: not valid UTF-8");
  EXPECT_EQ(exec("exit 7", {"--allow-unsandboxed"}).code, 7);
}

TEST_F(ExecPlan, IsMadeForThisMachine) {
  const Ended other = compile(policy(), {"--host", std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/hosts/nvidia-1.json"});
  EXPECT_EQ(other.code, 2);
  EXPECT_EQ(other.out, "");
  EXPECT_NE(other.err.find("nvidia-1.json: a plan is compiled on the machine that it is for"), std::string::npos);
}

TEST_F(ExecPlan, BecomesTheUserOfThePolicy) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root can become another user";
  ASSERT_EQ(compile(policy("/dev/null", "process: {run_as_user: \"64000\", run_as_group: \"64001\"}\n")).code, 0);
  EXPECT_EQ(exec("id -u; id -g").out, "64000\n64001\n");
}

// The small program does the same, and has words of its own.
TEST_F(ExecPlan, ByTheProgramThatDoesNothingElseIsTheSame) {
  const std::string program = std::string(LOCKSTEP_CLI) + "-exec", plan = dir_.at("p.plan");
  ASSERT_EQ(compile(policy("/dev/null, /proc/self/task, /missing", "landlock: {scopes: [signal]}\n")).code, 0);
  const std::string script =
      "(: >" + dir_.at("new") + ") || echo out; echo n >/proc/self/task/$$/comm && echo comm; exit 7";
  const Ended by_lockstep = exec(script),
              by_itself = testing::run_program({program, plan, "--", "/bin/sh", "-c", script}, {});
  EXPECT_EQ(by_itself.code, 7) << by_itself.err;
  EXPECT_EQ(by_itself.out, by_lockstep.out);
  EXPECT_EQ(by_itself.err, by_lockstep.err);
  const std::vector<std::pair<Words, const char*>> refused = {
      {{}, "write lockstep-exec PLAN -- COMMAND..."},
      {{plan}, "write lockstep-exec PLAN -- COMMAND..."},
      {{plan, plan, "--", "true"}, "write lockstep-exec PLAN -- COMMAND..."},
      {{plan, "--gpu", "off", "--", "true"}, "unknown flag --gpu"},
      {{plan, "--abi", "12", "--", "true"}, "--abi takes"},
      {{dir_.at("p.yaml"), "--", "true"}, "no compiled plan"},
      {{dir_.at("no"), "--", "true"}, "does not exist"},
      {{plan, "--", "/no/such"}, ""}};
  for (const auto& [words, says] : refused) {
    Words all = {program};
    all.insert(all.end(), words.begin(), words.end());
    const Ended got = testing::run_program(all, {});
    EXPECT_EQ(got.code, *says == '\0' ? 127 : 125) << got.err;
    EXPECT_NE(got.err.find(says), std::string::npos) << got.err;
  }
  EXPECT_EQ(testing::run_program({program, "--help"}, {}).code, 0);
  EXPECT_EQ(testing::run_program({program, "--version"}, {}).out.substr(0, 14), "lockstep-exec ");
}

}  // namespace
}  // namespace lockstep::cli
