// Holds what the real cuInit(0) said, in CUDA's own names, against what the compound probe concluded. In Mode::work it
// is what all stages said: a failure after cuInit(0) counts as a failure, and is told with its stage.
//
//   CuVerdict verdict = judge_cu_init(control, restricted, readiness, cell.mode);
//
// They are two witnesses of one question, will CUDA start under this policy, and know nothing of each other:
//   without the policy   under it     readiness         verdict
//   not loaded           the same     any               skip: libcuda.so.1 is not here
//   success              success      ready, degraded   agree; else disagree
//   success              failure      blocked           agree; else disagree, but for the next line
//   loaded               not loaded   ready, degraded   the row becomes blocked: no step loads a library
//   failure              failure      any               not_comparable; ready and degraded become blocked-elsewhere
//   failure              success      any               disagree: it flipped
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_CU_INIT_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_CU_INIT_H_

#include <string>

#include "conformance/judge/verdict.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::judge {

// One of the two answers: its cell, and the message of the child's slot (a library that could not be loaded, a missing
// function, a wrong value).
struct CuAnswer {
  wire::CellReply cell;
  std::string message;
};

// "CUDA_ERROR_OPERATING_SYSTEM (304)", "killed by signal 11 at launch", "timed out", "libcuda.so.1 could not be loaded
// (..)". The stage is said of every failure but cuInit(0)'s own.
std::string describe(const CuAnswer& answer);

struct CuVerdict {
  Verdict verdict = Verdict::error;
  std::string why;         // one sentence, with both answers
  bool blocks = false;     // the library could not be loaded under the policy: the row is blocked
  bool elsewhere = false;  // CUDA does not start without the policy either: that must not be called ready
};

CuVerdict judge_cu_init(const CuAnswer& control, const CuAnswer& restricted, const gpu::ReadinessVerdict& readiness,
                        Mode mode = Mode::plain);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CU_INIT_H_
