#include "conformance/judge/cu_init.h"

#include "conformance/wire/cu_result.h"

namespace lockstep::conformance::judge {
namespace {

// The results that are known to tell one cause from another (facts of the driver's public header).
struct Named {
  int value;
  const char* name;
};
constexpr Named results[] = {{0, "CUDA_SUCCESS"},
                             {2, "CUDA_ERROR_OUT_OF_MEMORY (2)"},
                             {34, "CUDA_ERROR_STUB_LIBRARY (34)"},
                             {100, "CUDA_ERROR_NO_DEVICE (100)"},
                             {209, "CUDA_ERROR_NO_BINARY_FOR_GPU (209)"},
                             {218, "CUDA_ERROR_INVALID_PTX (218)"},
                             {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND (221)"},
                             {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222)"},
                             {304, "CUDA_ERROR_OPERATING_SYSTEM (304)"},
                             {801, "CUDA_ERROR_NOT_SUPPORTED (801)"},
                             {802, "CUDA_ERROR_SYSTEM_NOT_READY (802)"},
                             {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"},
                             {999, "CUDA_ERROR_UNKNOWN (999)"}};

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
      for (const Named& each : results)
        if (each.value == end.result) return each.name;
      return "CUDA error " + value;
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

CuVerdict judge_cu_init(const CuAnswer& control, const CuAnswer& restricted, const ReadinessVerdict& readiness,
                        Mode mode) {
  CuVerdict out;
  const bool loaded = is_loaded(control), loaded_restricted = is_loaded(restricted);
  const bool starts = readiness.is == Readiness::ready || readiness.is == Readiness::degraded;
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
  const bool in_step = succeeded(restricted) ? starts : readiness.is == Readiness::blocked;
  out.verdict = in_step ? Verdict::agree : Verdict::disagree;
  if (!in_step) out.why = says + ", and " + answers;
  return out;
}

}  // namespace lockstep::conformance::judge
