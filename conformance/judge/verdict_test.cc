// What a row comes to, from replies made here: nothing unknown is a pass.
#include "conformance/judge/verdict.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace lockstep::conformance::judge {
namespace {

// Two cells of a policy without rules: a listing of the root, which it denies, and a signal, which it does not.
class Judge : public testing::Test {
 protected:
  Judge() {
    wire::CellRequest listing, signal;
    listing.operation = Operation::opendir;
    listing.path = "/";
    signal.operation = Operation::signal;
    run_.cells.cells = {listing, signal};
    run_.cells.info.resize(2);
    model::RawWalk root{};
    model::read_walk("/", true, &root);
    for (wire::ChildReply* child : {&reply_.control, &reply_.restricted}) {
      child->outcome = wire::ChildOutcome::completed;
      child->canary_before = true;
      child->cells = {{wire::CellState::done, 0, 0, 0, 0}, {wire::CellState::done, 0, 0, 0, 0}};
    }
    reply_.control.canary_after = 0;
    reply_.control.first_walks = {root, {}};
    reply_.control.second_walks = {{}, {}};
    reply_.restricted.canary_after = EACCES;
    reply_.restricted.cells[0].err = EACCES;
  }

  RowVerdict verdict() const { return judge({&run_, 7, wire::IdentityKind::user}, reply_, {7, 0}); }

  CaseRun run_;
  wire::RowReply reply_;
};

TEST_F(Judge, AgreesWhereEveryWitnessDoes) {
  const RowVerdict got = verdict();
  EXPECT_EQ(got.outcome, RowOutcome::agree) << got.message;
  EXPECT_EQ(got.agreed, 2U);
}

TEST_F(Judge, AChildThatDidNotComeToItsEndIsNoPass) {
  for (const wire::ChildOutcome outcome :
       {wire::ChildOutcome::timed_out, wire::ChildOutcome::crashed, wire::ChildOutcome::leaked,
        wire::ChildOutcome::setup_failed, wire::ChildOutcome::harness_error})
    for (wire::ChildReply wire::RowReply::*child : {&wire::RowReply::control, &wire::RowReply::restricted}) {
      (reply_.*child).outcome = outcome;
      EXPECT_EQ(verdict().outcome, RowOutcome::error) << wire::name(outcome);
      (reply_.*child).outcome = wire::ChildOutcome::completed;
    }
  reply_.restricted.outcome = wire::ChildOutcome::skipped;
  EXPECT_EQ(verdict().outcome, RowOutcome::skip);
}

TEST_F(Judge, ACanaryThatProvesNothingIsNoPass) {
  reply_.restricted.canary_after = 0;
  EXPECT_EQ(verdict().outcome, RowOutcome::error);
  reply_.restricted.canary_after = EACCES;
  reply_.control.canary_after = EACCES;
  EXPECT_EQ(verdict().outcome, RowOutcome::error);
}

// Another process's entry: hidepid=4 says ENOENT of it until somebody privileged has looked it up, and EPERM from then on.
TEST_F(Judge, WhatProcfsHidesIsHiddenByEitherErrno) {
  wire::CellRequest& hidden = run_.cells.cells[1];
  hidden.operation = Operation::open_r;
  hidden.path = "/proc/1/comm";
  reply_.restricted.hidden = EPERM;
  reply_.restricted.canary_after = EPERM;
  const auto seen = [&](int control, int observed) {
    reply_.control.cells[1].err = control;
    reply_.restricted.cells[1].err = observed;
    return verdict().cells[1].verdict;
  };
  EXPECT_EQ(seen(ENOENT, EPERM), Verdict::not_comparable);
  EXPECT_EQ(seen(EPERM, ENOENT), Verdict::not_comparable);
  EXPECT_EQ(seen(0, EPERM), Verdict::agree);
  EXPECT_EQ(seen(0, ENOENT), Verdict::agree);
  for (const int control : {0, ENOENT, EPERM}) EXPECT_EQ(seen(control, 0), Verdict::disagree) << control;
  EXPECT_EQ(seen(0, EACCES), Verdict::disagree);
  reply_.restricted.hidden = 0;
  reply_.restricted.canary_after = EACCES;
  EXPECT_EQ(seen(ENOENT, EPERM), Verdict::disagree);
}

TEST_F(Judge, TheKernelAloneAgainstTheModelIsADisagreement) {
  reply_.restricted.cells[0].err = 0;
  const RowVerdict got = verdict();
  EXPECT_EQ(got.outcome, RowOutcome::disagree);
  EXPECT_EQ(got.cells[0].verdict, Verdict::disagree);
}

TEST_F(Judge, ACellThatNeitherCouldTryIsSkippedAndOneThatOneCouldIsAFinding) {
  reply_.control.cells[1].state = wire::CellState::unsupported;
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree);
  EXPECT_EQ(verdict().cells[1].decided.text(), "only the restricted child could try this");
  reply_.restricted.cells[1].state = wire::CellState::unsupported;
  const RowVerdict got = verdict();
  EXPECT_EQ(got.outcome, RowOutcome::agree);
  EXPECT_EQ(got.skipped, 1U);
  reply_.control.cells[1].state = wire::CellState::done;
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree);
}

