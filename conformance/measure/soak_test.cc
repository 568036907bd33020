// What must hold of a soak, on any kernel: held against the committed one and against a short one made now.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "syntax/json.h"
#include "testing/run_program.h"

namespace lockstep::conformance::measure {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;
// Returns how many rows had an entry replaced: the others claim nothing.
std::size_t expect_relations(const Json& soak) {
  EXPECT_EQ(soak.at("schema"), "lockstep.soak/1");
  EXPECT_GT(soak.at("rounds").get<int>(), 0);
  std::set<std::string> ways;
  std::size_t shown = 0;
  for (const Json& row : soak.at("rows")) {
    const std::string way = row.at("way"), pins = row.at("pins");
    SCOPED_TRACE(way + ", pins " + pins);
    EXPECT_TRUE(ways.insert(way + pins).second);
    shown += row.at("replaced").get<bool>() ? 1U : 0U;
    for (const auto& [actor, answer] : row.at("actors").entries()) {
      SCOPED_TRACE(actor);
      const bool worked = answer.at("before") == "allow", lost = !answer.at("failed_after_s").is_null();
      const bool by_entry = way == "comm-self-task";
      EXPECT_EQ(worked, way == "comm-read-write" || way == "comm-write-file" || way == "comm-write-file-truncate" ||
                            (by_entry && actor == "self"));
      // A rule on /proc is never lost; one on an entry is, once the entry is replaced, unless a descriptor pins it.
      EXPECT_EQ(lost, by_entry && pins == "closed" && actor == "self" && row.at("replaced").get<bool>());
    }
  }
  EXPECT_EQ(ways.size(), 7U);
  return shown;
}

TEST(Soak, TheCommittedOneHolds) {
  std::ifstream in(LOCKSTEP_SOURCE_DIR "/fixtures/observed/procfs-soak.json");
  const Json soak = Json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  EXPECT_GE(soak.at("seconds").get<double>(), 120);
  EXPECT_EQ(soak.at("means"), Json({"drop_caches", "cgroup", "lookups"}));
  EXPECT_EQ(expect_relations(soak), 7U) << "every row was shown";
}

// Opt-in, for it drops the whole machine's caches; without leave to do that it looks names up and shows nothing.
TEST(Soak, AShortOneHolds) {
  if (::geteuid() == 0 && std::getenv("LOCKSTEP_RECLAIM") == nullptr)
    GTEST_SKIP() << "opt-in: LOCKSTEP_RECLAIM=1 drops the machine's caches";
  TemporaryDirectory dir;
  const Ended ended =
      testing::run_program({LOCKSTEP_CONFORMANCE, "--soak", "3", "--soak-report", dir.at("soak.json")}, {});
  if (ended.code == 3 && !std::ifstream(dir.at("soak.json"))) GTEST_SKIP() << ended.err;
  const std::size_t shown = expect_relations(Json::parse(dir.read("soak.json")));
  EXPECT_EQ(ended.code, shown > 0 ? 0 : 3) << ended.out << ended.err;
  EXPECT_TRUE(::geteuid() == 0 || ended.out.find("not by drop_caches: EACCES") != std::string::npos) << ended.out;
}

}  // namespace
}  // namespace lockstep::conformance::measure
