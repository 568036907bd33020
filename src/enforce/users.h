// Who a name is on this machine: what /etc/passwd and /etc/group say, and of others getent(1), which asks every source
// that this machine has.
//
//   LOCKSTEP_ASSIGN(const std::optional<User> user, find_user("sandbox"));    // or by its number: find_user("1000")
//   if (!user) ...                                                            // no source knows it
//
// An error where a source could not be asked, or answered what cannot be read: that is not "no such user". Not
// getpwnam(): libc loads its sources as shared libraries, and a static program ends by a signal in some of them. A name
// that the files know is theirs, whatever order nsswitch.conf has. Stricter than libc: a number is digits alone.
#ifndef LOCKSTEP_ENFORCE_USERS_H_
#define LOCKSTEP_ENFORCE_USERS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <lockstep/error.h>

namespace lockstep {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

Result<std::optional<User>> find_user(const std::string& name_or_number);
Result<std::optional<gid_t>> find_group(const std::string& name);
// The supplementary groups of a user, behind `first`.
Result<std::vector<gid_t>> groups_of(const std::string& user, gid_t first);

// A number that can be an id: the last one says "leave it as it is" to the kernel.
std::optional<unsigned> id_number(std::string_view text);

}  // namespace lockstep

#endif  // LOCKSTEP_ENFORCE_USERS_H_
