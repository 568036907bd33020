// lockstep lint as it is run: flags, formats, exit codes, bad input.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "syntax/json.h"
#include "testing/run_program.h"

namespace lockstep::cli {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::expect_refused;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;

class LintCommand : public ::testing::Test {
 protected:
  Ended lint(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {LOCKSTEP_CLI, "lint"});
    return testing::run_program(arguments, {});
  }
  std::string file(const std::string& name, const std::string& lists) {
    return dir_.write(name, "version: 1\nfilesystem_policy:\n" + lists);
  }

  TemporaryDirectory dir_;
  std::string clean_ = file("clean.yaml", "  read_only: [/usr, /dev/urandom]\n  read_write: [/dev/null]\n");
  std::string trap_ = file("trap.yaml", "  read_only:\n    - /usr/\n    - /proc/self\n  read_write: [/dev/null]\n");
};

TEST_F(LintCommand, ExitCodesAreAGate) {
  EXPECT_EQ(lint({clean_}).code, 0) << lint({clean_}).out;
  const Ended found = lint({clean_, trap_});
  EXPECT_EQ(found.code, 1);
  EXPECT_NE(found.out.find("trap.yaml:5: error: /proc/self"), std::string::npos) << found.out;
  EXPECT_EQ(found.out.find("clean.yaml"), std::string::npos);
  const Ended note =
      lint({file("note.yaml", "  read_only: [/usr, /usr/bin, /dev/urandom]\n  read_write: [/dev/null]\n")});
  EXPECT_EQ(note.code, 0) << "notes do not count: " << note.out;
  EXPECT_NE(note.out.find("[redundant]"), std::string::npos);
}

// What a closed or full standard output makes of it, and a patch into patch(1).
TEST_F(LintCommand, OutputThatCannotBeWrittenIsOneMessage) {
  for (const std::string to : {">&-", ">/dev/full"}) {
    const Ended ended =
        testing::run_program({"/bin/sh", "-c", std::string(LOCKSTEP_CLI) + " lint " + trap_ + " " + to}, {});
    EXPECT_EQ(ended.code, 4) << to;
    EXPECT_TRUE(ended.err.starts_with("lockstep: standard output cannot be written: E")) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }
}

TEST_F(LintCommand, AFixGoesThroughPatchAndIsFoundNoMore) {
  if (::access("/usr/bin/patch", X_OK) != 0) GTEST_SKIP() << "needs patch";
  const std::string spelt =
      file("spelt.yaml", "  read_only:\n    - /usr/\n    - /dev/urandom\n  read_write: [/dev/null]\n");
  const std::string piped = std::string(LOCKSTEP_CLI) + " lint --fix " + spelt + "; echo fix $? >&2";
  const Ended ended = testing::run_program({"/bin/sh", "-c", "{ " + piped + "; } | /usr/bin/patch -s " + spelt}, {});
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_EQ(ended.err, "fix 1\n") << "it was a trap when it was read";
  EXPECT_EQ(lint({spelt}).code, 0) << lint({spelt}).out;
  EXPECT_EQ(lint({"--fix", spelt}).out, "");
}

// Of this machine alone: a host file says nothing of users.
TEST_F(LintCommand, AUserThatIsNotHereIsFoundOnThisMachineAlone) {
  const auto policy = [&](const std::string& user) {
    return file(
        user + ".yaml",
        "  read_only: [/usr, /dev/urandom]\n  read_write: [/dev/null]\nprocess: {run_as_user: \"" + user + "\"}\n");
  };
  const std::string missing = policy("no-such-user-here");
  const Ended here = lint({missing});
  EXPECT_EQ(here.code, 1);
  EXPECT_NE(here.out.find(":5: warning: run_as_user no-such-user-here does not exist on this machine"),
            std::string::npos)
      << here.out;
  EXPECT_EQ(lint({missing, "--host", LOCKSTEP_SOURCE_DIR "/fixtures/hosts/none.json", "--only", "user-unknown"}).code,
            0);
  for (const char* user : {"4711", "nobody"}) EXPECT_EQ(lint({policy(user), "--only", "user-unknown"}).code, 0) << user;
}

TEST_F(LintCommand, OnlyAndIgnoreChoose) {
  EXPECT_EQ(lint({trap_, "--ignore", "procfs-self,spelling"}).code, 0);
  const Ended only = lint({trap_, "--only=spelling"});
  EXPECT_EQ(only.code, 1);
  EXPECT_EQ(only.out.find("procfs-self"), std::string::npos);
  EXPECT_EQ(lint({trap_, "--only", "spelling", "--ignore", "spelling"}).code, 0);
}

TEST_F(LintCommand, EveryFormatIsWritten) {
  const Json json = Json::parse(lint({trap_, clean_, "--format", "json"}).out);
  EXPECT_EQ(json.at("schema"), "lockstep.lint/1");
  EXPECT_EQ(json.at("policies").size(), 2U);
  EXPECT_EQ(json.at("errors"), 1);
  const Json sarif = Json::parse(lint({trap_, "--format", "sarif"}).out);
  EXPECT_EQ(sarif.at("version"), "2.1.0");
  EXPECT_GE(sarif.at("runs").at(0).at("results").size(), 2U);
}

