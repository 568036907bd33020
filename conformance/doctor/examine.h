// What an identity sees of a path: existence, owner and mode, what access() says, the mount it lies on. A child that
// has become that identity, as a row's control child does, asks; it never opens the path.
//
//   Result<std::vector<PathFacts>> facts = examine({{"/dev/nvidia0", R_OK | W_OK}}, identity);
//
// The path "$own-comm" stands for the comm file of the child's own thread: it has the same kind, owner and mount as the
// file that CUDA writes.
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_EXAMINE_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_EXAMINE_H_

#include <string>
#include <vector>

#include <lockstep/error.h>

#include "conformance/doctor/layers.h"
#include "enforce/privilege.h"

namespace lockstep::conformance::doctor {

inline constexpr char own_comm[] = "$own-comm";

struct PathQuestion {
  std::string path;
  int wants = 0;  // of access(): R_OK, W_OK, X_OK
};

// Parallel to the questions. `identity`: nothing where the child is to stay who this process is.
Result<std::vector<PathFacts>> examine(const std::vector<PathQuestion>& questions, const Identity* identity);

// What access() is to be asked for an operation.
int wants_of(Operation operation);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_EXAMINE_H_
