// Canary: the proof that a restriction is there. landlock_restrict_self() that says 0 is no proof: a seccomp
// filter can say so in the kernel's place, and the command would run unrestricted.
//
//   Canary canary;
//   LOCKSTEP_CHECK(canary.set(prepared));     // asks what is answered now and has to be denied afterwards
//   LOCKSTEP_CHECK(restrict_self(prepared));
//   LOCKSTEP_CHECK(canary.prove());           // the same question, to the letter: a filter cannot answer it
//   in two ways
//
// The question is to list the root directory, where no rule of the policy allows it. Where one does, or it
// could not be listed before: to ask about a sibling process what the kernel tells to those who may trace it,
// which every domain denies towards a process outside, whatever its policy, at every ABI, whoever asks (also
// root with CAP_SYS_PTRACE, also without /proc, also below other layers). The sibling is made for it, has
// ended by then, and is waited for with the canary. For the calling thread alone, which must be the same
// identity, and dumpable, at both times.
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
