#include "landlock/kernel.h"

#include <cerrno>

#include "landlock/uapi.h"

namespace lockstep {

Result<KernelLandlock> query_kernel() {
  const long abi = uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_version);
  if (abi < 1) {
    const int err = abi < 0 ? errno : ENOSYS;
    switch (err) {
      case ENOSYS:
        return unsupported_error(err, "this kernel has no Landlock (ENOSYS): it needs Linux 5.13 with CONFIG_SECURITY_LANDLOCK");
      case EOPNOTSUPP:
        return unsupported_error(
            err, "Landlock is built into this kernel but not enabled (EOPNOTSUPP): add landlock to lsm= on the kernel command line");
      case EPERM:
        return unsupported_error(
            err, "Landlock's system calls are refused (EPERM): a seccomp filter around this process, a container's say, denies them");
      default:
        return unsupported_error(err, "Landlock cannot be asked for its version: " + errno_name(err));
    }
  }
  // Kernels before the errata interface answer EINVAL: nothing is known to be fixed.
  const long errata = uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_errata);
  return KernelLandlock{static_cast<int>(abi), errata > 0 ? static_cast<unsigned>(errata) : 0U};
}

}  // namespace lockstep
