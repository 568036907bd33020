#include "conformance/judge/cu_init.h"

#include <gtest/gtest.h>

#include "conformance/harness/cu_init.h"
#include "conformance/judge/row.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::judge {
namespace {

CuAnswer answer(wire::CuOutcome outcome, int value = 0, wire::CuStage stage = wire::CuStage::init) {
  CuAnswer out;
  out.cell.state = wire::CellState::done;
  wire::put({outcome, stage, value, 0, 0}, &out.cell);
  if (outcome == wire::CuOutcome::not_loaded) out.message = "no such file";
  return out;
}

CuAnswer returned(int value) {
  return answer(wire::CuOutcome::returned, value);
}

const CuAnswer missing = answer(wire::CuOutcome::not_loaded);
const CuAnswer crashed = answer(wire::CuOutcome::signalled, 11);

Verdict verdict(const CuAnswer& control, const CuAnswer& restricted, gpu::Readiness is) {
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
  EXPECT_EQ(describe(answer(wire::CuOutcome::exited, 42)), "the process exited with 42");
  EXPECT_EQ(describe(answer(wire::CuOutcome::timed_out)), "timed out");
  EXPECT_EQ(describe(missing), "libcuda.so.1 could not be loaded (no such file)");
}

TEST(CuInitVerdict, AFailureBehindCuInitSaysItsStage) {
  EXPECT_EQ(describe(answer(wire::CuOutcome::returned, 0, wire::CuStage::tear_down)), "CUDA_SUCCESS");
  EXPECT_EQ(describe(answer(wire::CuOutcome::returned, 221, wire::CuStage::module)),
            "CUDA_ERROR_JIT_COMPILER_NOT_FOUND (221) at module");
  EXPECT_EQ(describe(answer(wire::CuOutcome::signalled, 11, wire::CuStage::load)), "killed by signal 11 at load");
  EXPECT_EQ(describe(answer(wire::CuOutcome::timed_out, 0, wire::CuStage::launch)), "timed out at launch");
  CuAnswer wrong = answer(wire::CuOutcome::wrong_value, 7, wire::CuStage::compare);
  wrong.message = "out[7] is 1, not 2";
  EXPECT_EQ(describe(wrong), "out[7] is 1, not 2 at compare");
  CuAnswer missing_function = answer(wire::CuOutcome::missing_symbol, 0, wire::CuStage::context);
  missing_function.message = "no cuCtxSetCurrent in libcuda.so.1";
  EXPECT_EQ(describe(missing_function), "no cuCtxSetCurrent in libcuda.so.1 at context");
}

TEST(CuInitVerdict, WorkThatFailsUnderThePolicyAtAnyStageIsNotReady) {
  const CuAnswer done = answer(wire::CuOutcome::returned, 0, wire::CuStage::tear_down);
  const CuAnswer wrong = answer(wire::CuOutcome::wrong_value, 0, wire::CuStage::compare);
  const CuAnswer no_compiler = answer(wire::CuOutcome::returned, 221, wire::CuStage::module);
  for (const CuAnswer& failure : {wrong, no_compiler}) {
    EXPECT_EQ(judge_cu_init(done, failure, {gpu::Readiness::ready, "", {}}, Mode::work).verdict, Verdict::disagree);
    EXPECT_EQ(judge_cu_init(done, failure, {gpu::Readiness::blocked, "", {}}, Mode::work).verdict, Verdict::agree);
    EXPECT_EQ(judge_cu_init(failure, failure, {gpu::Readiness::ready, "", {}}, Mode::work).verdict,
              Verdict::not_comparable);
  }
  EXPECT_EQ(judge_cu_init(done, done, {gpu::Readiness::ready, "", {}}, Mode::work).verdict, Verdict::agree);
  EXPECT_EQ(judge_cu_init(done, no_compiler, {gpu::Readiness::blocked, "", {}}, Mode::work).why,
            "CUDA's work: CUDA_SUCCESS without the policy, CUDA_ERROR_JIT_COMPILER_NOT_FOUND (221) at module under it");
}

TEST(CuInitVerdict, SuccessUnderThePolicyAgreesWithReadyAlone) {
  EXPECT_EQ(verdict(returned(0), returned(0), gpu::Readiness::ready), Verdict::agree);
  EXPECT_EQ(verdict(returned(0), returned(0), gpu::Readiness::degraded), Verdict::agree);
  EXPECT_EQ(verdict(returned(0), returned(0), gpu::Readiness::blocked), Verdict::disagree);
  EXPECT_EQ(verdict(returned(0), returned(0), gpu::Readiness::blocked_elsewhere), Verdict::disagree);
}

TEST(CuInitVerdict, AnyFailureUnderThePolicyAgreesWithBlockedAlone) {
  for (const CuAnswer& failure : {returned(304), returned(999), crashed, answer(wire::CuOutcome::timed_out),
                                  answer(wire::CuOutcome::exited, 42)}) {
    SCOPED_TRACE(describe(failure));
    EXPECT_EQ(verdict(returned(0), failure, gpu::Readiness::blocked), Verdict::agree);
    EXPECT_EQ(verdict(returned(0), failure, gpu::Readiness::ready), Verdict::disagree);
    EXPECT_EQ(verdict(returned(0), failure, gpu::Readiness::degraded), Verdict::disagree);
    EXPECT_EQ(verdict(returned(0), failure, gpu::Readiness::blocked_elsewhere), Verdict::disagree);
  }
}

TEST(CuInitVerdict, ADisagreementNamesBothWitnesses) {
  const CuVerdict verdict = judge_cu_init(returned(0), returned(304), {gpu::Readiness::ready, "", {}});
  EXPECT_EQ(verdict.why,
            "the compound probe says ready, and cuInit: CUDA_SUCCESS without the policy, "
            "CUDA_ERROR_OPERATING_SYSTEM (304) under it");
}

TEST(CuInitVerdict, AFailureWithoutThePolicyLeavesNothingToCompareButAFlip) {
  for (gpu::Readiness is : {gpu::Readiness::ready, gpu::Readiness::blocked, gpu::Readiness::blocked_elsewhere}) {
    EXPECT_EQ(verdict(returned(100), returned(100), is), Verdict::not_comparable);
    EXPECT_EQ(verdict(returned(100), returned(304), is), Verdict::not_comparable);
    EXPECT_EQ(verdict(crashed, crashed, is), Verdict::not_comparable);
    EXPECT_EQ(verdict(returned(100), returned(0), is), Verdict::disagree);
    EXPECT_EQ(verdict(missing, returned(0), is), Verdict::disagree);
  }
}

TEST(CuInitVerdict, AFailureWithoutThePolicyIsNotReady) {
  for (const CuAnswer& control : {returned(100), crashed}) {
    EXPECT_TRUE(judge_cu_init(control, returned(304), {gpu::Readiness::ready, "", {}}).elsewhere);
    EXPECT_TRUE(judge_cu_init(control, control, {gpu::Readiness::degraded, "", {}}).elsewhere);
    EXPECT_FALSE(judge_cu_init(control, control, {gpu::Readiness::blocked, "comm", {}}).elsewhere)
        << "the policy blocks as well";
  }
  EXPECT_FALSE(judge_cu_init(returned(0), returned(304), {gpu::Readiness::ready, "", {}}).elsewhere);
  EXPECT_FALSE(judge_cu_init(missing, missing, {gpu::Readiness::ready, "", {}}).elsewhere);
}

TEST(CuInitVerdict, AMissingLibraryIsASkipAndNeverAnAgreement) {
  for (gpu::Readiness is : {gpu::Readiness::ready, gpu::Readiness::blocked, gpu::Readiness::blocked_elsewhere}) {
    const CuVerdict verdict = judge_cu_init(missing, missing, {is, "", {}});
    EXPECT_EQ(verdict.verdict, Verdict::skip);
    EXPECT_EQ(verdict.why, "libcuda.so.1 is not here (no such file)");
    EXPECT_FALSE(verdict.blocks);
  }
}

TEST(CuInitVerdict, ALibraryThatThePolicyHidesBlocks) {
  for (const CuAnswer& control : {returned(0), returned(100)}) {
    EXPECT_TRUE(judge_cu_init(control, missing, {gpu::Readiness::ready, "", {}}).blocks);
    EXPECT_TRUE(judge_cu_init(control, missing, {gpu::Readiness::degraded, "", {}}).blocks);
    EXPECT_FALSE(judge_cu_init(control, missing, {gpu::Readiness::blocked, "comm", {}}).blocks);
  }
  EXPECT_EQ(verdict(returned(0), missing, gpu::Readiness::blocked), Verdict::agree);
  EXPECT_FALSE(judge_cu_init(returned(0), returned(304), {gpu::Readiness::ready, "", {}}).blocks);
}

std::size_t cu_init_cells(const wire::RowRequest& request) {
  std::size_t out = 0;
  for (const wire::CellRequest& cell : request.cells) out += cell.operation == Operation::cu_init ? 1U : 0U;
  return out;
}

TEST(CuInitCell, IsPlannedOnceOnARealHostAloneWithTimeOfItsOwn) {
  Result<std::vector<Case>> cases = load_cases(LOCKSTEP_SOURCE_DIR "/fixtures");
  ASSERT_TRUE(cases.ok()) << cases.error().to_string();
  std::size_t real = 0;
  for (Case& each : *cases) {
    if (each.error) continue;
    SCOPED_TRACE(each.name);
    const Result<CaseRun> run = prepare_case(std::move(each));
    ASSERT_TRUE(run.ok());
    const Result<wire::RowRequest> request = make_request({&*run, 7, wire::IdentityKind::user}, Subject{});
    if (!request.ok()) continue;  // refused at this ABI
    const bool on_machine = run->source.context.host.real;
    EXPECT_EQ(cu_init_cells(*request), on_machine ? 1U : 0U);
    EXPECT_EQ(wire::time_for(*request), request->timeout_ms + (on_machine ? 30000U : 0U));
    real += on_machine ? 1U : 0U;
  }
  EXPECT_GT(real, 0U);
}

TEST(CuInitCell, TakesNoExpectation) {
  const testing::TemporaryDirectory dir;
  dir.write("p.yaml", "version: 1\n");
  dir.write("h.json", R"({"schema": "lockstep.host/1", "gpu": "none", "present": "real"})");
  const std::string file = dir.write(
      "c.json", R"({"schema": "lockstep.case/1", "name": "c", "why": "w", "policy": "p.yaml", "host": "h.json",
 "expect": [
  {"op": "cu-init", "path": "/", "result": "allow"}]})");
  const Result<Case> read = load_case(file, dir.path());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().to_string(), file + ":3: op: cu-init runs on real hosts by itself and takes no expectation");
}

}  // namespace
}  // namespace lockstep::conformance::judge
