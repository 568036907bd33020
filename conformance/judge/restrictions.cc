// The part of the sweep that is about no path.
#include <algorithm>

#include <lockstep/rights.h>

#include "conformance/judge/cells.h"

namespace lockstep::conformance::judge {
namespace {

constexpr std::size_t most_ports = 8;  // of one right

wire::CellRequest cell_of(Operation operation, std::uint16_t port = 0, Mode mode = Mode::plain) {
  wire::CellRequest cell;
  cell.operation = operation;
  cell.mode = mode;
  cell.port = port;
  set_implied_path(&cell);
  return cell;
}

}  // namespace

// A signal always; both sides of a scope where the policy has one; of ports, once any right is restricted, those named
// for each and one that is not.
std::vector<wire::CellRequest> restriction_cells(const Restrictions& restrictions) {
  std::vector<wire::CellRequest> out = {cell_of(Operation::signal)};
  if (!restrictions.scopes.empty()) {
    out.push_back(cell_of(Operation::connect_abstract));
    out.push_back(cell_of(Operation::connect_abstract, 0, Mode::own_server));
  }
  if (restrictions.net.empty()) return out;
  for (const auto& [right, operation] : {std::pair{NetRight::bind_tcp, Operation::bind_tcp},
                                         {NetRight::connect_tcp, Operation::connect_tcp},
                                         {NetRight::bind_udp, Operation::bind_udp},
                                         {NetRight::connect_send_udp, Operation::send_udp}}) {
    std::vector<std::uint16_t> ports;
    for (const PortRule& rule : restrictions.ports)
      if (rule.right == right && ports.size() < most_ports) ports.push_back(rule.port);
    // From 8100 on and round again; a policy may name them all.
    for (int step = 0; step <= 0xffff; ++step) {
      const auto stranger = static_cast<std::uint16_t>(8100 + step);
      if (std::binary_search(restrictions.ports.begin(), restrictions.ports.end(), PortRule{right, stranger})) continue;
      ports.push_back(stranger);
      break;
    }
    for (const std::uint16_t port : ports) {
      const bool remote = operation == Operation::connect_tcp || operation == Operation::send_udp;
      if (port == 0 && remote) continue;  // there is no such remote port
      out.push_back(cell_of(operation, port));
      if (operation == Operation::send_udp) out.push_back(cell_of(operation, port, Mode::sendto));
    }
  }
  return out;
}

}  // namespace lockstep::conformance::judge
