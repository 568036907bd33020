#include "conformance/probes/survey.h"

#include <gtest/gtest.h>

#include <lockstep/rights.h>

#include "conformance/probes/testing.h"

namespace lockstep::conformance::probes {
namespace {

const AccessSet read_write = access_read_only | Right::write_file;

wire::SlotCell survey(
    const char* path, const std::function<void()>& restrict = [] {}) {
  SharedSlot slot(1);
  Probe probe{Operation::open_w, Mode::before, Actor::self, Target::own, true, path, "", -1};
  EXPECT_EQ(in_child([&] {
              probe.before_fd = open_before(probe);
              restrict();
              run_probe(probe, &slot->cells[0]);
              if (::waitpid(-1, nullptr, 0) >= 0 || errno != ECHILD) ::_exit(1);
            }),
            42)
      << "a child was left behind, or the survey did not come back";
  return slot->cells[0];
}

class SurveyTest : public ::testing::TestWithParam<const char*> {};

TEST_P(SurveyTest, CountsWhatOpensForWriting) {
  const wire::SlotCell cell = survey(GetParam());
  EXPECT_EQ(cell.state, 0U);
  EXPECT_EQ(cell.err, 0);
  EXPECT_GT(cell.ret, 0);
  EXPECT_GT(cell.aux, static_cast<std::uint64_t>(cell.ret));
}

TEST_P(SurveyTest, NothingOpensWhereWritingIsNotGranted) {
  const wire::SlotCell free = survey(GetParam());
  const wire::SlotCell cell = survey(GetParam(), [] { restrict_to(all_rights, {{"/proc", access_read_only}}); });
  EXPECT_EQ(cell.ret, 0);
  EXPECT_EQ(cell.aux, free.aux) << "the same names are tried";
}

TEST_P(SurveyTest, TheRightToWriteAloneOpensAsMuchAsAllRights) {
  const wire::SlotCell narrow = survey(GetParam(), [] {
    restrict_to(all_rights, {{"/proc", AccessSet(Right::write_file)}});
  });
  const wire::SlotCell wide = survey(GetParam(), [] { restrict_to(all_rights, {{"/proc", all_rights}}); });
  EXPECT_GT(narrow.ret, 0);
  EXPECT_EQ(narrow.ret, wide.ret);
  EXPECT_EQ(narrow.aux, wide.aux);
}

INSTANTIATE_TEST_SUITE_P(Procfs, SurveyTest, ::testing::Values("/proc/self", "/proc/$child", "/proc/sys"));

TEST(Survey, ARuleOnOnesOwnTasksIsNarrow) {
  const auto narrow = [] { restrict_to(all_rights, {{"/proc", access_read_only}, {"/proc/self/task", read_write}}); };
  const wire::SlotCell own = survey("/proc/self", narrow), child = survey("/proc/$child", narrow);
  const wire::SlotCell wide = survey("/proc/self", [] { restrict_to(all_rights, {{"/proc", read_write}}); });
  EXPECT_GT(own.ret, 0);
  EXPECT_LT(own.ret, wide.ret);
  EXPECT_EQ(child.ret, 0);
}

TEST(Survey, AChildHasTheEntriesOfItsParent) {
  const wire::SlotCell own = survey("/proc/self"), child = survey("/proc/$child");
  EXPECT_EQ(own.aux, child.aux);
  EXPECT_EQ(own.ret, child.ret);
}

TEST(Survey, FollowsNoSymbolicLinkAndCountsExactly) {
  const Scratch scratch;
  scratch.file("a");
  scratch.directory("below");
  scratch.file("below/b");
  scratch.file("below/c", 0444);
  ASSERT_EQ(::symlink("a", scratch.at("link").c_str()), 0);
  ASSERT_EQ(::symlink("below", scratch.at("linked").c_str()), 0);
  ASSERT_EQ(::mkfifo(scratch.at("fifo").c_str(), 0666), 0);
  const wire::SlotCell cell = survey(scratch.path().c_str());
  EXPECT_EQ(cell.aux, 3U);
  EXPECT_EQ(cell.ret, ::geteuid() == 0 ? 3 : 2);
}

TEST(Survey, WritesNothing) {
  const Scratch scratch;
  const std::string path = scratch.file("a");
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  EXPECT_EQ(survey(scratch.path().c_str()).ret, 1);
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_size, 16);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

TEST(Survey, TooDeepIsUnsupportedAndNotHalfACount) {
  const Scratch scratch;
  std::string name = "d";
  for (int i = 0; i < 10; ++i, name += "/d") scratch.directory(name);
  EXPECT_EQ(survey(scratch.path().c_str()).state, static_cast<std::uint32_t>(wire::CellState::unsupported));
}

TEST(Survey, WithoutItsListIsUnsupported) {
  wire::SlotCell cell{};
  run_probe({Operation::open_w, Mode::before, Actor::exec, Target::own, true, "/proc/self", "", -1}, &cell);
  EXPECT_EQ(cell.state, static_cast<std::uint32_t>(wire::CellState::unsupported));
}

TEST(Survey, SeveralListsAreKeptApart) {
  const Scratch one, two;
  one.file("a");
  two.file("b");
  two.file("c");
  SharedSlot slot(2);
  EXPECT_EQ(in_child([&] {
              Probe first{Operation::open_w, Mode::before, Actor::self, Target::own, true, one.path().c_str(), "", -1};
              Probe second{Operation::open_w, Mode::before, Actor::self, Target::own, true, two.path().c_str(), "", -1};
              first.before_fd = open_before(first);
              second.before_fd = open_before(second);
              run_probe(first, &slot->cells[0]);
              run_probe(second, &slot->cells[1]);
            }),
            42);
  EXPECT_EQ(slot->cells[0].aux, 1U);
  EXPECT_EQ(slot->cells[0].ret, 1);
  EXPECT_EQ(slot->cells[1].aux, 2U);
  EXPECT_EQ(slot->cells[1].ret, 2);
}

}  // namespace
}  // namespace lockstep::conformance::probes
