// What the same observation must hold against as well: the diff that compares paths as they are spelt, and a diff with
// accepted changes.
//
//   judge_also(evidence, pair, {.listed = true, .accepted = "/tmp/r/d0"}, &judged);
//
// Suppose NEW allows what OLD does not.
//   - Compared on a host file that lists the tree, the class must say so. Links are followed. A host file knows nothing
//     of hard links and bind mounts, so trees that have them are not listed.
//   - Compared on a host that lists nothing, the class or a note must say so.
// What a file of accepted changes lets pass for one directory must lie below that directory, whatever names lead there.
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
