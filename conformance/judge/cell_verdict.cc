#include "conformance/judge/cell_verdict.h"

#include <cerrno>

#include "conformance/judge/compose.h"
#include "conformance/judge/predict.h"

namespace lockstep::conformance::judge {
namespace {

// First match wins. Where none matches, the cell has two witnesses.
std::optional<int> expected_of(const Row& row, std::size_t cell) {
  for (const int index : row.run->cells.info[cell].expectations) {
    const Expectation& each = row.run->source.expectations[static_cast<std::size_t>(index)];
    // Unprivileged, the one identity there is stands in for an ordinary user, and for nobody else.
    const wire::IdentityKind identity_of_row =
        row.identity == wire::IdentityKind::self ? wire::IdentityKind::user : row.identity;
    const bool identity = !each.identity || *each.identity == identity_of_row;
    if (each.abis.contains(row.plan_abi) && identity) return each.err;
  }
  return std::nullopt;
}

// What a denied operation must not have done. -1: its `after` says nothing.
int after_denial(Operation operation) {
  switch (operation) {
    case Operation::mkdir:
    case Operation::mkfifo:
    case Operation::mknod_chr:
    case Operation::mknod_blk:
    case Operation::mksock:
    case Operation::symlink:
    case Operation::link:
    case Operation::rename:
      return 0;
    case Operation::unlink:
    case Operation::rmdir:
      return 1;
    default:
      return -1;
  }
}

std::string after_mismatch(const wire::CellRequest& cell, const wire::CellReply& control,
                           const wire::CellReply& restricted) {
  const auto say = [&](std::uint64_t wanted) {
    return "post-condition: " + std::to_string(restricted.after) + " instead of " + std::to_string(wanted);
  };
  if (restricted.err == control.err) return restricted.after == control.after ? "" : say(control.after);
  const int wanted = after_denial(cell.operation);
  if (wanted < 0 || restricted.after == static_cast<std::uint64_t>(wanted)) return "";
  return say(static_cast<std::uint64_t>(wanted));
}

// Compares the witnesses a cell has. Two that agree against a third name it; otherwise nobody can be named.
void compare(CellVerdict& cell) {
  const bool has_expected = cell.expected.has_value();
  const bool has_predicted = cell.predicted.has_value();
  cell.witnesses = static_cast<std::uint8_t>(1 + (has_expected ? 1 : 0) + (has_predicted ? 1 : 0));
  const bool expected_ok = !has_expected || *cell.expected == cell.observed;
  const bool predicted_ok = !has_predicted || *cell.predicted == cell.observed;
  if (expected_ok && predicted_ok) {
    cell.verdict = Verdict::agree;
    return;
  }
  cell.verdict = Verdict::disagree;
  if (has_expected && has_predicted) {
    cell.lone = *cell.expected == *cell.predicted ? Witness::observed
                : expected_ok                     ? Witness::predicted
                : predicted_ok                    ? Witness::expected
                                                  : Witness::all;
  } else {
    cell.lone = Witness::all;
  }
}

}  // namespace

bool below_proc(const wire::CellRequest& request) {
  return request.operation == Operation::comm_open || is_below(request.path, "/proc");
}

CellVerdict judge_cell(const Row& row, const model::Model& model, std::size_t i, const wire::RowReply& reply,
                       model::Decision* decision) {
  const wire::CellRequest& request = row.run->cells.cells[i];
  const wire::CellReply& control = reply.control.cells[i];
  const wire::CellReply& restricted = reply.restricted.cells[i];
  CellVerdict out;
  out.expected = expected_of(row, i);
  if (control.state != restricted.state) {  // both do the same: what one could try and the other could not is no skip
    out.verdict = Verdict::disagree;
    out.lone = Witness::observed;
    out.decided = std::string("only the ") +
                  (control.state == wire::CellState::unsupported ? "restricted" : "control") + " child could try this";
    return out;
  }
  if (control.state == wire::CellState::unsupported) {
    out.verdict = Verdict::skip;
    out.decided = "neither child could try this here";
    return out;
  }
  out.control = control.err;
  out.observed = restricted.err;
  // A user namespace, or a device controller, refuses even root's device: what is expected of root cannot be seen
  // there.
  const bool makes_device = request.operation == Operation::mknod_chr || request.operation == Operation::mknod_blk;
  const bool as_root = row.identity == wire::IdentityKind::container_root || row.identity == wire::IdentityKind::root;
  if (makes_device && as_root && control.err == EPERM) {
    out.verdict = Verdict::skip;
    out.decided = "no device can be made here, even without the policy (EPERM)";
    return out;
  }
  // A /proc that is read-only, or a filter that lets no thread be started, comes before the policy: what a person
  // claims of it can be neither confirmed nor denied.
  const bool stopped_before =
      control.err == EROFS || (control.err == EPERM && request.operation == Operation::comm_open);
  if (out.expected && *out.expected != control.err && stopped_before && below_proc(request)) {
    out.verdict = Verdict::skip;
    out.decided =
        "not even without the policy (" + errno_name(control.err) + "): nothing that is claimed of it can be seen here";
    return out;
  }
  bool comparable = true;
  if (!request.survey) {
    *decision = decide(row, model, i, reply);
    out.needed = decision->needed;
    out.missing = decision->missing;
    const int hidden = hidden_by_procfs(row, i, reply);
    // Which of the two it is hangs on whether somebody who may has looked the process up in between (hidepid=4).
    const auto hides = [](int err) { return err == ENOENT || err == EPERM; };
    const Composed composed =
        hidden != 0 ? Composed{hides(restricted.err) ? restricted.err : hidden, !hides(control.err)}
                    : compose(request.operation, request.mode, {control.err, control.ret, control.aux}, *decision);
    out.predicted = composed.err;
    comparable = composed.comparable;
    if (hidden != 0) out.expected.reset();  // written for a /proc that shows other processes
  }
  compare(out);
  if (out.verdict == Verdict::agree && !comparable) out.verdict = Verdict::not_comparable;
  if (out.verdict == Verdict::agree && !request.survey) {
    const std::string mismatch = after_mismatch(request, control, restricted);
    if (!mismatch.empty()) {
      out.verdict = Verdict::disagree;
      out.lone = Witness::observed;
      out.decided = mismatch;
      return out;
    }
  }
  if (!request.survey && (decision->err != 0 || out.verdict == Verdict::disagree))
    out.decided = model.describe(*decision);
  return out;
}

}  // namespace lockstep::conformance::judge
