// Who a row can be run as on this machine, found out by becoming each of them in a child.
//
//   Identities here = identities_here(first_user);
//   here.missing[...user] == "uid 64000 is not mapped in this user namespace"
//
// Rows of an identity that cannot be had are skipped, with what is missing. A row never runs as somebody else.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_IDENTITY_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_IDENTITY_H_

#include <sys/types.h>

#include <string>

#include <lockstep/error.h>

#include "conformance/wire/wire.h"
#include "enforce/privilege.h"

namespace lockstep::conformance::harness {

// Of identity `user`. Each worker has a uid of its own, so that its rows cannot signal those of another worker.
inline constexpr uid_t first_user = 64000;

// What drop_privileges() is asked for. `user`: the uid of identity `user`.
Result<Identity> identity_of(wire::IdentityKind kind, uid_t user);

wire::Identities identities_here(uid_t user);

// Why `user` could not use a directory (one above it is closed to others, say); empty where it can.
std::string why_unreachable(uid_t user, const std::string& directory);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_IDENTITY_H_
