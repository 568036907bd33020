// What the running kernel says of its own Landlock.
//
//   Result<KernelLandlock> kernel = query_kernel();
//   kernel->abi, kernel->errata;   // 7; bit N-1: erratum N is fixed; 0 also where the kernel cannot tell
//
// Where there is none, the error is `unsupported` and says which of the reasons it is: not built in (ENOSYS), built in
// but not enabled (EOPNOTSUPP), or refused to us by something around us, such as a container's seccomp filter (EPERM,
// and ENOSYS on a kernel that is new enough).
#ifndef LOCKSTEP_KERNEL_H_
#define LOCKSTEP_KERNEL_H_

#include <lockstep/error.h>

namespace lockstep {

struct KernelLandlock {
  int abi = 0;
  unsigned errata = 0;
};

Result<KernelLandlock> query_kernel();

}  // namespace lockstep

#endif  // LOCKSTEP_KERNEL_H_
