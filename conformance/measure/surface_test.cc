// What must hold of the ways to let CUDA name its threads, on any kernel: held against the committed
// measurement and against one made now. The counts themselves are the machine's.
#include "conformance/measure/surface.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "syntax/json.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::measure {
namespace {

const std::string read_only = "comm-read-only", read_write = "comm-read-write", write_added = "comm-write-file",
                  truncating = "comm-write-file-truncate", write_only = "comm-write-file-only",
                  self_task = "comm-self-task";

class Surface {
 public:
  explicit Surface(Json json) : json_(std::move(json)) {}

  Json row(const std::string& way, const std::string& identity) const {
    for (const Json& row : json_.at("rows"))
      if (row.at("way") == way && row.at("identity") == identity) return row;
    ADD_FAILURE() << "no row " << way << " as " << identity;
    return {};
  }
  Json opened(const std::string& way, const std::string& identity, const std::string& directory) const {
    return row(way, identity).at("opened").at(directory);
  }
  int plan_abi() const { return json_.at("plan_abi"); }
  std::set<std::string> identities() const {
    std::set<std::string> out;
    for (const Json& row : json_.at("rows")) out.insert(row.at("identity"));
    return out;
  }

 private:
  Json json_;
};

void expect_naming(const Surface& surface, const std::string& way, const std::string& identity,
                   const std::vector<std::string>& answers) {
  const Json naming = surface.row(way, identity).at("naming");
  const char* who[] = {"own-thread", "own-thread-write-only", "own-thread-truncating", "in-child",
                       "in-program", "other-process"};
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(naming.at(who[i]), answers[i]) << way << " as " << identity << ": " << who[i];
}

// `directories`: those whose entries cannot change between two rows of one measurement.
void expect_invariants(const Surface& surface, const std::vector<std::string>& directories) {
  ASSERT_FALSE(surface.identities().empty());
  for (const std::string& identity : surface.identities()) {
    SCOPED_TRACE(identity);
    // From ABI 3 on opening with O_TRUNC, as drivers do, is a right of its own.
    const std::string truncated = surface.plan_abi() < 3 ? "allow" : "EACCES";
    expect_naming(surface, "none", identity, {"allow", "allow", "allow", "allow", "allow", "EINVAL"});
    expect_naming(surface, read_only, identity, {"EACCES", "EACCES", "EACCES", "EACCES", "EACCES", "EACCES"});
    expect_naming(surface, read_write, identity, {"allow", "allow", "allow", "allow", "allow", "EINVAL"});
    expect_naming(surface, write_added, identity, {"allow", "allow", truncated, "allow", "allow", "EINVAL"});
    expect_naming(surface, truncating, identity, {"allow", "allow", "allow", "allow", "allow", "EINVAL"});
    expect_naming(surface, write_only, identity, {"EACCES", "allow", truncated, "EACCES", "EACCES", "EINVAL"});
    expect_naming(surface, self_task, identity, {"allow", "allow", "allow", "EACCES", "EACCES", "EACCES"});
    for (const std::string& directory : directories) {
      SCOPED_TRACE(directory);
      const Json wide = surface.opened(read_write, identity, directory);
      ASSERT_TRUE(wide.is_object());
      // Procfs has nothing to create or remove: fewer rights, the same files.
      EXPECT_EQ(surface.opened(write_added, identity, directory), wide);
      EXPECT_EQ(surface.opened(write_only, identity, directory), wide);
      EXPECT_EQ(surface.opened(truncating, identity, directory), wide);
      EXPECT_EQ(surface.opened("none", identity, directory), wide);
      EXPECT_EQ(surface.opened(read_only, identity, directory).at("opened"), 0);
      EXPECT_EQ(surface.opened(read_only, identity, directory).at("tried"), wide.at("tried"));
      if (directory != "/proc/self") {
        EXPECT_EQ(surface.opened(self_task, identity, directory).at("opened"), 0);
      }
    }
    const auto own = surface.opened(self_task, identity, "/proc/self").at("opened").get<long>();
    EXPECT_GT(own, 0);
    EXPECT_LT(own, surface.opened(read_write, identity, "/proc/self").at("opened").get<long>());
  }
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ProcfsSurface, TheCommittedMeasurementHolds) {
  const Surface surface(Json::parse(read_file(LOCKSTEP_SOURCE_DIR "/fixtures/observed/procfs-surface.json")));
  EXPECT_EQ(surface.identities(), (std::set<std::string>{"user", "container-root", "root"}));
  expect_invariants(surface, {"/proc/self", "/proc/$child", "/proc/1", "/proc/sys"});
}

TEST(ProcfsSurface, AMeasurementMadeNowHolds) {
  const testing::TemporaryDirectory dir;
  const std::string path = dir.at("surface.json");
  const int status = std::system((std::string(LOCKSTEP_CONFORMANCE) + " --surface " + path).c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  const std::string text = read_file(path);
  if (code == 3) GTEST_SKIP() << "no Landlock here";
  ASSERT_EQ(code, 0);
  const Surface surface(Json::parse(text));
  // Not /proc/1: its threads are not ours, and may come and go.
  expect_invariants(surface, {"/proc/self", "/proc/$child", "/proc/sys"});
}

}  // namespace
}  // namespace lockstep::conformance::measure
