// Faults: the model, or the library, with one thing wrong, to prove that the fuzzer finds it.
//
//   const Fault* fault = find_fault("gain-unchecked");
//   model::Decision wrong = fault->decide(rules, question);
//
// A fault is a pure change of the question the model is asked, of its answer, or of the library's plan: there is no
// hook in src/. It counts as found where the prediction composed from it differs from the kernel's answer, as for any
// disagreement.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_FAULTS_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_FAULTS_H_

#include <span>
#include <string_view>

#include <lockstep/plan.h>

#include "conformance/fuzz/rules.h"

namespace lockstep::conformance::fuzz {

struct Fault {
  std::string_view name;
  std::string_view what;
  int first_abi;  // older kernels cannot show it
  model::Decision (*decide)(Rules rules, Question question);
  bool follows_links = false;  // the walk of unlink follows a symbolic link
  bool needs_reclaim = false;  // no other case can show it
  // Faults of the library instead: decide() is the unbroken model.
  void (*break_plan)(Plan&) = nullptr;
  bool drops_pins = false;
};

std::span<const Fault> all_faults();
const Fault* find_fault(std::string_view name);  // nullptr: none of that name

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_FAULTS_H_
