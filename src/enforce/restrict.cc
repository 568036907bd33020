// The only file that restricts.
#include "enforce/restrict.h"

#include <sys/prctl.h>

#include <cerrno>

#include "landlock/uapi.h"

namespace lockstep {

Result<void> restrict_self(const Prepared& prepared) {
  return restrict_self(prepared.ruleset.fd());
}

Result<void> restrict_self(int ruleset_fd) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return system_error(errno, "prctl(PR_SET_NO_NEW_PRIVS, 1)");
  if (uapi::restrict_self(ruleset_fd, 0) != 0)
    return system_error(errno, "landlock_restrict_self()");
  return {};
}

}  // namespace lockstep
