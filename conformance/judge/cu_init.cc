#include "conformance/judge/cu_init.h"

#include "conformance/harness/cu_init.h"

namespace lockstep::conformance {
namespace {

// The results that are known to tell one cause from another (facts of the driver's public header).
struct Named {
  std::int64_t value;
  const char* name;
};
constexpr Named results[] = {{0, "CUDA_SUCCESS"},
                             {100, "CUDA_ERROR_NO_DEVICE (100)"},
                             {304, "CUDA_ERROR_OPERATING_SYSTEM (304)"},
                             {801, "CUDA_ERROR_NOT_SUPPORTED (801)"},
                             {999, "CUDA_ERROR_UNKNOWN (999)"}};

bool is(const CuAnswer& answer, CuOutcome outcome) {
  return answer.cell.aux == static_cast<std::uint64_t>(outcome);
}
bool succeeded(const CuAnswer& answer) {
  return is(answer, CuOutcome::returned) && answer.cell.ret == 0;
}

}  // namespace

std::string describe(const CuAnswer& answer) {
  const std::string value = std::to_string(answer.cell.ret);
  switch (static_cast<CuOutcome>(answer.cell.aux)) {
    case CuOutcome::returned:
      for (const Named& each : results)
        if (each.value == answer.cell.ret) return each.name;
      return "CUDA error " + value;
    case CuOutcome::not_loaded:
      return "libcuda.so.1 could not be loaded (" + answer.message + ")";
    case CuOutcome::signalled:
      return "killed by signal " + value;
    case CuOutcome::exited:
      return "the process exited with " + value;
    case CuOutcome::timed_out:
      return "timed out";
    default:
      return "nothing";
  }
}

CuVerdict judge_cu_init(const CuAnswer& control, const CuAnswer& restricted,
                        const ReadinessVerdict& readiness) {
  CuVerdict out;
  const bool loaded = !is(control, CuOutcome::not_loaded);
  const bool loaded_restricted = !is(restricted, CuOutcome::not_loaded);
  const bool starts = readiness.is == Readiness::ready || readiness.is == Readiness::degraded;
  if (!loaded && !loaded_restricted)
    return {Verdict::skip, "libcuda.so.1 is not here (" + control.message + ")", false, false};

  const std::string answers =
      "cuInit: " + describe(control) + " without the policy, " + describe(restricted) + " under it";
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
  const bool in_step = succeeded(restricted) ? starts : readiness.is == Readiness::blocked;
  out.verdict = in_step ? Verdict::agree : Verdict::disagree;
  if (!in_step) out.why = says + ", and " + answers;
  return out;
}

}  // namespace lockstep::conformance
