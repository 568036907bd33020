// The words of a case that are values: sets of ABIs, readiness, what the harness decides, and the names of cells.
#include <charconv>

#include <lockstep/abi.h>

#include "conformance/judge/case.h"

namespace lockstep::conformance::judge {
namespace {

std::optional<int> parse_abi(std::string_view text) {
  int value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value < oldest_abi || value > newest_abi)
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<AbiSet> AbiSet::parse(std::string_view text) {
  if (text == "all") return all();
  AbiSet out;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t dash = part.find('-');
    const std::optional<int> low = parse_abi(part.substr(0, dash));
    const std::string_view upper = dash == std::string_view::npos ? std::string_view() : part.substr(dash + 1);
    const std::optional<int> high = dash == std::string_view::npos ? low
                                    : upper.empty()                ? newest_abi
                                                                   : parse_abi(upper);
    if (!low || !high || *low > *high) return std::nullopt;
    for (int abi = *low; abi <= *high; ++abi) out.add(abi);
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

AbiSet AbiSet::all() {
  AbiSet out;
  for (int abi = oldest_abi; abi <= newest_abi; ++abi) out.add(abi);
  return out;
}

AbiSet operator&(AbiSet a, AbiSet b) {
  a.bits_ &= b.bits_;
  return a;
}

AbiSet operator|(AbiSet a, AbiSet b) {
  a.bits_ |= b.bits_;
  return a;
}

void set_implied_path(wire::CellRequest* cell) {
  switch (cell->operation) {
    case Operation::comm_open:
      if (cell->target == Target::other_process) cell->path = "/proc/$sibling/comm";
      break;
    case Operation::signal:
      cell->path = "$sibling";
      break;
    case Operation::connect_abstract:
      cell->path = cell->mode == Mode::own_server ? "$scratch/own" : "$scratch/abstract";
      break;
    default:
      break;
  }
}

std::string cell_name(const wire::CellRequest& cell) {
  std::string out(name(cell.operation));
  if (cell.survey) out = "survey";
  if (cell.mode != Mode::plain) out += " " + std::string(name(cell.mode));
  if (cell.operation == Operation::comm_open) {
    out += " " + std::string(name(cell.target));
  } else if (operand(cell.operation) == Operand::port) {
    out += " " + std::to_string(cell.port);
  } else if (operand(cell.operation) != Operand::none) {
    out += " " + cell.path;
    if (!cell.path2.empty()) out += " " + cell.path2;
  }
  if (cell.actor != Actor::self) out += " by " + std::string(name(cell.actor));
  return out;
}

bool is_destructive(const wire::CellRequest& cell) {
  return changes_paths(cell.operation) || (cell.operation == Operation::connect_unix && cell.mode == Mode::own_server);
}

}  // namespace lockstep::conformance::judge
