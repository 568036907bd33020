#include "conformance/judge/cu_init.h"

#include <gtest/gtest.h>

#include "conformance/harness/cu_init.h"

namespace lockstep::conformance {
namespace {

CuAnswer answer(CuOutcome outcome, int value = 0) {
  CuAnswer out;
  out.cell.state = CellState::done;
  out.cell.aux = static_cast<std::uint64_t>(outcome);
  out.cell.ret = value;
  if (outcome == CuOutcome::not_loaded) out.message = "no such file";
  return out;
}

CuAnswer returned(int value) {
  return answer(CuOutcome::returned, value);
}

const CuAnswer missing = answer(CuOutcome::not_loaded);
const CuAnswer crashed = answer(CuOutcome::signalled, 11);

Verdict verdict(const CuAnswer& control, const CuAnswer& restricted, Readiness is) {
  return judge_cu_init(control, restricted, {is, "", {}}).verdict;
}

TEST(CuInitVerdict, EveryEndHasItsOwnWords) {
  EXPECT_EQ(describe(returned(0)), "CUDA_SUCCESS");
  EXPECT_EQ(describe(returned(100)), "CUDA_ERROR_NO_DEVICE (100)");
  EXPECT_EQ(describe(returned(304)), "CUDA_ERROR_OPERATING_SYSTEM (304)");
  EXPECT_EQ(describe(returned(801)), "CUDA_ERROR_NOT_SUPPORTED (801)");
  EXPECT_EQ(describe(returned(999)), "CUDA_ERROR_UNKNOWN (999)");
  EXPECT_EQ(describe(returned(3)), "CUDA error 3");
  EXPECT_EQ(describe(crashed), "killed by signal 11");
  EXPECT_EQ(describe(answer(CuOutcome::exited, 42)), "the process exited with 42");
  EXPECT_EQ(describe(answer(CuOutcome::timed_out)), "timed out");
  EXPECT_EQ(describe(missing), "libcuda.so.1 could not be loaded (no such file)");
}

TEST(CuInitVerdict, SuccessUnderThePolicyAgreesWithReadyAlone) {
  EXPECT_EQ(verdict(returned(0), returned(0), Readiness::ready), Verdict::agree);
  EXPECT_EQ(verdict(returned(0), returned(0), Readiness::degraded), Verdict::agree);
  EXPECT_EQ(verdict(returned(0), returned(0), Readiness::blocked), Verdict::disagree);
  EXPECT_EQ(verdict(returned(0), returned(0), Readiness::blocked_elsewhere), Verdict::disagree);
}

TEST(CuInitVerdict, AnyFailureUnderThePolicyAgreesWithBlockedAlone) {
  for (const CuAnswer& failure :
       {returned(304), returned(999), crashed, answer(CuOutcome::timed_out), answer(CuOutcome::exited, 42)}) {
    SCOPED_TRACE(describe(failure));
    EXPECT_EQ(verdict(returned(0), failure, Readiness::blocked), Verdict::agree);
    EXPECT_EQ(verdict(returned(0), failure, Readiness::ready), Verdict::disagree);
    EXPECT_EQ(verdict(returned(0), failure, Readiness::degraded), Verdict::disagree);
    EXPECT_EQ(verdict(returned(0), failure, Readiness::blocked_elsewhere), Verdict::disagree);
  }
}

TEST(CuInitVerdict, ADisagreementNamesBothWitnesses) {
  const CuVerdict verdict = judge_cu_init(returned(0), returned(304), {Readiness::ready, "", {}});
  EXPECT_EQ(verdict.why,
            "the compound probe says ready, and cuInit: CUDA_SUCCESS without the policy, "
            "CUDA_ERROR_OPERATING_SYSTEM (304) under it");
}

TEST(CuInitVerdict, AFailureWithoutThePolicyLeavesNothingToCompareButAFlip) {
  for (Readiness is : {Readiness::ready, Readiness::blocked, Readiness::blocked_elsewhere}) {
    EXPECT_EQ(verdict(returned(100), returned(100), is), Verdict::not_comparable);
    EXPECT_EQ(verdict(returned(100), returned(304), is), Verdict::not_comparable);
    EXPECT_EQ(verdict(crashed, crashed, is), Verdict::not_comparable);
    EXPECT_EQ(verdict(returned(100), returned(0), is), Verdict::disagree);
    EXPECT_EQ(verdict(missing, returned(0), is), Verdict::disagree);
  }
}

TEST(CuInitVerdict, AMissingLibraryIsASkipAndNeverAnAgreement) {
  for (Readiness is : {Readiness::ready, Readiness::blocked, Readiness::blocked_elsewhere}) {
    const CuVerdict verdict = judge_cu_init(missing, missing, {is, "", {}});
    EXPECT_EQ(verdict.verdict, Verdict::skip);
    EXPECT_EQ(verdict.why, "libcuda.so.1 is not here (no such file)");
    EXPECT_FALSE(verdict.blocks);
  }
}

TEST(CuInitVerdict, ALibraryThatThePolicyHidesBlocks) {
  for (const CuAnswer& control : {returned(0), returned(100)}) {
    EXPECT_TRUE(judge_cu_init(control, missing, {Readiness::ready, "", {}}).blocks);
    EXPECT_TRUE(judge_cu_init(control, missing, {Readiness::degraded, "", {}}).blocks);
    EXPECT_FALSE(judge_cu_init(control, missing, {Readiness::blocked, "comm", {}}).blocks);
  }
  EXPECT_EQ(verdict(returned(0), missing, Readiness::blocked), Verdict::agree);
  EXPECT_FALSE(judge_cu_init(returned(0), returned(304), {Readiness::ready, "", {}}).blocks);
}

}  // namespace
}  // namespace lockstep::conformance
