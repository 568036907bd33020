// What is asked about a port or another process instead of a path: security/landlock/net.c and task.c, as their own
// statement.
#include <algorithm>
#include <cerrno>

#include <lockstep/rights.h>

#include "model/model.h"

namespace lockstep::model {

// Every layer that handles the right must name the port.
Decision Model::check_port(PortRule wanted) const {
  Decision out;
  for (std::size_t i = 0; i < layers_.size() && out.err == 0; ++i) {
    const Restrictions& restrictions = layers_[i].restrictions;
    if (!restrictions.net.contains(wanted.right)) continue;
    out.port = wanted;
    if (std::binary_search(restrictions.ports.begin(), restrictions.ports.end(), wanted)) continue;
    out.err = EACCES;
    out.layer = static_cast<int>(i) + 1;
  }
  return out;
}

// A layer with the scope denies what leads out of it; where the other side stands in that layer too, it does not.
Decision Model::check_scope(Scope scope, std::size_t first_layer) const {
  Decision out;
  for (std::size_t i = 0; i < layers_.size() && out.err == 0; ++i) {
    if (!layers_[i].restrictions.scopes.contains(scope)) continue;
    out.scope = scope;
    if (i < first_layer) continue;
    out.err = EPERM;
    out.layer = static_cast<int>(i) + 1;
  }
  return out;
}

Decision Model::decide_without_path(const Query& query, std::size_t shared_layers) const {
  switch (query.operation) {
    case Operation::bind_tcp:
      return check_port({NetRight::bind_tcp, query.port});
    case Operation::connect_tcp:
      return check_port({NetRight::connect_tcp, query.port});
    case Operation::bind_udp:
      return check_port({NetRight::bind_udp, query.port});
    case Operation::send_udp: {
      // A socket that is not bound is bound by sending, to a port of the kernel's choice: that is asked for as port 0.
      const Decision remote = check_port({NetRight::connect_send_udp, query.port});
      const Decision local = check_port({NetRight::bind_udp, 0});
      return remote.err != 0 || (local.err == 0 && remote.port) ? remote : local;
    }
    case Operation::signal:
      return check_scope(Scope::signal, shared_layers);
    default:
      return check_scope(Scope::abstract_unix_socket, shared_layers);
  }
}

std::string Model::describe_without_path(const Decision& decision) const {
  const std::string layer = "layer " + std::to_string(decision.layer);
  if (decision.scope) {
    if (decision.err == 0)
      return "allowed: the other side stands inside the scope " + std::string(name(*decision.scope));
    return layer + " has the scope " + std::string(name(*decision.scope)) + ", and the other side stands outside";
  }
  const std::string wanted =
      std::string(name(decision.port->right)) + " on port " + std::to_string(decision.port->port);
  if (decision.err == 0) return "allowed: " + wanted + " granted by landlock.ports";
  const Restrictions& of = layers_[static_cast<std::size_t>(decision.layer) - 1].restrictions;
  return layer + " lacks " + wanted + "; its " + std::string(name(decision.port->right)) +
         " ports: " + of.ports_of(decision.port->right);
}

}  // namespace lockstep::model
