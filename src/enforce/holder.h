// Keeps the pins of a prepared policy open for as long as this process lives, whatever it executes: a second process
// holds them.
//
//   LOCKSTEP_CHECK(hold_pins(std::move(prepared.pins)));   // before the restriction and the change of identity
//
// The calling process stays what it is: its signals, job control, exit code and children are as without a holder. The
// holder is a child that wait() does not see. It is in a session of its own, has no other descriptor open, blocks every
// signal and is outside the restriction. It ends when the calling process ends. If it is killed, the rules that it kept
// are lost when the kernel takes their entries back: less is allowed then, never more.
#ifndef LOCKSTEP_ENFORCE_HOLDER_H_
#define LOCKSTEP_ENFORCE_HOLDER_H_

#include <vector>

#include <lockstep/error.h>

#include "enforce/prepare.h"

namespace lockstep {

Result<void> hold_pins(std::vector<Pin> pins);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_HOLDER_H_
