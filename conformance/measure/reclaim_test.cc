// What must hold of the ways to let CUDA name its threads once procfs entries were reclaimed: of the
// committed measurement, and, where asked for, of one made now.
#include "conformance/measure/reclaim.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "syntax/json.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::measure {
namespace {

// By hand. /proc itself is the file system's root, which is never reclaimed; anything below it is, unless it
// is pinned.
const std::map<std::pair<std::string, std::string>, std::string> must_be = {
    {{"comm-read-only", "none"}, "stays denied"},
    {{"comm-read-write", "none"}, "keeps working"},
    {{"comm-write-file", "none"}, "keeps working"},
    {{"comm-write-file-only", "none"}, "stays denied"},
    {{"comm-write-file-truncate", "none"}, "keeps working"},
    {{"comm-self-task", "kept"}, "keeps working"},
    {{"comm-self-task", "closed"}, "lost"},
};

// Returns how many rows were not achieved: they claim nothing.
std::size_t expect_relations(const Json& measured) {
  EXPECT_EQ(measured.at("schema"), "lockstep.reclaim/1");
  std::set<std::string> seen;
  std::size_t missed = 0;
  for (const Json& row : measured.at("rows")) {
    const std::string way = row.at("way"), pins = row.at("pins"), identity = row.at("identity");
    SCOPED_TRACE(way + ", pins " + pins + ", as " + identity);
    EXPECT_TRUE(seen.insert(way + pins + identity).second);
    const auto wanted = must_be.find({way, pins});
    if (wanted == must_be.end()) {
      ADD_FAILURE() << "nobody expects this row";
      continue;
    }
    const bool works_before = wanted->second != "stays denied";
    EXPECT_EQ(row.at("before"), works_before ? "allow" : "EACCES");
    if (row.at("outcome") == "not achieved") {
      EXPECT_EQ(row.at("after"), row.at("before"));
      ++missed;
      continue;
    }
    EXPECT_EQ(row.at("outcome"), wanted->second);
    EXPECT_EQ(row.at("after"), wanted->second == "keeps working" ? "allow" : "EACCES");
    EXPECT_EQ(row.at("entry_replaced"), pins != "kept") << "a pin holds the entry, and nothing else does";
    EXPECT_EQ(row.at("neighbour_replaced").get<bool>() || pins != "kept", true);
  }
  EXPECT_EQ(seen.size(), 2 * must_be.size());
  return missed;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

int run(const std::string& arguments) {
  const int status = std::system((LOCKSTEP_CONFORMANCE " " + arguments).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ProcfsReclaim, TheCommittedMeasurementHolds) {
  const Json measured = Json::parse(read_file(LOCKSTEP_SOURCE_DIR "/fixtures/observed/procfs-reclaim.json"));
  EXPECT_EQ(expect_relations(measured), 0U) << "a committed row must show something";
}

TEST(ProcfsReclaim, AMeasurementMadeNowHolds) {
  if (std::getenv("LOCKSTEP_RECLAIM") == nullptr)
    GTEST_SKIP() << "set LOCKSTEP_RECLAIM=1: it drops the dentry cache of the whole machine";
  const testing::TemporaryDirectory dir;
  const std::string path = dir.at("reclaim.json");
  const int code = run(std::string("--reclaim ") + path);
  const std::string text = read_file(path);
  if (code == 3) GTEST_SKIP() << "no Landlock, not root, or the kernel took no entry back: see above";
  ASSERT_EQ(code, 0);
  const std::size_t missed = expect_relations(Json::parse(text));
  if (missed > 0) GTEST_SKIP() << missed << " rows were not achieved";
}

TEST(ProcfsReclaim, AnOrdinaryUserIsToldWhatIsMissing) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    const auto rows = measure_reclaim({}, LOCKSTEP_SOURCE_DIR "/fixtures");
    ::_exit(!rows.ok() && rows.error().kind == ErrorKind::unsupported ? 42 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 42);
}

TEST(ProcfsReclaim, RunsAlone) {
  for (const char* other : {"--mutants", "--policy x.yaml", "--surface x.json", "--report x.json", "--gtest_filter=*"})
    EXPECT_EQ(run("--reclaim - " + std::string(other) + " 2>/dev/null"), 2) << other;
}

TEST(ProcfsReclaim, WhatWasNotAchievedSaysSoAndAChangedAnswerIsNeverHidden) {
  ReclaimRow row;
  EXPECT_STREQ(row.outcome(), "not achieved");
  row.neighbour_replaced = true;
  EXPECT_STREQ(row.outcome(), "not achieved") << "an unpinned entry itself must go";
  row.pins = Pins::kept;
  EXPECT_STREQ(row.outcome(), "keeps working");
  row = {};
  row.after = EACCES;
  EXPECT_STREQ(row.outcome(), "lost");
  row.before = EACCES;
  row.entry_replaced = true;
  EXPECT_STREQ(row.outcome(), "stays denied");
  row.after = 0;
  EXPECT_STREQ(row.outcome(), "changed");
  EXPECT_NE(render({ReclaimRow()}).find("skipped   1 rows: not achieved"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::conformance::measure
