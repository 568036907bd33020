#include "model/read_walk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "operation/operation.h"
#include "testing/temporary_directory.h"

namespace lockstep::model {
namespace {

Walk walk_to(const std::string& path, bool follow = true) {
  RawWalk raw;
  read_walk(path.c_str(), follow, &raw);
  return to_walk(raw);
}

Object object_of(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
  return {st.st_dev, st.st_ino, file_type(st.st_mode)};
}

class ReadWalk : public ::testing::Test {
 protected:
  void SetUp() override {
    base_.write("d/f", "x");
    ASSERT_EQ(::symlink("d", base_.at("link").c_str()), 0);
    ASSERT_EQ(::symlink("nowhere", base_.at("dangling").c_str()), 0);
  }
  const testing::TemporaryDirectory base_{0700, std::filesystem::canonical(std::filesystem::temp_directory_path())};
};

TEST_F(ReadWalk, ListsTheObjectItsParentsAndTheRoot) {
  const Walk walk = walk_to(base_.at("d/f"));
  ASSERT_GE(walk.objects.size(), 4U);
  EXPECT_EQ(walk.objects[0], object_of(base_.at("d/f")));
  EXPECT_EQ(walk.objects[0].type, FileType::regular);
  EXPECT_EQ(walk.objects[1], object_of(base_.at("d")));
  EXPECT_EQ(walk.objects[2], object_of(base_.path()));
  EXPECT_EQ(walk.objects.back(), object_of("/"));
  EXPECT_TRUE(walk.objects.back().mount_root);
}

TEST_F(ReadWalk, GoesByTheObjectNotByItsSpelling) {
  EXPECT_EQ(walk_to(base_.at("link/../link/f")).objects, walk_to(base_.at("d/f")).objects);
  EXPECT_EQ(walk_to(base_.at("link"), false).objects[0].type, FileType::symlink);
  EXPECT_EQ(walk_to(base_.at("link"), true).objects[0], object_of(base_.at("d")));
}

TEST_F(ReadWalk, OfAMissingNameIsThatOfItsDirectory) {
  for (const char* name : {"d/new", "d/new/", "link/new"}) {
    const Walk walk = walk_to(base_.at(name));
    EXPECT_TRUE(walk.missing);
    ASSERT_FALSE(walk.objects.empty());
    EXPECT_EQ(walk.objects[0], object_of(base_.at("d")));
  }
  EXPECT_EQ(walk_to(base_.at("none/new")).error, ENOENT);
  EXPECT_EQ(walk_to(base_.at("d/f/new")).error, ENOTDIR);
}

TEST_F(ReadWalk, ADanglingLinkIsANameButLeadsNowhere) {
  EXPECT_EQ(walk_to(base_.at("dangling")).error, ENOENT);
  EXPECT_EQ(walk_to(base_.at("dangling"), false).objects[0].type, FileType::symlink);
}

TEST_F(ReadWalk, ADeletedObjectHasNoWalk) {
  const int fd = ::open(base_.at("d/f").c_str(), O_RDONLY | O_CLOEXEC);
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  EXPECT_EQ(walk_to(link).objects, walk_to(base_.at("d/f")).objects);
  ASSERT_EQ(::unlink(base_.at("d/f").c_str()), 0);
  EXPECT_NE(walk_to(link).error, 0);
  base_.write("d/f (deleted)", "another");  // what the kernel calls it now names something else
  EXPECT_EQ(walk_to(link).error, ESTALE);
  ::close(fd);
}

TEST_F(ReadWalk, APipeAndANamespaceAreExempt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_TRUE(walk_to("/proc/self/fd/" + std::to_string(ends[0])).exempt);
  EXPECT_TRUE(walk_to("/proc/self/ns/mnt").exempt);
  EXPECT_FALSE(walk_to(base_.path()).exempt);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(ReadWalk, ADeeperPathThanItHoldsIsAnError) {
  std::string deep = base_.path();
  for (int i = 0; i < RawWalk::max_links; ++i) deep += "/x";
  std::filesystem::create_directories(deep);
  EXPECT_EQ(walk_to(deep).error, E2BIG);
  EXPECT_TRUE(walk_to(deep).objects.empty());
}

// One after another by one reader, so that most find their directory known.
TEST_F(ReadWalk, AReaderSaysTheSameOfATreeOfItsOwn) {
  WalkReader reader;
  const auto expect_same = [&](const std::string& path) {
    for (const bool follow : {true, false}) {
      RawWalk raw;
      reader.read(path.c_str(), follow, &raw);
      const Walk one = to_walk(raw), other = walk_to(path, follow);
      EXPECT_EQ(one.objects, other.objects) << path;
      EXPECT_EQ(one.error, other.error) << path;
      EXPECT_EQ(one.missing, other.missing) << path;
      EXPECT_EQ(one.exempt, other.exempt) << path;
      for (std::size_t i = 0; i < one.objects.size() && i < other.objects.size(); ++i) {
        EXPECT_EQ(one.objects[i].type, other.objects[i].type) << path;
        EXPECT_EQ(one.objects[i].mount_root, other.objects[i].mount_root) << path;
      }
    }
  };
  ASSERT_EQ(::symlink("f", (base_.path() + "/d/to-f").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", (base_.path() + "/d/to-none").c_str()), 0);
  for (int round = 0; round < 2; ++round)
    for (const char* name : {"/d/f", "/d/new", "/d/to-f", "/d/to-none", "/d", "/link", "/link/f", "/link/new", "/d/.",
                             "/d/..", "/d/f/new", "/d//f", "/d/", "/none/new", "/dangling", ""})
      expect_same(base_.path() + name);
  for (const char* path : {"/", "/proc", "/proc/self/status", "/proc/self/fd", "/usr", "/tmp", "/new", "f", ""})
    expect_same(path);
}

TEST_F(ReadWalk, AReaderForgetsWhatItIsTold) {
  WalkReader reader;
  RawWalk raw;
  reader.read((base_.path() + "/d/f").c_str(), true, &raw);
  const Walk before = to_walk(raw);
  ASSERT_EQ(::rename((base_.path() + "/d").c_str(), (base_.path() + "/e").c_str()), 0);
  ASSERT_EQ(::mkdir((base_.path() + "/d").c_str(), 0700), 0);
  std::ofstream(base_.path() + "/d/f") << "another";
  reader.forget();
  reader.read((base_.path() + "/d/f").c_str(), true, &raw);
  EXPECT_EQ(to_walk(raw).objects, walk_to(base_.path() + "/d/f").objects);
  EXPECT_NE(to_walk(raw).objects[1], before.objects[1]);
}

TEST_F(ReadWalk, AReaderHoldsMoreDirectoriesThanItKnows) {
  WalkReader reader;
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 40; ++i) {
      const std::string directory = base_.path() + "/d/" + std::to_string(i);
      if (round == 0) {
        ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
      }
      RawWalk raw;
      reader.read((directory + "/new").c_str(), true, &raw);
      EXPECT_EQ(to_walk(raw).objects, walk_to(directory + "/new").objects);
    }
}

TEST(ToWalk, AWildCountIsAnError) {
  RawWalk raw{};
  raw.count = RawWalk::max_links + 1;
  EXPECT_NE(to_walk(raw).error, 0);
  raw.count = -1;
  EXPECT_NE(to_walk(raw).error, 0);
}

TEST(Operation, EveryNameReadsBack) {
  for (int i = 0; i < operation_count; ++i) {
    const auto operation = static_cast<Operation>(i);
    EXPECT_EQ(operation_from_name(name(operation)), operation);
  }
  for (Mode mode : {Mode::plain, Mode::before, Mode::own_server, Mode::sendto, Mode::rdwr, Mode::wronly, Mode::trunc,
                    Mode::setname, Mode::prctl})
    EXPECT_EQ(mode_from_name(name(mode)), mode);
  for (Actor actor : {Actor::self, Actor::thread, Actor::child, Actor::grandchild, Actor::exec, Actor::early_thread})
    EXPECT_EQ(actor_from_name(name(actor)), actor);
  EXPECT_EQ(name(Operation::comm_open), "comm-open");
  EXPECT_EQ(name(Operation::cu_init), "cu-init");
  EXPECT_EQ(name(Operation::connect_abstract), "connect-abstract");
  EXPECT_FALSE(operation_from_name("open").has_value());
}

// The witness is worth nothing where it copies from the one it checks.
TEST(Independence, TheModelIncludesNothingOfThePlanTheRulesetOrTheLibrarysMasks) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LOCKSTEP_SOURCE_DIR "/src/model")) {
    if (entry.path().filename().string().ends_with("_test.cc")) continue;
    ++files;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("#include")) continue;
      for (const char* banned : {"plan", "ruleset", "enforce", "landlock/abi", "landlock/uapi", "conformance"})
        EXPECT_EQ(line.find(banned), std::string::npos) << entry.path() << ": " << line;
    }
  }
  EXPECT_GE(files, 8);
}

}  // namespace
}  // namespace lockstep::model
