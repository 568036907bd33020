// What the running kernel says of its own Landlock.
//
//   Result<KernelLandlock> kernel = query_kernel();
//   kernel->abi;      // 7
//   kernel->errata;   // bit N-1: erratum N is fixed; 0 also where the kernel cannot tell
//
// Where there is none, the error is `unsupported` and says which of the reasons it is: not built in (ENOSYS), built in
// but not enabled (EOPNOTSUPP), or refused to us by something around us, such as a container's seccomp filter (EPERM,
// and ENOSYS on a kernel that is new enough).
//
// The number is only what was answered, and a filter can answer in the kernel's place. The ladder asks each ABI for
// what it brought, by one call that changes nothing:
//
//   LOCKSTEP_CHECK(check_ladder(*kernel));            // needs no_new_privs (or CAP_SYS_ADMIN) to ask ABI 7, 8 and 11
//   LOCKSTEP_CHECK(check_ladder_in_child(*kernel));   // asks all in a child that sets it
#ifndef LOCKSTEP_KERNEL_H_
#define LOCKSTEP_KERNEL_H_

#include <optional>

#include <lockstep/error.h>

namespace lockstep {

struct KernelLandlock {
  int abi = 0;
  unsigned errata = 0;
};

Result<KernelLandlock> query_kernel();

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

#endif  // LOCKSTEP_KERNEL_H_
