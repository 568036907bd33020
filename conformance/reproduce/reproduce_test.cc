// The program that --reproduce prints, compiled as its own comment says and run, against what the suite's
// report says of the same row: every cell, control and restricted.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>

#include "syntax/json.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::reproduce {
namespace {

using Answers = std::map<std::string, std::pair<std::string, std::string>>;  // cell -> control, restricted

constexpr uid_t nobody = 65534;

std::string trimmed(const std::string& text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

// As conformance::cell_name(), from the report: the two are written apart, so that a change of either shows.
std::string cell_name(const Json& cell) {
  std::string out = cell.at("op");
  if (cell.contains("mode")) out += " " + std::string(cell["mode"]);
  if (cell.at("op") == "comm-open") {
    out += " " + std::string(cell.at("target"));
  } else {
    out += " " + std::string(cell.at("path"));
    if (cell.contains("path2")) out += " " + std::string(cell["path2"]);
  }
  if (cell.at("actor") != "self") out += " by " + std::string(cell["actor"]);
  return out;
}

Answers reported(const Json& row) {
  Answers out;
  for (const Json& cell : row.at("cells"))
    if (cell.at("op") != "survey" && cell.at("op") != "cu-init" && cell.at("op") != "signal")
      out[cell_name(cell)] = {cell.at("control"), cell.at("observed")};
  return out;
}

// "CONTROL   RESTRICTED   CELL" in columns; a line that starts with # is a remark.
Answers printed(const std::string& text) {
  Answers out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line.size() < 27) {
      ADD_FAILURE() << "not a line of three columns: " << line;
      continue;
    }
    const std::string cell = line.substr(26);
    EXPECT_EQ(out.count(cell), 0U) << "printed twice: " << cell;
    out[cell] = {trimmed(line.substr(0, 14)), trimmed(line.substr(14, 12))};
  }
  return out;
}

class Reproduce : public ::testing::Test {
 protected:
  void SetUp() override {
    // Everything the commands write is here: what is left in `tmp` afterwards, they left behind.
    ASSERT_EQ(::mkdir(dir_.at("tmp").c_str(), 0777), 0);
    ASSERT_EQ(::chmod(dir_.at("tmp").c_str(), 0777), 0);
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
    abi_ = std::min(kernel->abi, newest_abi);
  }
  void TearDown() override { EXPECT_EQ(::rmdir(dir_.at("tmp").c_str()), 0) << "something was left behind: " << errno; }

