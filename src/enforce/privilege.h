// Gives up identity and capabilities for good, before the restriction.
//
//   Identity nobody{.uid = 65534, .gid = 65534};
//   LOCKSTEP_CHECK(drop_privileges(nobody));
//
// In this order: the bounding set, SECBIT_NOROOT locked (where uid 0 keeps only `keep`), groups, gid, uid, then the
// permitted, effective, inheritable and ambient sets. Each is read back and must be what was asked. A process without
// CAP_SETPCAP cannot shrink its bounding set, and one without CAP_SETUID cannot change its ids; asking it to become
// what it is already is fine. Clears PDEATHSIG and the dumpable flag (setresuid does): the caller sets them again. Uses
// libcap.
#ifndef LOCKSTEP_ENFORCE_PRIVILEGE_H_
#define LOCKSTEP_ENFORCE_PRIVILEGE_H_

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/sandbox.h>

namespace lockstep {

// Every capability this process has now.
Result<std::uint64_t> permitted_capabilities();
// The set container runtimes give by default: no CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_PERFMON or CAP_DAC_READ_SEARCH.
std::uint64_t container_default_capabilities();

// The supplementary groups of this process.
std::vector<gid_t> current_groups();

Result<void> drop_privileges(const Identity& identity);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_PRIVILEGE_H_
