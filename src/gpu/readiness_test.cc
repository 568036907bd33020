#include "gpu/readiness.h"

#include <gtest/gtest.h>

#include <cerrno>

#include <lockstep/rights.h>

namespace lockstep::gpu {
namespace {

// A control node, two GPUs, a read that costs something, a socket that costs nothing, the two nodes of a MIG instance.
class Conclude : public testing::Test {
 protected:
  Conclude() {
    add("ctl", Operation::ioctl, "/dev/nvidiactl", Importance::fatal);
    add("gpu0", Operation::ioctl, "/dev/nvidia0", Importance::fatal, StepGroup::gpu);
    add("gpu1", Operation::ioctl, "/dev/nvidia1", Importance::fatal, StepGroup::gpu);
    add("read", Operation::open_r, "/proc/modules", Importance::degraded);
    add("socket", Operation::connect_unix, "/run/d/socket", Importance::harmless);
    add("comm", Operation::comm_open, "", Importance::fatal);
    steps_[3].optional = steps_[4].optional = true;
  }

  void add(const char* id, Operation operation, const char* path, Importance importance,
           StepGroup group = StepGroup::none) {
    Step step;
    step.id = id;
    step.operation = operation;
    step.path = path;
    step.importance = importance;
    step.group = group;
    step.breaks = "something";
    steps_.push_back(std::move(step));
    answers_.push_back({true, 0, 0, false, {}});
  }
  void deny(std::size_t i, AccessSet missing) { answers_[i] = {true, 0, EACCES, true, missing}; }
  ReadinessVerdict verdict(bool promoted = false) const { return conclude(steps_, answers_, promoted); }

