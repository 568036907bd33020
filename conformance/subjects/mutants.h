// Mutants: the library, or the model, with one thing broken, to prove that the suite would notice.
//
//   for (const Mutant& mutant : mutants()) ...           // run mutant.subject on the row named, see who disagrees
//
// A mutant is a pure transformation of one stage's output; src/ has no hook for it. It counts as caught only when the
// row and cell named for it disagree with the witness named for it standing alone, while the unbroken library passes
// that row in the same run.
#ifndef LOCKSTEP_CONFORMANCE_SUBJECTS_MUTANTS_H_
#define LOCKSTEP_CONFORMANCE_SUBJECTS_MUTANTS_H_

#include <functional>
#include <string>
#include <vector>

#include "conformance/judge/row.h"
#include "conformance/judge/verdict.h"

namespace lockstep::conformance::subjects {

struct Mutant {
  judge::Subject subject;
  // Of a mutant of the model, where the library is whole: what the model takes the policy for.
  std::function<void(EffectivePolicy&)> model_takes;
  std::string what;       // what is broken, in words
  std::string case_name;  // the row that must catch it
  int needs_abi = 1;      // the oldest kernel ABI that shows it; 0: the case's claims show it, not a row
  int plan_abi = 0;       // 0: the newest that the kernel has
  wire::IdentityKind identity = wire::IdentityKind::user;
  std::string cell;  // cell_name() of the cell; for claims, the start of the difference; for expect_refusal, "refusal"
  judge::Witness alone() const { return model_takes ? judge::Witness::predicted : judge::Witness::observed; }
};

std::vector<Mutant> mutants();

}  // namespace lockstep::conformance::subjects

#endif  // LOCKSTEP_CONFORMANCE_SUBJECTS_MUTANTS_H_
