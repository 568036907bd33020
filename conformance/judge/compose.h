// Composes what the kernel would have answered anyway (the control's errno) with Landlock's part (the model's
// decision).
//
//   compose(Operation::unlink, Mode::plain, {EISDIR}, denial);    // {EACCES, true}: Landlock is asked first
//   compose(Operation::open_r, Mode::plain, {ENOENT}, denial);    // {ENOENT, true}: the lookup comes first
//
// Which errnos come before Landlock's hook depends on the operation. The table is in compose.cc, from fs/namei.c and
// observation; compose_test.cc asks the running kernel about every entry it can bring about.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_COMPOSE_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_COMPOSE_H_

#include <cstdint>

#include "model/model.h"
#include "operation/operation.h"

namespace lockstep::conformance::judge {

struct Composed {
  int err = 0;
  bool comparable = true;  // false: control and denial answer alike, so the cell shows nothing
};

// What the operation answers, unrestricted, on a target the harness made for it: 0, and ENOEXEC for exec.
int declared_unrestricted(Operation operation, Mode mode);

// What the control answered: of the probe (probes/probe.h) `err`, `ret` and the step that failed.
struct Control {
  int err = 0;
  std::int64_t ret = 0;
  std::uint64_t step = 1;
};
Composed compose(Operation operation, Mode mode, Control control, const model::Decision& landlock);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_COMPOSE_H_
