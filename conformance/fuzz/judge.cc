// What one cell shows.
#include "conformance/fuzz/execute.h"
#include "conformance/judge/compose.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::fuzz {
namespace {

bool other_effect(const Cell& cell) {
  return cell.err == 0 && cell.control.err == 0 && cell.restricted.after != cell.control.after;
}

}  // namespace

Judged judge(const OperationSpec& operation, const Cell& cell) {
  constexpr auto done = static_cast<std::uint32_t>(wire::CellState::done);
  Judged out;
  out.tried = cell.control.state == done && cell.restricted.state == done;
  out.agrees = cell.control.state == cell.restricted.state && (cell.asked == 1 || !out.tried);
  if (!out.tried) return out;
  model::Decision decision;
  decision.err = cell.err;
  decision.needed = AccessSet::from_bits(cell.needed);
  decision.missing = AccessSet::from_bits(cell.missing);
  const judge::Composed composed = judge::compose(operation.operation, operation.mode,
                                                  {cell.control.err, cell.control.ret, cell.control.aux}, decision);
  out.allowed = cell.control.err == judge::declared_unrestricted(operation.operation, operation.mode) && cell.err == 0;
  out.denied = cell.err != 0 && composed.comparable && composed.err == cell.err;
  out.expected = composed.err;
  out.agrees = out.agrees && cell.restricted.err == composed.err;
  // What was allowed also did the same.
  if (other_effect(cell)) out.agrees = false;
  return out;
}

std::string describe(const OperationSpec& operation, const Cell& cell) {
  const Judged judged = judge(operation, cell);
  return one_line(operation) + ": predicted " + errno_name(judged.expected) + " (Landlock " + errno_name(cell.err) +
         "), observed " + errno_name(cell.restricted.err) + ", control " + errno_name(cell.control.err) +
         (other_effect(cell) ? ", with another effect" : "") + "; " + cell.words;
}

}  // namespace lockstep::conformance::fuzz