// The signal agrees all the while: what the model says of other cells is not what a person claimed.
TEST_F(Judge, ARowOfWhichNoExpectationCouldBeTriedIsASkipAndNoPass) {
  run_.source.expectations.resize(2);
  run_.source.expectations[0].err = EACCES;
  run_.cells.info[0].expectations = {0};
  EXPECT_EQ(verdict().outcome, RowOutcome::agree);
  EXPECT_EQ(verdict().untried, 0U);
  for (wire::ChildReply* child : {&reply_.control, &reply_.restricted})
    child->cells[0] = {wire::CellState::unsupported, 0, 0, 0, 0};
  const RowVerdict got = verdict();
  EXPECT_EQ(got.outcome, RowOutcome::skip);
  EXPECT_EQ(got.message, "no expectation of this row could be tried: opendir /: neither child could try this here");
  EXPECT_EQ(got.agreed, 1U);
  EXPECT_EQ(got.untried, 1U);
  run_.cells.info[1].expectations = {1};  // one that can be: the row stands, and the other is counted
  EXPECT_EQ(verdict().outcome, RowOutcome::agree);
  EXPECT_EQ(verdict().untried, 1U);
  EXPECT_EQ(verdict().cells[0].expected, EACCES);
  run_.source.expectations[1].err = EPERM;
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree) << "an untried expectation hides no disagreement";
  run_.source.expectations[1] = {};
  for (Expectation& each : run_.source.expectations) each.identity = wire::IdentityKind::root;
  EXPECT_EQ(verdict().outcome, RowOutcome::agree) << "they are of other rows";
  EXPECT_EQ(verdict().untried, 0U);
}

TEST_F(Judge, ADeviceThatEvenRootMayNotMakeIsAnUntriedExpectation) {
  run_.cells.cells[0].operation = Operation::mknod_chr;
  run_.source.expectations.resize(1);
  run_.cells.info[0].expectations = {0};
  for (wire::ChildReply* child : {&reply_.control, &reply_.restricted})
    child->cells[0] = {wire::CellState::done, EPERM, 0, 1, 0};
  const RowVerdict as_root = judge({&run_, 7, wire::IdentityKind::root}, reply_, {7, 0});
  EXPECT_EQ(as_root.outcome, RowOutcome::skip);
  EXPECT_NE(as_root.message.find("no device can be made here"), std::string::npos) << as_root.message;
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree) << "of a user it is what is observed";
}

// The row has no cell of the start-up at all: whatever a case claims of it, nobody has seen it.
TEST_F(Judge, AClaimOfReadinessThatNobodyCouldTryIsASkipAndNoPass) {
  run_.source.context.host.gpu = GpuKind::nvidia;
  EXPECT_EQ(verdict().readiness.is, gpu::Readiness::unknown);
  EXPECT_EQ(verdict().outcome, RowOutcome::agree) << "nothing is claimed";
  for (const gpu::Readiness claimed : {gpu::Readiness::ready, gpu::Readiness::degraded, gpu::Readiness::blocked}) {
    run_.source.readiness = {{AbiSet::all(), claimed}};
    const RowVerdict got = verdict();
    EXPECT_EQ(got.outcome, RowOutcome::skip) << name(claimed);
    EXPECT_NE(got.message.find("could not be tried"), std::string::npos) << got.message;
  }
  reply_.restricted.cells[0].err = 0;
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree) << "a skip hides no disagreement";
}

TEST_F(Judge, AStepThatWasSkippedIsNotAStepThatWorked) {
  run_.source.context.host.gpu = GpuKind::wsl2;
  run_.cells.info[0].step = "node /dev/dxg";
  for (wire::ChildReply* child : {&reply_.control, &reply_.restricted})
    child->cells[0] = {wire::CellState::unsupported, 0, 0, 0, 0};
  EXPECT_EQ(verdict().readiness.is, gpu::Readiness::unknown);
  for (wire::ChildReply* child : {&reply_.control, &reply_.restricted})
    child->cells[0] = {wire::CellState::done, 0, 0, 0, 0};
  reply_.restricted.cells[0].err = EACCES;
  EXPECT_EQ(verdict().readiness.is, gpu::Readiness::blocked) << "one that is denied blocks, whatever is unknown";
}

TEST_F(Judge, ARefusalAgreesOnlyWhereItIsClaimedAndBothSayIt) {
  run_.source.refusal = "hard_requirement";
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree) << "claimed, and nobody refused";
  for (wire::ChildReply* child : {&reply_.control, &reply_.restricted}) {
    child->outcome = wire::ChildOutcome::refused;
    child->message = "p.yaml:3: hard_requirement needs every path of the policy";
  }
  EXPECT_EQ(verdict().outcome, RowOutcome::agree);
  reply_.restricted.message = "something else";
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree);
  run_.source.refusal.reset();
  EXPECT_EQ(verdict().outcome, RowOutcome::disagree) << "refused, and nobody claimed it";
}

TEST_F(Judge, AUsersOwnPolicyIsRefusedWhereBothChildrenAre) {
  run_.source.own_policy = true;
  reply_.restricted.outcome = wire::ChildOutcome::refused;
  reply_.restricted.message = "p.yaml:3: cannot be opened";
  const RowVerdict got = verdict();
  EXPECT_EQ(got.outcome, RowOutcome::disagree) << "to one of the two alone";
  EXPECT_NE(got.message.find("restricted child: refused: p.yaml:3"), std::string::npos) << got.message;
  reply_.control.outcome = wire::ChildOutcome::refused;
  reply_.control.message = reply_.restricted.message;
  EXPECT_EQ(verdict().outcome, RowOutcome::refused);
  EXPECT_EQ(verdict().message, "p.yaml:3: cannot be opened");
}

}  // namespace
}  // namespace lockstep::conformance::judge
