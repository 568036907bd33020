// A row's own network: the ports its cells use must not be the machine's.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_NETWORK_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_NETWORK_H_

#include <string>

#include <lockstep/error.h>

#include "base/unique_fd.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::harness {

// Brings up the loopback of this process's network namespace, and lets everyone bind ports below 1024 there, so that
// privileged ports decide no cell.
Result<void> open_loopback();

// A server at a path or an abstract name; clients must be of the same socket type. An empty descriptor where the name
// is too long.
Result<UniqueFd> serve_unix(const std::string& name, bool abstract, wire::SocketType type, int queue);

// The server of a tcp_server, udp_server or abstract_server; `name` is the abstract one's, resolved.
Result<UniqueFd> serve(const wire::TreeItem& item, const std::string& name);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_NETWORK_H_
