#include <sys/utsname.h>

#include <cerrno>
#include <cstdlib>

#include <lockstep/kernel.h>

#include "landlock/ladder.h"
#include "landlock/uapi.h"

namespace lockstep {
namespace {

// Linux 5.13 brought Landlock; before that ENOSYS is the kernel's own answer.
bool old_enough_to_lack_it(const std::string& release) {
  char* end = nullptr;
  const long major = std::strtol(release.c_str(), &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return major < 5 || (major == 5 && minor < 13);
}

std::string no_such_call() {
  utsname names{};
  ::uname(&names);
  const std::string release = printable(names.release);
  if (old_enough_to_lack_it(release))
    return "this kernel (" + release + ") has no Landlock (ENOSYS): it needs Linux 5.13 with CONFIG_SECURITY_LANDLOCK";
  return "landlock_create_ruleset() is answered by ENOSYS, and Linux " + release +
         " is new enough for Landlock: it was built without CONFIG_SECURITY_LANDLOCK, or " + filter_answers;
}

}  // namespace

Result<KernelLandlock> query_kernel() {
  const long abi = uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_version);
  if (abi == 0)
    return unsupported_error(
        0, std::string("Landlock's version is answered by 0, which no kernel says: ") + filter_answers);
  if (abi < 0) {
    const int err = errno;
    switch (err) {
      case ENOSYS:
        return unsupported_error(err, no_such_call());
      case EOPNOTSUPP:
        return unsupported_error(err,
                                 "Landlock is built into this kernel but not enabled (EOPNOTSUPP): add landlock to "
                                 "lsm= on the kernel command line");
      case EPERM:
        return unsupported_error(err,
                                 "Landlock's system calls are refused (EPERM): a seccomp filter around this process, a "
                                 "container's say, denies them");
      default:
        return unsupported_error(err, "Landlock cannot be asked for its version: " + errno_name(err));
    }
  }
  // Kernels before the errata interface answer EINVAL: nothing is known to be fixed.
  const long errata = uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_errata);
  return KernelLandlock{static_cast<int>(abi), errata > 0 ? static_cast<unsigned>(errata) : 0U};
}

}  // namespace lockstep
