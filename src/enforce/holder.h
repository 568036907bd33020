// Keeps the pins of a prepared policy open for as long as this process lives, whatever it executes: a second process
// holds them.
//
//   LOCKSTEP_ASSIGN(Holder holder, start_holder(std::move(prepared.pins)));   // before the restriction and the identity
//   ...                                        // the restriction meanwhile; a failure, and it ends with `holder`
//   LOCKSTEP_CHECK(holder.wait_until_it_holds());
//   holder.keep();                             // for good; executing a program does so too
//
// The calling process stays what it is: its signals, job control, exit code and children are as without a holder. The
// holder is a child that wait() does not see. It is in a session of its own, has no other descriptor open, blocks every
// signal and is outside the restriction. It ends when the calling process ends. It has its pins from the moment it is
// made; wait_until_it_holds() returns when it has nothing else and waits. If it is killed, the rules that it kept are lost when the kernel takes their entries back: less is allowed then, never more.
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

  Result<void> wait_until_it_holds() const;
  void end() noexcept;  // and waits for its end; allocates nothing
  void keep() noexcept { control_.reset(); }

 private:
  UniqueFd control_;
  pid_t pid_ = -1;
  ProcessMark owner_;  // a child that was forked has a copy, and no say
};

Result<Holder> start_holder(std::vector<Pin> pins);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_HOLDER_H_
