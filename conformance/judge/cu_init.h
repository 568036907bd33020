// What the real cuInit(0) said, in CUDA's own names, held against what the compound probe concluded. Of Mode::work, what all
// of it said: a failure behind cuInit(0) counts as one, and is told with its stage.
//
//   CuVerdict verdict = judge_cu_init(control, restricted, readiness, cell.mode);
//
// Two witnesses of one question, will CUDA start under this policy, that know nothing of each other:
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

// One of the two answers: its cell, and what the child's slot says of a library that could not be loaded, a function that is
// not in it, or a value that is wrong.
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
  bool elsewhere = false;  // CUDA starts without the policy no more than under it: nobody may call that ready
};

CuVerdict judge_cu_init(const CuAnswer& control, const CuAnswer& restricted, const ReadinessVerdict& readiness,
                        Mode mode = Mode::plain);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CU_INIT_H_
