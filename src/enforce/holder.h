// Keeps the pins of a prepared policy open for as long as this process lives, whatever it executes: a second process
// holds them.
//
//   LOCKSTEP_ASSIGN(Holder holder, hold_pins(std::move(prepared.pins)));   // before the restriction and the identity
//   ...                                                                    // a failure, and it ends with `holder`
//   holder.keep();                                                         // for good; executing a program does so too
//
// The calling process stays what it is: its signals, job control, exit code and children are as without a holder. The
// holder is a child that wait() does not see. It is in a session of its own, has no other descriptor open, blocks every
// signal and is outside the restriction. It ends when the calling process ends. hold_pins() returns when it holds. If it
// is killed, the rules that it kept are lost when the kernel takes their entries back: less is allowed then, never more.
// What has no parent left is given to a subreaper or to process 1: they see a holder end as any other orphan.
#ifndef LOCKSTEP_ENFORCE_HOLDER_H_
#define LOCKSTEP_ENFORCE_HOLDER_H_

#include <sys/types.h>

#include <utility>
#include <vector>

#include <lockstep/error.h>

#include "base/fork.h"
#include "base/unique_fd.h"
#include "enforce/prepare.h"

namespace lockstep {

class Holder {
 public:
  Holder() = default;
  Holder(UniqueFd control, pid_t pid) : control_(std::move(control)), pid_(pid), owner_(this_process()) {}
  Holder(Holder&&) noexcept = default;
  Holder& operator=(Holder&& other) noexcept;
  ~Holder() { end(); }

  void end() noexcept;  // and waits for its end; allocates nothing
  void keep() noexcept { control_.reset(); }
  int control() const { return control_.get(); }

 private:
  UniqueFd control_;
  pid_t pid_ = -1;
  ProcessMark owner_;  // a child that was forked has a copy, and no say
};

Result<Holder> hold_pins(std::vector<Pin> pins);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_HOLDER_H_
