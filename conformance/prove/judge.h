// Holds what a diff says against what the kernel did.
//
//   Judged judged = judge({names, attempts, before, after, diff, abi});
//   judged.fault                       // none, or the worst of what is wrong
//
// Any attempt that NEW allows and OLD does not makes the class widening or both, without exception. One that OLD alone
// allows makes it anything but equivalent. There may be no false alarm either: for each right that the diff says is
// gained or lost, an attempt at that place that needs the right must come out differently. A right that nothing here
// can show is counted with the reason, and never passed over in silence.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_JUDGE_H_
#define LOCKSTEP_CONFORMANCE_PROVE_JUDGE_H_

#include <map>
#include <string>
#include <vector>

#include "conformance/prove/attempts.h"
#include "conformance/prove/names.h"
#include "conformance/prove/observe.h"
#include "diff/diff.h"

namespace lockstep::conformance::prove {

// The worst first.
enum class Fault {
  missed_widening,     // NEW allows what OLD does not, and the class says nothing of it
  runs_now,            // OLD is refused here and NEW runs, and the gate does not stop
  unclaimed_gain,      // something is widened, and no change says this one
  missed_narrowing,    // OLD allows what NEW does not, and the class says nothing of it
  false_alarm,         // a change that the kernel shows not to be one
  accepted_elsewhere,  // also.h
  missed_as_spelt,
  without_a_note,
  none,
};
std::string_view name(Fault fault);

struct Evidence {
  const Names& names;
  const std::vector<Attempt>& attempts;
  const Observation& before;
  const Observation& after;
  const diff::Diff& diff;
  int abi;
  bool names_one_process = false;  // a policy names such a path: of_one_process()
};

// Whether the path is like /proc/self/cwd, exe or fd: something that each process has another one of.
bool of_one_process(const std::string& path);

struct Judged {
  Fault fault = Fault::none;
  std::string words;      // what shows it
  std::size_t shown = 0;  // the attempt that does, where it is one
  diff::Class observed = diff::Class::equivalent;
  std::size_t confirmed = 0;                  // claims: a place, a right, a direction
  std::map<std::string, std::size_t> unseen;  // claims that nothing here can show, by reason
};

Judged judge(const Evidence& evidence);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_JUDGE_H_
