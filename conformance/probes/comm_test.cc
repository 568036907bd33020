// Which rules let a thread be named, by which kind of open: measured once by hand, held here against the
// running kernel.
#include <gtest/gtest.h>

#include <lockstep/rights.h>

#include "conformance/probes/testing.h"

namespace lockstep::conformance::probes {
namespace {

const AccessSet handled = all_rights;
const AccessSet write_only = Right::write_file;
const AccessSet read_write = access_read_only | Right::write_file;

wire::SlotCell run_comm(Mode mode, Target target, const std::function<void()>& restrict, const char* path = "") {
  SharedSlot slot(1);
  const Probe probe{Operation::comm_open, mode, Actor::self, target, false, path, "", -1};
  EXPECT_EQ(in_child([&] {
              restrict();
              run_probe(probe, &slot->cells[0]);
            }),
            42);
  return slot->cells[0];
}

struct Line {
  const char* name;
  bool restricted;
  AccessSet proc;  // granted on /proc
  int rdwr, wronly, trunc, setname;
};

class CommTest : public ::testing::TestWithParam<Line> {
 protected:
  static std::function<void()> restriction() {
    if (!GetParam().restricted) return [] {};
    return [] { restrict_to(handled, {{"/proc", GetParam().proc}}); };
  }
  static void check(Mode mode, Target target, int err) {
    const wire::SlotCell cell = run_comm(mode, target, restriction());
    EXPECT_EQ(cell.err, err) << name(mode);
    EXPECT_EQ(cell.after, err == 0 ? 1U : 0U) << name(mode);
  }
};

TEST_P(CommTest, AnotherThread) {
  check(Mode::rdwr, Target::other_thread, GetParam().rdwr);
  check(Mode::wronly, Target::other_thread, GetParam().wronly);
  check(Mode::trunc, Target::other_thread, GetParam().trunc);
  check(Mode::setname, Target::other_thread, GetParam().setname);
}

TEST_P(CommTest, TheSameThreadByTheProcesssNumber) {
  check(Mode::rdwr, Target::numeric, GetParam().rdwr);
}

TEST_P(CommTest, ItselfByFile) {
  check(Mode::wronly, Target::own, GetParam().wronly);
}

TEST_P(CommTest, ItselfByPrctlIsNeverRestricted) {
  check(Mode::prctl, Target::own, 0);
  check(Mode::setname, Target::own, 0);
}

INSTANTIATE_TEST_SUITE_P(Rules, CommTest,
                         ::testing::Values(Line{"None", false, {}, 0, 0, 0, 0},
                                           Line{"ProcRead", true, access_read_only, EACCES, EACCES, EACCES, EACCES},
                                           Line{"ProcReadAndWrite", true, read_write, 0, 0, EACCES, 0},
                                           Line{"ProcWriteOnly", true, write_only, EACCES, 0, EACCES, EACCES},
                                           Line{"ProcReadWriteAndTruncate", true, read_write | Right::truncate, 0, 0, 0,
                                                0}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Comm, ARuleOnOnesOwnTasksDoesNotReachAChild) {
  const auto own_tasks = [] { restrict_to(handled, {{"/proc", access_read_only}, {"/proc/self/task", read_write}}); };
  SharedSlot slot(2);
  const Probe probe{Operation::comm_open, Mode::rdwr, Actor::self, Target::other_thread, false, "", "", -1};
  EXPECT_EQ(in_child([&] {
              own_tasks();
              run_probe(probe, &slot->cells[0]);
              if (in_child([&] { run_probe(probe, &slot->cells[1]); }) != 42) ::_exit(1);
            }),
            42);
  EXPECT_EQ(slot->cells[0].err, 0);
  EXPECT_EQ(slot->cells[1].err, EACCES);
}

TEST(Comm, AnotherProcessOpensAndRefusesTheWrite) {
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/comm";
  const wire::SlotCell cell = run_comm(
      Mode::wronly, Target::other_process, [] {}, path.c_str());
  EXPECT_EQ(cell.err, EINVAL);
  EXPECT_EQ(cell.aux, static_cast<std::uint64_t>(EINVAL));
  EXPECT_EQ(cell.after, 0U);
}

TEST(Comm, ADeniedOpenIsToldFromADeniedWrite) {
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/comm";
  const wire::SlotCell cell = run_comm(
      Mode::wronly, Target::other_process,
      [] {
        restrict_to(handled, {{"/proc", access_read_only}});
      },
      path.c_str());
  EXPECT_EQ(cell.err, EACCES);
  EXPECT_EQ(cell.aux, 0U);
}

TEST(Comm, PutsTheOwnNameBack) {
  SharedSlot slot(1);
  const Probe probe{Operation::comm_open, Mode::rdwr, Actor::self, Target::own, false, "", "", -1};
  EXPECT_EQ(in_child([&] {
              ::prctl(PR_SET_NAME, "mine");
              run_probe(probe, &slot->cells[0]);
              char name[16];
              ::prctl(PR_GET_NAME, name);
              if (std::string(name) != "mine") ::_exit(1);
            }),
            42)
      << "an own name must be put back";
  EXPECT_EQ(slot->cells[0].after, 1U);
}

}  // namespace
}  // namespace lockstep::conformance::probes
