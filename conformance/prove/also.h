// What else holds of the same observation: of the diff that compares paths as they are spelt, and of one with
// accepted changes.
//
//   judge_also(evidence, pair, {.listed = true, .accepted = "/tmp/r/d0"}, &judged);
//
// Where NEW allows what OLD does not: on a host file that lists the tree the class says so (links are
// followed; a hard link or bind mount is no matter of a host file, so such trees are not listed); on a host
// that lists nothing it says so, or a note does. And what a file of accepted changes lets pass for one
// directory is below that directory by place, whatever leads there.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_ALSO_H_
#define LOCKSTEP_CONFORMANCE_PROVE_ALSO_H_

#include <string>

#include "conformance/prove/judge.h"
#include "conformance/prove/pair.h"

namespace lockstep::conformance::prove {

struct Also {
  bool listed = false;   // no object of the tree has two names
  std::string accepted;  // a directory
};

Result<void> judge_also(const Evidence& evidence, const Policies& pair, const Also& also, Judged* judged);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_ALSO_H_