  // Runs it as `as_` with stdout and stderr to dir_/out and dir_/err. 126: it cannot be executed as that
  // user.
  int run(std::vector<std::string> words) const {
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    for (const char* name : {"out", "err"}) ::unlink(dir_.at(name).c_str());
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (as_ != ::geteuid() &&
          (::setgroups(0, nullptr) != 0 || ::setresgid(as_, as_, as_) != 0 || ::setresuid(as_, as_, as_) != 0))
        ::_exit(125);
      const int out = ::open(dir_.at("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
      const int err = ::open(dir_.at("err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
      ::setenv("TMPDIR", dir_.at("tmp").c_str(), 1);
      if (out < 0 || err < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(125);
      ::execv(argv[0], argv.data());
      ::_exit(126);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string said() const { return dir_.read("out"); }
  std::string complained() const { return dir_.read("err"); }

  // The program of a row, compiled: its path, or empty.
  std::string compiled(const std::string& row, bool is_static = true) const {
    const std::string source = dir_.at("row.c"), program = dir_.at("row");
    ::unlink(program.c_str());
    EXPECT_EQ(run({LOCKSTEP_CONFORMANCE, "--reproduce", row}), 0) << complained();
    EXPECT_EQ(::rename(dir_.at("out").c_str(), source.c_str()), 0);
    std::vector<std::string> words = {LOCKSTEP_CC, "-Wall", "-Wextra", "-Werror", "-pthread", source, "-o", program};
    if (is_static) words.emplace_back("-static");
    if (const int code = run(words); code != 0) {
      ADD_FAILURE() << row << " does not compile, " << code << ": " << complained();
      return {};
    }
    return program;
  }

  // What the suite itself says of the rows, by name. Empty and a skip where it cannot be run as this user.
  std::map<std::string, Json> report(const std::vector<std::string>& rows) const {
    std::string filter;
    for (const std::string& row : rows) filter += (filter.empty() ? "" : ":") + row;
    const int code = run({LOCKSTEP_CONFORMANCE, "--report", dir_.at("report.json"), "--gtest_filter=" + filter});
    std::map<std::string, Json> out;
    if (code == 126) return out;
    EXPECT_TRUE(code == 0 || code == 3) << complained() << said();  // 3: every row was skipped
    const Json json = Json::parse_or_null(dir_.read("report.json"));
    if (!json.is_object()) {
      ADD_FAILURE() << "no report";
      return out;
    }
    for (const Json& row : json.at("rows")) out[row.at("row")] = row;
    return out;
  }

  void expect_same_answers(const std::vector<std::string>& rows) const {
    const std::map<std::string, Json> suite = report(rows);
    if (suite.empty()) GTEST_SKIP() << "no-access: uid " << as_ << " cannot execute what was built";
    std::string skipped;
    for (const std::string& row : rows) {
      ASSERT_EQ(suite.count(row), 1U) << row;
      if (suite.at(row).at("outcome") == "skip") {
        skipped += " " + row + ": " + std::string(suite.at(row).at("message"));
        continue;
      }
      const Answers expected = reported(suite.at(row));
      const std::string program = compiled(row);
      ASSERT_FALSE(program.empty());
      ASSERT_EQ(run({program}), 0) << row << ": " << complained();
      const Answers shown = printed(said());
      std::size_t denied = 0;
      for (const auto& [cell, answers] : expected) {
        const auto found = shown.find(cell);
        if (found == shown.end()) {
          ADD_FAILURE() << row << ": the program leaves out " << cell;
          continue;
        }
        EXPECT_EQ(found->second, answers) << row << ": " << cell;
        denied += answers.first == "allow" && answers.second != "allow" ? 1 : 0;
      }
      EXPECT_EQ(shown.size(), expected.size()) << row << ": the program has cells that the row has not";
      EXPECT_GT(denied, 10U) << row << " restricts hardly anything: a poor choice for this test";
    }
    if (!skipped.empty()) GTEST_SKIP() << "no-namespace:" << skipped;
  }

  std::string row(const std::string& name, int abi, const std::string& identity) const {
    return name + ".abi" + std::to_string(std::min(abi, abi_)) + "/" + (as_ == 0 ? identity : "self");
  }
  // One of each kind: a simulated GPU host, rights one by one, this machine, refer, comm.
  std::vector<std::string> rows_of_each_kind() const {
    std::vector<std::string> rows = {row("gpu_enrichment_without_network_policy_promotes_proc", abi_, "container_root"),
                                     row("rights_of_truncation", abi_, "user"),
                                     row("rights_of_making_devices", 1, "container_root"),
                                     row("default_policy_on_this_machine", abi_, "user"),
                                     row("refer_needs_both_directories", 2, "user"),
                                     row("refer_needs_both_directories", 1, "user"),
                                     row("comm_with_self_task", abi_, "user"),
                                     row("comm_with_self_task", 2, "root")};
    std::sort(rows.begin(), rows.end());  // an ordinary user has one identity: rows may be the same
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return rows;
  }

  uid_t as_ = ::geteuid();
  int abi_ = 0;
  const testing::TemporaryDirectory dir_{0777};
};

TEST_F(Reproduce, ShowsTheSuitesOwnAnswers) {
  expect_same_answers(rows_of_each_kind());
}

TEST_F(Reproduce, ShowsThemToAnOrdinaryUserToo) {
  if (as_ != 0) GTEST_SKIP() << "needs-root: only root can become another user, and this one has just been tested";
  as_ = nobody;
  expect_same_answers(rows_of_each_kind());
}

TEST_F(Reproduce, WhatTheProgramDoesNotKnowIsLeftOut) {
  ASSERT_EQ(run({LOCKSTEP_CONFORMANCE, "--reproduce", row("threads_from_before_stay_free", abi_, "user")}), 0)
      << complained();
  EXPECT_EQ(said().find("early-thread"), std::string::npos) << "no actor of the program has these cells";
  EXPECT_NE(said().find("/outside/late"), std::string::npos);
}

TEST_F(Reproduce, ANameSelectsCells) {
  const std::string name = row("rights_of_opening", 1, "user");
  const std::string program = compiled(name);
  ASSERT_FALSE(program.empty());
  const int code = run({program, "open-rw /"});
  if (code == 3) GTEST_SKIP() << "no-namespace: " << complained();
  ASSERT_EQ(code, 0) << complained();
  const Answers some = printed(said());
  EXPECT_GT(some.size(), 1U);
  for (const auto& [cell, answers] : some) EXPECT_NE(cell.find("open-rw /"), std::string::npos) << cell;
  ASSERT_EQ(run({program}), 0) << complained();
  const Answers all = printed(said());
  EXPECT_GT(all.size(), 2 * some.size());
  for (const auto& [cell, answers] : some) EXPECT_EQ(all.at(cell), answers) << cell;
  EXPECT_EQ(run({program, "no such cell"}), 2);
  EXPECT_NE(complained().find("no such cell"), std::string::npos);
}

// A program with a loader does not find it in a simulated root: that is said, and nothing else changes.
TEST_F(Reproduce, WithoutStaticTheExecActorIsLeftOutAndSaidSo) {
  const std::string name = row("rights_of_opening", abi_, "user");
  const std::map<std::string, Json> suite = report({name});
  ASSERT_EQ(suite.count(name), 1U);
  if (suite.at(name).at("outcome") == "skip") GTEST_SKIP() << "no-namespace: " << suite.at(name).at("message");
  const std::string program = compiled(name, false);
  ASSERT_FALSE(program.empty());
  ASSERT_EQ(run({program}), 0) << complained();
  const Answers shown = printed(said());
  std::size_t left_out = 0;
  for (const auto& [cell, answers] : reported(suite.at(name))) {
    if (cell.find(" by exec") == std::string::npos) {
      ASSERT_EQ(shown.count(cell), 1U) << cell;
      EXPECT_EQ(shown.at(cell), answers) << cell;
      continue;
    }
    const auto found = shown.find(cell + "  (exec actor: build with -static)");
    ASSERT_NE(found, shown.end()) << cell;
    EXPECT_EQ(found->second, std::make_pair(std::string("?"), std::string("?"))) << cell;
    ++left_out;
  }
  EXPECT_GT(left_out, 0U);
}

TEST_F(Reproduce, ARowThatDoesNotExistIsBadInput) {
  EXPECT_EQ(run({LOCKSTEP_CONFORMANCE, "--reproduce", "no_such_case.abi1/user"}), 2);
  EXPECT_NE(complained().find("no_such_case.abi1/user"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::conformance::reproduce
