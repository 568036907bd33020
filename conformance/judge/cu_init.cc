#include "conformance/judge/cu_init.h"

#include "conformance/wire/cu_result.h"
#include "gpu/results.h"

namespace lockstep::conformance::judge {
namespace {

bool succeeded(const CuAnswer& answer) {
  return wire::cu_result(answer.cell).succeeded();
}
bool is_loaded(const CuAnswer& answer) {
  return wire::cu_result(answer.cell).outcome != wire::CuOutcome::not_loaded;
}

std::string describe_end(const wire::CuResult& end, const std::string& message) {
  const std::string value = std::to_string(end.result);
  switch (end.outcome) {
    case wire::CuOutcome::returned:
      return gpu::result_name(end.result);
    case wire::CuOutcome::not_loaded:
      return "libcuda.so.1 could not be loaded (" + message + ")";
    case wire::CuOutcome::signalled:
      return "killed by signal " + value;
    case wire::CuOutcome::exited:
      return "the process exited with " + value;
    case wire::CuOutcome::timed_out:
      return "timed out";
    case wire::CuOutcome::missing_symbol:
    case wire::CuOutcome::wrong_value:
      return message;
    default:
      return "nothing";
  }
}

}  // namespace

std::string describe(const CuAnswer& answer) {
  const wire::CuResult end = wire::cu_result(answer.cell);
  const bool by_itself =
      end.succeeded() || end.outcome == wire::CuOutcome::not_loaded || end.stage == wire::CuStage::init;
  return describe_end(end, answer.message) + (by_itself ? std::string() : std::string(" at ") + wire::name(end.stage));
}

CuVerdict judge_cu_init(const CuAnswer& control, const CuAnswer& restricted, const gpu::ReadinessVerdict& readiness,
                        Mode mode) {
  CuVerdict out;
  const bool loaded = is_loaded(control), loaded_restricted = is_loaded(restricted);
  const bool starts = readiness.is == gpu::Readiness::ready || readiness.is == gpu::Readiness::degraded;
  if (!loaded && !loaded_restricted)
    return {Verdict::skip, "libcuda.so.1 is not here (" + control.message + ")", false, false};

  const std::string answers = (mode == Mode::work ? "CUDA's work: " : "cuInit: ") + describe(control) +
                              " without the policy, " + describe(restricted) + " under it";
  const std::string says = "the compound probe says " + std::string(name(readiness.is)) +
                           (readiness.why.empty() ? "" : " (" + readiness.why + ")");
  out.why = answers;
  if (loaded && !loaded_restricted && starts) {
    out.blocks = true;
    out.verdict = succeeded(control) ? Verdict::agree : Verdict::not_comparable;
    return out;
  }
  if (!succeeded(control)) {
    out.verdict = succeeded(restricted) ? Verdict::disagree : Verdict::not_comparable;
    out.elsewhere = starts && !succeeded(restricted);
    return out;
  }
  const bool in_step = succeeded(restricted) ? starts : readiness.is == gpu::Readiness::blocked;
  out.verdict = in_step ? Verdict::agree : Verdict::disagree;
  if (!in_step) out.why = says + ", and " + answers;
  return out;
}

}  // namespace lockstep::conformance::judge
