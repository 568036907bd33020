// What a name that leads to nothing allows once something is there: a dangling link leads somewhere, sooner or later.
//
//   judge_later(observer, before, after, pair, diff, &judged);
//
// Where the diff neither stops nor notes anything, each name of the policies that leads to nothing is made (a file,
// where the kernel itself would put it). Both policies are enforced again, and NEW must allow nothing there that OLD
// does not.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_LATER_H_
#define LOCKSTEP_CONFORMANCE_PROVE_LATER_H_

#include "conformance/prove/judge.h"
#include "conformance/prove/pair.h"

namespace lockstep::conformance::prove {

Result<void> judge_later(Observer& observer, const Plan& before, const Plan& after, const Policies& pair,
                         const diff::Diff& diff, Judged* judged);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_LATER_H_
