// A pair of policies over a tree: a fuzz case with two policies for layers, the old one and the new one, that
// are never stacked.
//
//   LOCKSTEP_ASSIGN(Policies pair, policies_of(fuzz_case, "/tmp/r"));     // read from the text, as a user's
//   are LOCKSTEP_ASSIGN(review::Diff diff, answer(pair));                    // as lockstep diff --host real
#ifndef LOCKSTEP_CONFORMANCE_PROVE_PAIR_H_
#define LOCKSTEP_CONFORMANCE_PROVE_PAIR_H_

#include <string>

#include <lockstep/effective.h>

#include "conformance/fuzz/case.h"
#include "diff/diff.h"

namespace lockstep::conformance::prove {

struct Policies {
  Policy before, after;
  Context context;
};

// YAML. Relative paths begin at `root`.
std::string policy_text(const fuzz::PolicySpec& spec, const std::string& root);

// False: it is no pair.
bool is_pair(const fuzz::FuzzCase& fuzz_case);
Result<Policies> policies_of(const fuzz::FuzzCase& pair, const std::string& root);

// What lockstep diff --host real says of them, here and now.
Result<diff::Diff> answer(const Policies& pair);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_PAIR_H_
