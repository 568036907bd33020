// lockstep diff as it is run: flags, exit codes, bad input.
#include <gtest/gtest.h>

#include "testing/run_program.h"

namespace lockstep::cli {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;

class DiffCommand : public ::testing::Test {
 protected:
  Ended diff(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {LOCKSTEP_CLI, "diff"});
    return testing::run_program(arguments, {});
  }
  std::string file(const std::string& name, const std::string& lists) {
    return dir_.write(name, "version: 1\nfilesystem_policy:\n" + lists);
  }

  TemporaryDirectory dir_;
  std::string narrow_ = file("narrow.yaml", "  read_only: [/usr]\n");
  std::string wide_ = file("wide.yaml", "  read_only: [/usr]\n  read_write: [/data]\n");
};

TEST_F(DiffCommand, ExitCodesAreAGate) {
  EXPECT_EQ(diff({narrow_, narrow_}).code, 0);
  const Ended widened = diff({narrow_, wide_});
  EXPECT_EQ(widened.code, 1);
  EXPECT_NE(widened.out.find("/data"), std::string::npos);
  EXPECT_EQ(diff({wide_, narrow_}).code, 0);
}

TEST_F(DiffCommand, AcceptedChangesPass) {
  const std::string allow = dir_.write(
      "allow.yaml", "accepted:\n  - {path: /data, rights: [all], reason: jobs write there, expires: 2999-01-01}\n");
  EXPECT_EQ(diff({narrow_, wide_, "--allow", allow}).code, 0);
  const std::string expired =
      dir_.write("expired.yaml", "accepted:\n  - {path: /data, rights: [all], reason: r, expires: 2001-01-01}\n");
  const Ended stopped = diff({narrow_, wide_, "--allow", expired});
  EXPECT_EQ(stopped.code, 1);
  EXPECT_NE(stopped.out.find("expired on 2001-01-01"), std::string::npos);
}

TEST_F(DiffCommand, ComparesObjectsOnThisMachine) {
  ASSERT_EQ(::symlink(dir_.path().c_str(), dir_.at("link").c_str()), 0);
  const std::string by_name = file("name.yaml", "  read_only: [" + dir_.path() + "]\n");
  const std::string by_link = file("link.yaml", "  read_only: [" + dir_.at("link") + "]\n");
  EXPECT_EQ(diff({by_name, by_link, "--host", "real"}).code, 0);
  EXPECT_EQ(diff({by_name, by_link, "--as-written"}).code, 0) << "below the other as it is spelt: nothing is gained";
  EXPECT_EQ(diff({by_link, by_name, "--as-written"}).code, 1);
  EXPECT_NE(diff({by_link, by_name, "--host", "real"}).out.find("objects of this machine"), std::string::npos);
}

TEST_F(DiffCommand, ComparesSnapshots) {
  const auto snapshot = [&](const std::string& policy, const std::string& name) {
    return dir_.write(name,
                      testing::run_program({LOCKSTEP_CLI, "show", policy, "--format", "json", "--abi", "7"}, {}).out);
  };
  const std::string before = snapshot(narrow_, "before.json"), after = snapshot(wide_, "after.json");
  EXPECT_EQ(diff({before, after, "--snapshots"}).code, 1);
  EXPECT_EQ(diff({after, before, "--snapshots"}).code, 0);
  EXPECT_EQ(diff({before, before, "--snapshots"}).code, 0);
  for (const char* broken : {"", "{}", "[]", R"({"schema": "lockstep.show/2"})",
                             R"({"schema": "lockstep.show/1", "effective": {}})", "{\"schema\": 7"}) {
    const Ended ended = diff({dir_.write("broken.json", broken), before, "--snapshots"});
    EXPECT_EQ(ended.code, 2) << broken << ended.err;
    EXPECT_NE(ended.err.find("broken.json"), std::string::npos);
  }
  // A policy is no snapshot, and a truncated snapshot is none.
  EXPECT_EQ(diff({narrow_, before, "--snapshots"}).code, 2);
  const std::string half = dir_.read("before.json").substr(0, 300);
  EXPECT_EQ(diff({dir_.write("half.json", half), before, "--snapshots"}).code, 2);
}

TEST_F(DiffCommand, BadInputIsExitTwo) {
  const std::string broken = dir_.write("broken.yaml", "version: 1\nfilesystem_policy: {read_only: [usr]}\n");
  const Ended ended = diff({narrow_, broken});
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.err.find("broken.yaml:2"), std::string::npos);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {narrow_},
                                             {narrow_, wide_, narrow_},
                                             {narrow_, "/no/such/file"},
                                             {narrow_, wide_, "--format", "yaml"},
                                             {narrow_, wide_, "--hosts", "/no/such/dir"},
                                             {narrow_, wide_, "--hosts", dir_.path()},
                                             {narrow_, wide_, "--abi", "12"},
                                             {narrow_, wide_, "--allow", "/no/such/file"},
                                             {narrow_, wide_, "--verify", "--snapshots"},
                                             {narrow_, wide_, "--verify", "--host", "real"},
                                             {narrow_, wide_, "--verify", "--as-written"},
                                             {narrow_, wide_, "--verify=yes"},
                                             {narrow_, wide_, "--allow"},
                                             {"-", "-"}}) {
    const Ended bad = diff(arguments);
    EXPECT_EQ(bad.code, 2) << (arguments.empty() ? "" : arguments.back()) << bad.out << bad.err;
    EXPECT_FALSE(bad.err.empty());
  }
}

TEST_F(DiffCommand, EveryFormatIsWritten) {
  for (const char* format : {"text", "json", "markdown", "github", "sarif"}) {
    const Ended ended = diff({narrow_, wide_, "--format", format});
    EXPECT_EQ(ended.code, 1) << format;
    EXPECT_NE(ended.out.find("/data"), std::string::npos) << format;
  }
  EXPECT_EQ(diff({"--help"}).code, 0);
}

TEST_F(DiffCommand, FlagsNarrowWhatIsCompared) {
  const std::string proc = file("proc.yaml", "  read_only: [/usr, /proc]\n");
  const std::string nvidia = std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/hosts/nvidia-1.json",
                    none = std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/hosts/none.json";
  EXPECT_EQ(diff({narrow_, proc, "--host", none, "--proxy", "off"}).code, 1);
  EXPECT_EQ(diff({narrow_, proc, "--host", nvidia, "--proxy", "off"}).code, 0)
      << "the baseline adds /proc there, whatever is written";
  EXPECT_EQ(diff({narrow_, proc, "--host", nvidia, "--proxy", "off", "--gpu", "off"}).code, 1);
}

}  // namespace
}  // namespace lockstep::cli