TEST_F(LintCommand, ListsEveryTrap) {
  const Ended text = lint({"--list"});
  EXPECT_EQ(text.code, 0);
  const Json json = Json::parse(lint({"--list", "--format", "json"}).out);
  EXPECT_GE(json.at("traps").size(), 30U);
  for (const Json& trap : json.at("traps"))
    EXPECT_NE(text.out.find(trap.at("id").get<std::string>() + " "), std::string::npos);
}

TEST_F(LintCommand, FixIsAPatchAndWritesNothing) {
  const std::vector<std::string> before = dir_.entries();
  const std::string text = dir_.read("trap.yaml");
  const Ended fix = lint({trap_, "--fix"});
  EXPECT_EQ(fix.code, 1) << "what is found is found, fixed or not";
  EXPECT_EQ(fix.out.substr(0, 4), "--- ");
  EXPECT_NE(fix.out.find("\n-    - /usr/\n+    - /usr\n"), std::string::npos) << fix.out;
  EXPECT_EQ(dir_.entries(), before);
  EXPECT_EQ(dir_.read("trap.yaml"), text);
  const Ended flow = lint({file("flow.yaml", "  read_only: [/usr/]\n  read_write: [/dev/null]\n"), "--fix"});
  EXPECT_EQ(flow.out, "");
  EXPECT_NE(flow.err.find("flow.yaml:3: not touched (spelling): /usr: it is not written as"), std::string::npos)
      << flow.err;
  // One fix that would let a baseline in does not stop the others.
  const Ended some = lint(
      {file("some.yaml", "  read_only:\n    - /dev\n    - /dev/nvidiactl\n    - /usr\n    - /usr/bin\n"), "--fix"});
  EXPECT_EQ(some.code, 1) << some.err;
  EXPECT_NE(some.out.find("\n-    - /usr/bin\n"), std::string::npos) << some.out;
  EXPECT_EQ(some.out.find("\n-    - /dev/nvidiactl\n"), std::string::npos) << some.out;
}

TEST_F(LintCommand, AFixWithNothingToPatchSaysHowMuchIsLeft) {
  const Ended none = lint({file("root.yaml", "  read_only: [/]\n  read_write: [/dev/null]\n"), "--fix"});
  EXPECT_EQ(none.code, 1);
  EXPECT_EQ(none.out, "");
  EXPECT_NE(none.err.find("root.yaml: 1 finding has no patch: lockstep lint without --fix says what to write"),
            std::string::npos)
      << none.err;
}

TEST_F(LintCommand, AsksTheHostThatIsNamed) {
  const std::string missing =
      file("missing.yaml", "  read_only: [/srv/gone, /dev/urandom]\n  read_write: [/dev/null]\n");
  EXPECT_EQ(lint({missing}).code, 0) << "this need not be the machine it runs on";
  EXPECT_EQ(lint({missing, "--host", "real"}).code, 1);
  EXPECT_EQ(lint({missing, "--host", std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/hosts/nvidia-1.json"}).code, 1);
}

TEST_F(LintCommand, TheRootAsWorkDirectoryIsAFinding) {
  const std::string policy =
      file("workdir.yaml", "  include_workdir: true\n  read_only: [/dev/urandom]\n  read_write: [/dev/null]\n");
  EXPECT_EQ(lint({policy, "--workdir", "/srv"}).code, 0) << lint({policy, "--workdir", "/srv"}).out;
  const Ended root = lint({policy, "--workdir", "/"});
  EXPECT_EQ(root.code, 1);
  EXPECT_NE(root.out.find("[workdir-root]"), std::string::npos);
  ASSERT_EQ(::symlink("/", dir_.at("all").c_str()), 0);
  for (const std::string& name : {dir_.at("all"), std::string("/proc/self/root")}) {
    const Ended by_name = lint({policy, "--workdir", name});
    EXPECT_EQ(by_name.code, 1) << name;
    EXPECT_NE(by_name.out.find("leads to the root, and include_workdir"), std::string::npos) << by_name.out;
  }
}

TEST_F(LintCommand, BadInputIsExitTwo) {
  testing::expect_refused(
      lint({clean_, dir_.write("broken.yaml", "version: 1\nfilesystem_policy: {read_only: [usr]}\n")}), 2, "lockstep",
      dir_.at("broken.yaml") + ":2");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"/no/such/file"},
                                             {dir_.path()},
                                             {clean_, "--format", "markdown"},
                                             {clean_, "--only", "no-such-trap"},
                                             {clean_, "--only", ""},
                                             {clean_, "--ignore", "spelling,,pattern"},
                                             {clean_, "--ignore"},
                                             {clean_, "--abi", "12"},
                                             {clean_, "--fix", "--format", "json"},
                                             {clean_, "--list"},
                                             {"--list", "--fix"},
                                             {"-", "-"},
                                             {"-", "--fix"},
                                             {"-"}})
    testing::expect_refused(lint(arguments), 2, "lockstep");
  EXPECT_EQ(lint({"--help"}).code, 0);
}

}  // namespace
}  // namespace lockstep::cli
