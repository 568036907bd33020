#include "conformance/report/write_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "testing/temporary_directory.h"

namespace lockstep::conformance::report {
namespace {

using lockstep::testing::TemporaryDirectory;

TEST(WriteFile, IsWholeAndReplacesWhatWasThere) {
  const TemporaryDirectory dir;
  dir.write("f", "a longer text than the new one");
  ASSERT_TRUE(write_file(dir.at("f"), "new").ok());
  EXPECT_EQ(dir.read("f"), "new");
  EXPECT_EQ(dir.entries(), std::vector<std::string>{dir.at("f")});
}

TEST(WriteFile, ALinkStaysALink) {
  const TemporaryDirectory dir;
  dir.write("f", "old");
  ASSERT_EQ(::symlink("f", dir.at("link").c_str()), 0);
  ASSERT_TRUE(write_file(dir.at("link"), "new").ok());
  EXPECT_EQ(dir.read("f"), "new");
}

// In a child, whose limit no other test has.
TEST(WriteFile, WhereTheFileGetsTooLongNothingIsLeft) {
  const TemporaryDirectory dir;
  dir.write("f", "old");
  const auto in_a_child = [&dir] {
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = 4096;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Result<void> written = write_file(dir.at("f"), std::string(1U << 16, 'x'));
    ::_exit(!written.ok() && written.error().err == EFBIG && written.error().kind == ErrorKind::system ? 7 : 1);
  };
  EXPECT_EXIT(in_a_child(), ::testing::ExitedWithCode(7), "");
  EXPECT_EQ(dir.read("f"), "old");
  EXPECT_EQ(dir.entries(), std::vector<std::string>{dir.at("f")});
}

TEST(WriteFile, PartsAreOneFileOnceAllAreThere) {
  const TemporaryDirectory dir;
  const auto parts = [&dir](const Sink& sink) -> Result<void> {
    LOCKSTEP_CHECK(sink("one, "));
    EXPECT_NE(::access(dir.at("f").c_str(), F_OK), 0);
    return sink("two");
  };
  ASSERT_TRUE(write_file(dir.at("f"), parts).ok());
  EXPECT_EQ(dir.read("f"), "one, two");
  EXPECT_EQ(dir.entries(), std::vector<std::string>{dir.at("f")});
}

TEST(WriteFile, WhereAPartFailsTheOldFileStays) {
  const TemporaryDirectory dir;
  dir.write("f", "old");
  const Result<void> written = write_file(dir.at("f"), [](const Sink& sink) -> Result<void> {
    LOCKSTEP_CHECK(sink("new"));
    return system_error(ENOSPC, "the next part");
  });
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().err, ENOSPC);
  EXPECT_EQ(dir.read("f"), "old");
  EXPECT_EQ(dir.entries(), std::vector<std::string>{dir.at("f")});
}

TEST(WriteFile, ASignalBetweenTwoPartsEndsTheProcessAndLeavesNothing) {
  const TemporaryDirectory dir;
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    const auto in_a_child = [&] {
      ::signal(number, SIG_DFL);
      const Result<void> written = write_file(dir.at("f"), [&](const Sink& sink) -> Result<void> {
        LOCKSTEP_CHECK(sink("one, "));
        ::raise(number);
        return sink("two");
      });
      ::_exit(written.ok() ? 0 : 1);
    };
    EXPECT_EXIT(in_a_child(), ::testing::KilledBySignal(number), "");
    EXPECT_TRUE(dir.entries().empty()) << number;
  }
}

TEST(WriteFile, WhereTheNameCannotBeHadNothingIsLeft) {
  const TemporaryDirectory dir;
  EXPECT_FALSE(write_file(dir.at("none/f"), "x").ok());
  ASSERT_EQ(::mkdir(dir.at("folder").c_str(), 0700), 0);
  EXPECT_FALSE(write_file(dir.at("folder"), "x").ok());
  const Result<void> full = write_file("/dev/full", "x");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().err, ENOSPC);
  EXPECT_EQ(dir.entries(), std::vector<std::string>{dir.at("folder")});
}

}  // namespace
}  // namespace lockstep::conformance::report
