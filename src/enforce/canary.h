// Canary: the proof that a restriction is there. A landlock_restrict_self() that returns 0 is no proof: a seccomp
// filter can answer so in the kernel's place, and the command would run unrestricted.
//
//   Canary canary;
//   LOCKSTEP_CHECK(canary.set(prepared));     // asks something that is answered now and must be denied afterwards
//   LOCKSTEP_CHECK(restrict_self(prepared));
//   LOCKSTEP_CHECK(canary.prove());           // asks exactly the same: a filter cannot give it two answers
//
// The question is to list the root directory, where no rule of the policy allows that. Where one does, or the root
// could not be listed before, it asks about a sibling process something that the kernel tells only to those who may
// trace it. Every domain denies that towards a process outside, whatever its policy, at every ABI, whoever asks (also
// root with CAP_SYS_PTRACE, also without /proc, also below other layers). The sibling is made for this, has ended by
// then, and is reaped together with the canary. Only for the calling thread, which must have the same identity, and be
// dumpable, both times.
#ifndef LOCKSTEP_ENFORCE_CANARY_H_
#define LOCKSTEP_ENFORCE_CANARY_H_

#include <string>

#include <lockstep/error.h>

#include "enforce/prepare.h"

namespace lockstep {

class Canary {
 public:
  Canary() = default;
  Canary(const Canary&) = delete;
  Canary& operator=(const Canary&) = delete;
  ~Canary();

  Result<void> set(const Prepared& prepared);
  Result<void> prove() const;

 private:
  enum class Question { none, list_root, trace_sibling, see_sibling };
  int ask(Question question) const;  // 0 or an errno
  Result<void> make_sibling();

  Question question_ = Question::none;
  int sibling_ = 0;
  std::string link_;  // a namespace of the sibling, below /proc
};

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_CANARY_H_
