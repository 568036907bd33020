// Keeps the pins of a prepared policy open for as long as this process lives, whatever it executes: a process
// beside it does.
//
//   LOCKSTEP_CHECK(hold_pins(std::move(prepared.pins)));   // before the restriction and the change of
//   identity
//
// The process that asks stays what it is: signals, job control, its exit code and its children are as without
// a holder. The holder is a child that wait() does not see and that is told of nothing, in a session of its
// own, with no other descriptor open, with every signal blocked and outside the restriction. It ends when the
// process that asked ends. If it is killed, the rules that it kept are lost when the kernel takes their
// entries back: less is allowed then, never more.
#ifndef LOCKSTEP_ENFORCE_HOLDER_H_
#define LOCKSTEP_ENFORCE_HOLDER_H_

#include <vector>

#include <lockstep/error.h>

#include "enforce/prepare.h"

namespace lockstep {

Result<void> hold_pins(std::vector<Pin> pins);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_HOLDER_H_
