// The programs that ours have children execute, loaded into memory.
//
//   LOCKSTEP_ASSIGN(UniqueFd helper, load_helper(companion_program(probe_helper), probe_helper));
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_HELPERS_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_HELPERS_H_

#include <string>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep::conformance::harness {

inline constexpr char probe_helper[] = "lockstep-probe-helper";  // the exec actor's program

// Copies the program into memory, because a child in another root or of another user could not reach the file. Sealed
// and close-on-exec. Where a filter denies memfd_create it is the file itself; executing that takes the right to
// execute, which a program in memory never needs.
Result<UniqueFd> load_helper(const std::string& path, const char* name);
bool is_in_memory(int helper);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_HELPERS_H_
