// The number that query_kernel() returns is only what was answered, and a filter can answer in the kernel's place. The
// ladder asks each ABI for what it brought, by one call that changes nothing:
//
//   LOCKSTEP_CHECK(check_ladder(*kernel));            // needs no_new_privs (or CAP_SYS_ADMIN) to ask ABI 7, 8 and 11
//   LOCKSTEP_CHECK(check_ladder_in_child(*kernel));   // asks all in a child that sets it
#ifndef LOCKSTEP_LANDLOCK_LADDER_H_
#define LOCKSTEP_LANDLOCK_LADDER_H_

#include <optional>

#include <lockstep/kernel.h>

namespace lockstep {

// Ends a message about an answer that no kernel gives.
inline constexpr char filter_answers[] = "a seccomp filter around this process may answer in the kernel's place";

// Whether the kernel takes what this ABI of the table brought; nothing where it cannot be asked (rights, descriptors).
std::optional<bool> takes_abi(int abi);
// An error (unsupported) where an ABI up to the kernel's number is refused, or one above it is taken.
Result<void> check_ladder(const KernelLandlock& kernel);
Result<void> check_ladder_in_child(const KernelLandlock& kernel);
// For whoever judges a kernel: one whose number is not true is none.
Result<KernelLandlock> query_honest_kernel();

}  // namespace lockstep

#endif  // LOCKSTEP_LANDLOCK_LADDER_H_
