// What lockstep refuses on its command line: one line, exit code 2 (exec: 125), in time, and nothing left behind.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "testing/run_program.h"

namespace lockstep::cli {
namespace {

using testing::Ended;
using testing::TemporaryDirectory;

struct BadFlags {
  std::vector<std::string> arguments;
  std::string where;  // FILE[:LINE]:, where a file is at fault
  std::string says;
};

class LockstepFlags : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::mkdir(dir_.at("folder").c_str(), 0777), 0);
    ASSERT_EQ(::mkfifo(dir_.at("fifo").c_str(), 0600), 0);
    ASSERT_EQ(::symlink("loop", dir_.at("loop").c_str()), 0);
    ASSERT_EQ(::symlink("/", dir_.at("root-link").c_str()), 0);
    p_ = dir_.write("p.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
    w_ = dir_.write("w.yaml", "version: 1\nfilesystem_policy: {include_workdir: true, read_only: [/usr]}\n");
    h_ = dir_.write("h.json",
                    R"({"schema": "lockstep.host/1", "gpu": "none", "present": ["/usr"], "kernel": {"abi": 7}})");
  }
  void expect_all_refused(const std::vector<BadFlags>& table, int code) {
    const std::vector<std::string> before = dir_.entries();
    for (const BadFlags& each : table) {
      std::vector<std::string> words = {LOCKSTEP_CLI};
      words.insert(words.end(), each.arguments.begin(), each.arguments.end());
      std::string said;
      for (const std::string& word : each.arguments) said += printable(word) + " ";
      SCOPED_TRACE(said);
      const Ended ended = testing::run_program(words, {});
      testing::expect_refused(ended, code, "lockstep", each.where);
      EXPECT_NE(ended.err.find(each.says), std::string::npos) << ended.err;
      EXPECT_EQ(dir_.entries(), before);
    }
  }

  TemporaryDirectory dir_;
  std::string p_, w_, h_;
};

TEST_F(LockstepFlags, BadFilesAreNamed) {
  expect_all_refused(
      {
          {{"show", dir_.at("folder")}, dir_.at("folder") + ": ", "directory"},
          {{"show", dir_.at("fifo")}, dir_.at("fifo") + ": ", "no regular file"},
          {{"show", dir_.at("loop")}, dir_.at("loop") + ": ", "ELOOP"},
          {{"show", "-"}, "-: ", "empty"},
          {{"show", p_ + "/"}, p_ + "/: ", "ENOTDIR"},
          {{"show", p_ + "\x1b[31m"}, "", "\\x1b"},
          {{"show", p_, "--host", dir_.at("folder")}, dir_.at("folder") + ": ", "directory"},
          {{"show", p_, "--host", dir_.at("fifo")}, dir_.at("fifo") + ": ", "no regular file"},
          {{"show", p_, "--host", dir_.at("loop")}, dir_.at("loop") + ": ", "ELOOP"},
          {{"show", p_, "--host", "-"}, "-: ", "empty"},
          {{"show", p_, "--conflicts", dir_.at("folder")}, dir_.at("folder") + ": ", "directory"},
          {{"show", p_, "--conflicts", dir_.at("fifo")}, dir_.at("fifo") + ": ", "no regular file"},
          {{"show", p_, "--conflicts", dir_.at("loop")}, dir_.at("loop") + ": ", "ELOOP"},
          {{"show", p_, "--conflicts", "/no/such"}, "/no/such: ", "does not exist (ENOENT)"},
          {{"host", "--host", "/no/such"}, "/no/such: ", "ENOENT"},
          {{"host", "--host", p_}, p_ + ":1: ", "this file is a policy, and a host file is needed"},
          {{"show", h_}, h_ + ":1: ", "this file is a host file, and a policy is needed"},
          {{"show", p_, "--conflicts", p_}, p_ + ":1: ", "this file is a policy"},
          {{"diff", p_, p_, "--allow", p_}, p_ + ":1: ", "this file is a policy"},
          {{"diff", h_, h_, "--snapshots"}, h_ + ":1: ", "this file is a host file"},
          {{"explain", dir_.at("fifo"), "open-r", "/usr"}, dir_.at("fifo") + ": ", "no regular file"},
          {{"explain", dir_.at("loop"), "open-r", "/usr"}, dir_.at("loop") + ": ", "ELOOP"},
      },
      2);
}

