// Lays a row's files out, in the child, before it gives up its identity.
//
// On a simulated host the row's items become the whole root of a private mount namespace (a tmpfs), with the machine's
// own /proc. On a real host they are made below the scratch directory only. Modes are wide open, so that file
// permissions never decide a cell. Servers listen on their sockets before the restriction and so stand outside the
// domain.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_LAYOUT_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_LAYOUT_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include <lockstep/error.h>

#include "base/unique_fd.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::harness {

// Enters a private mount namespace, and a network namespace where `network` is set. An ordinary user gets there by a
// user namespace that maps its own ids.
Result<void> enter_mount_namespace(bool privileged, bool network = false);

// `mount_point`: an existing directory that the new root may cover. `scratch`: where "$scratch" is when not simulated.
// What is made belongs to `owner` where privileged: chmod(2) asks for the owner. Descriptors that must stay open
// (listening sockets, terminal masters) are appended to `keep`.
Result<void> lay_out(const wire::RowRequest& request, bool privileged, uid_t owner, const std::string& mount_point,
                     const std::string& scratch, std::vector<UniqueFd>* keep);

// Removes the directory and all in it, without following links. Returns no error: the next use of the place shows one.
void remove_tree(const std::string& path);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_LAYOUT_H_
