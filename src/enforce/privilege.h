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
#include <string>
#include <vector>

#include <lockstep/error.h>

namespace lockstep {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
  std::uint64_t keep = 0;     // capabilities to keep, bit N = capability N; only uid 0 can keep any
};

// Every capability this process has now.
Result<std::uint64_t> permitted_capabilities();
// The set container runtimes give by default: no CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_PERFMON or CAP_DAC_READ_SEARCH.
std::uint64_t container_default_capabilities();

// The supplementary groups of this process.
std::vector<gid_t> current_groups();

Result<void> drop_privileges(const Identity& identity);

// From run_as_user and run_as_group (a name or a number each; an empty group is the user's own). Fails (input) for a
// name that the machine does not know.
Result<Identity> lookup_identity(const std::string& user, const std::string& group);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_PRIVILEGE_H_