  std::vector<Step> steps_;
  std::vector<StepAnswer> answers_;
};

TEST_F(Conclude, ReadyWhereEveryStepWorks) {
  EXPECT_EQ(verdict().is, Readiness::ready);
  EXPECT_EQ(verdict().why, "");
  EXPECT_TRUE(verdict().denied.empty());
}

TEST_F(Conclude, ASocketWhoseServerQuitIsAsGoodAsNone) {
  steps_[4].importance = Importance::degraded;
  answers_[4] = {true, ECONNREFUSED, ECONNREFUSED, false, {}};
  EXPECT_EQ(verdict().is, Readiness::ready);
  EXPECT_TRUE(verdict().denied.empty());
  answers_[4] = {true, EACCES, EACCES, false, {}};
  EXPECT_EQ(verdict().is, Readiness::degraded);
  // A file that answers so is another thing.
  answers_[3] = {true, ECONNREFUSED, ECONNREFUSED, false, {}};
  EXPECT_EQ(verdict().denied.size(), 2U);
}

TEST_F(Conclude, TheFirstFatalStepBlocksAndEveryOtherIsListedToo) {
  deny(4, Right::resolve_unix);
  deny(3, Right::read_file);
  deny(0, Right::ioctl_dev);
  deny(5, Right::write_file);
  const ReadinessVerdict got = verdict();
  EXPECT_EQ(got.is, Readiness::blocked);
  EXPECT_EQ(got.why, "ctl needs ioctl_dev on /dev/nvidiactl");
  ASSERT_EQ(got.denied.size(), 4U);
  EXPECT_EQ(got.denied[1].what, "read needs read_file on /proc/modules");
  EXPECT_EQ(got.denied[2].grant_path, "/run/d") << "a socket is granted by its directory";
  EXPECT_EQ(got.denied[3].grant_path, "/proc");
  EXPECT_EQ(got.denied[3].path, "/proc/<pid>/task/<tid>/comm");
}

TEST_F(Conclude, AHarmlessStepChangesNoWordAndADegradedOneDoes) {
  deny(4, Right::resolve_unix);
  EXPECT_EQ(verdict().is, Readiness::ready);
  EXPECT_EQ(verdict().denied.size(), 1U);
  deny(3, Right::read_file);
  EXPECT_EQ(verdict().is, Readiness::degraded);
}

TEST_F(Conclude, OneGpuOfTwoIsDegradedAndNoneIsBlocked) {
  deny(1, Right::write_file);
  EXPECT_EQ(verdict().is, Readiness::degraded);
  EXPECT_EQ(verdict().denied[0].importance, Importance::degraded);
  deny(2, Right::write_file);
  EXPECT_EQ(verdict().is, Readiness::blocked);
  EXPECT_EQ(verdict().denied[0].importance, Importance::fatal);
}

TEST_F(Conclude, AMigInstanceTakesTwoNodes) {
  add("cap12", Operation::open_r, "/dev/nvidia-caps/nvidia-cap12", Importance::fatal, StepGroup::mig);
  add("cap13", Operation::open_r, "/dev/nvidia-caps/nvidia-cap13", Importance::fatal, StepGroup::mig);
  EXPECT_EQ(verdict().is, Readiness::ready);
  deny(7, Right::read_file);
  EXPECT_EQ(verdict().is, Readiness::blocked);
  add("cap21", Operation::open_r, "/dev/nvidia-caps/nvidia-cap21", Importance::fatal, StepGroup::mig);
  EXPECT_EQ(verdict().is, Readiness::degraded) << "two of three work";
}

TEST_F(Conclude, WhatNobodyCouldTryIsUnknownAndNeverReady) {
  for (const std::size_t i : {0U, 3U, 5U}) {
    const StepAnswer before = answers_[i];
    answers_[i] = {};
    EXPECT_EQ(verdict().is, Readiness::unknown) << steps_[i].id;
    EXPECT_EQ(verdict().why.find(steps_[i].id + " could not be tried"), 0U) << verdict().why;
    answers_[i] = before;
  }
  answers_[4] = {};
  EXPECT_EQ(verdict().is, Readiness::ready) << "harmless either way";
  answers_[1] = {};
  EXPECT_EQ(verdict().is, Readiness::ready) << "the other GPU works";
  answers_[2] = {};
  EXPECT_EQ(verdict().is, Readiness::unknown);
  deny(5, Right::write_file);
  EXPECT_EQ(verdict().is, Readiness::blocked) << "whatever the others would have said";
}

TEST_F(Conclude, WhatFailsWithoutThePolicyIsElsewhere) {
  answers_[0] = {true, ENOENT, ENOENT, false, {}};
  deny(5, Right::write_file);
  const ReadinessVerdict got = verdict();
  EXPECT_EQ(got.is, Readiness::blocked_elsewhere);
  EXPECT_EQ(got.why,
            "ctl: a missing path (ENOENT) on /dev/nvidiactl; and by the policy: comm needs write_file on "
            "/proc/<pid>/task/<tid>/comm");
  EXPECT_TRUE(got.denied[0].elsewhere);
}

TEST_F(Conclude, ThePolicyIsNotBlamedForAPromotionThatWaitsForAGpu) {
  answers_[0] = {true, ENOENT, ENOENT, false, {}};
  deny(5, Right::write_file);
  const ReadinessVerdict got = verdict(true);
  EXPECT_EQ(got.is, Readiness::blocked_elsewhere);
  EXPECT_EQ(got.why, "ctl: a missing path (ENOENT) on /dev/nvidiactl");
  EXPECT_EQ(got.denied.size(), 1U);
  answers_[0] = {true, 0, 0, false, {}};
  EXPECT_EQ(verdict(true).is, Readiness::blocked) << "nothing is ready by an excuse";
}

TEST_F(Conclude, AnOptionalPathMayBeMissingAndNotDenied) {
  answers_[3] = {true, ENOENT, ENOENT, false, {}};
  EXPECT_EQ(verdict().is, Readiness::ready);
  deny(3, Right::read_file);
  EXPECT_EQ(verdict().is, Readiness::degraded);
}

}  // namespace
}  // namespace lockstep::gpu
