// A pair of policies over a tree: a fuzz case whose two layers are policies, the old one and the new one, that are
// never stacked.
//
//   LOCKSTEP_ASSIGN(Policies pair, policies_of(fuzz_case, "/tmp/r"));     // read from text, as a user's are
//   LOCKSTEP_ASSIGN(diff::Diff diff, answer(pair));                     // as lockstep diff --host real
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

// Whether the case is a pair.
bool is_pair(const fuzz::FuzzCase& fuzz_case);
Result<Policies> policies_of(const fuzz::FuzzCase& pair, const std::string& root);

// What lockstep diff --host real says of them, here and now.
Result<diff::Diff> answer(const Policies& pair);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_PAIR_H_