TEST_F(LockstepFlags, BadValuesAreRefused) {
  expect_all_refused(
      {
          {{"show", p_, "--host", h_, "--host", h_}, "", "--host is given twice"},
          {{"show", p_, "--abi", "1", "--abi=2"}, "", "--abi is given twice"},
          {{"show", p_, "--gpu", "on", "--gpu", "off"}, "", "--gpu is given twice"},
          {{"show", p_, "--workdir", "/a", "--workdir", "/b"}, "", "--workdir is given twice"},
          {{"show", p_, "--gpu="}, "", "--gpu takes"},
          {{"show", p_, "--gpu", "ON"}, "", "--gpu takes"},
          {{"show", p_, "--proxy="}, "", "--proxy takes"},
          {{"show", p_, "--source="}, "", "--source takes"},
          {{"show", p_, "--workdir="}, "", "--workdir takes"},
          {{"show", w_, "--workdir", "//"}, "", "work directory"},
          {{"show", w_, "--workdir", "/./"}, "", "work directory"},
          {{"show", w_, "--workdir", "/" + std::string(5000, 'a')}, "", "work directory"},
          {{"show", p_, "--abi=12"}, "", "from 1 to 11, the newest that is known here"},
          {{"show", p_, "--abi=x"}, "", "--abi takes"},
          {{"show", p_, "--abi=1-2"}, "", "--abi takes"},
          {{"show", p_, "--abi=+1"}, "", "--abi takes"},
          {{"show", p_, "--abi", " 1"}, "", "--abi takes"},
          {{"show", p_, "--format", "JSON"}, "", "--format takes"},
          {{"show", p_, "--allow-unsandboxed", "x"}, "", "unknown flag"},
          {{"show", p_, "-"}, "", ""},
          {{"host", "--abi"}, "", "needs a value"},
          {{"host", "--"}, "", "exec alone"},
          {{"explain", p_, "", "/usr"}, "", "no operation"},
          {{"explain", p_, "OPEN-R", "/usr"}, "", "no operation"},
          {{"explain", p_, "open-r\n", "/usr"}, "", "open-r\\x0a"},
          {{"explain", p_, "exchange", "/usr"}, "", "two paths"},
          {{"explain", p_, "stat", "/usr", "/usr"}, "", "one path"},
          {{"explain", p_, "stat", ""}, "", "absolute"},
          {{"explain", p_, "stat", "-"}, "", "absolute"},
          {{"explain", p_, "--abi", "0", "stat", "/usr"}, "", "--abi takes"},
          {{"explain", p_, "--format", "json", "stat", "/usr"}, "", "unknown flag"},
          {{"exce"}, "", "no subcommand is called exce; did you mean exec?"},
          {{"show", p_, "--fromat", "json"}, "", "unknown flag --fromat; did you mean --format?"},
          {{"show", p_, "--workdri", "/x"}, "", "did you mean --workdir?"},
          {{"show", p_, "--nosuch"}, "", "unknown flag --nosuch"},
          {{"--"}, "", "no subcommand"},
          {{"show\x01"}, "", "\\x01"},
      },
      2);
}

TEST_F(LockstepFlags, ExecRefusesWithItsOwnCode) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
  const auto writing = [&](const std::string& name, const std::string& path) {
    return dir_.write(
        name,
        "version: 1\nfilesystem_policy: {include_workdir: false, read_only: [/usr], read_write: [\"" + path + "\"]}\n");
  };
  const std::string by_link = writing("link.yaml", dir_.at("root-link"));
  const std::string by_proc = writing("proc.yaml", "/proc/self/root");
  const std::string by_name = writing("name.yaml", "/.");
  const std::string user = dir_.write(
      "u.yaml", "version: 1\nprocess: {run_as_user: no-such-user}\nfilesystem_policy: {read_only: [/usr]}\n");
  expect_all_refused(
      {
          {{"exec"}, "", "exec POLICY -- COMMAND"},
          {{"exec", p_}, "", "exec POLICY -- COMMAND"},
          {{"exec", p_, "--"}, "", "exec POLICY -- COMMAND"},
          {{"exec", "--", "true"}, "", "exec POLICY -- COMMAND"},
          {{"exec", p_, p_, "--", "true"}, "", "exec POLICY -- COMMAND"},
          {{"exec", p_, "--nosuch", "x", "--", "true"}, "", "unknown flag"},
          {{"exec", p_, "--abi", "0", "--", "true"}, "", "--abi takes"},
          {{"exec", p_, "--abi", "12", "--", "true"}, "", "--abi takes"},
          {{"exec", p_, "--format", "text", "--", "true"}, "", "unknown flag"},
          {{"exec", "/no/such", "--", "true"}, "/no/such: ", "ENOENT"},
          {{"exec", dir_.at("folder"), "--", "true"}, dir_.at("folder") + ": ", "directory"},
          {{"exec", dir_.at("fifo"), "--", "true"}, dir_.at("fifo") + ": ", "no regular file"},
          {{"exec", dir_.at("loop"), "--", "true"}, dir_.at("loop") + ": ", "ELOOP"},
          {{"exec", by_name, "--", "true"}, by_name + ":2: ", "root"},
          {{"exec", by_link, "--", "true"}, by_link + ":2: ", "root"},
          {{"exec", by_proc, "--", "true"}, by_proc + ":2: ", "root"},
          {{"exec", w_, "--workdir", dir_.at("root-link"), "--", "true"}, "", "root"},
          {{"exec", w_, "--workdir", "/", "--", "true"}, "", "work directory"},
          {{"exec", user, "--", "true"}, "", "no-such-user"},
      },
      125);
}

}  // namespace
}  // namespace lockstep::cli
