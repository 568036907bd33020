#include "conformance/judge/verdict.h"

#include <algorithm>
#include <cerrno>

#include "conformance/judge/cell_verdict.h"
#include "conformance/judge/cu_init.h"
#include "conformance/judge/predict.h"

namespace lockstep::conformance::judge {
namespace {

// The model has no say: the other witness is the readiness of the row, so it comes after that.
void judge_real_cuda(std::size_t i, Mode mode, const wire::RowReply& reply, RowVerdict& out) {
  const CuAnswer control{reply.control.cells[i], reply.control.message};
  const CuAnswer restricted{reply.restricted.cells[i], reply.restricted.message};
  gpu::ReadinessVerdict said = out.readiness;
  const bool unknown = said.is == gpu::Readiness::unknown;
  if (unknown) said = {};  // ready as far as anybody could see
  CuVerdict verdict = judge_cu_init(control, restricted, said, mode);
  // Of an unknown readiness the real answer is the only witness; a start-up that fails under the policy alone settles
  // it.
  if (unknown && (verdict.verdict == Verdict::agree || verdict.verdict == Verdict::disagree)) {
    verdict.blocks = verdict.blocks || verdict.verdict == Verdict::disagree;
    verdict.verdict = Verdict::not_comparable;
    verdict.why += "; no second witness: " + out.readiness.why;
  }
  CellVerdict& cell = out.cells[i];
  cell.verdict = verdict.verdict;
  cell.witnesses = verdict.verdict == Verdict::agree || verdict.verdict == Verdict::disagree ? 2 : 1;
  cell.lone = verdict.verdict == Verdict::disagree ? Witness::all : Witness::none;
  SpecialAnswer& special = out.special[i] = {0, control.cell.after, describe(control), describe(restricted)};
  cell.decided = verdict.why;
  if (verdict.blocks) {
    out.readiness.is = gpu::Readiness::blocked;
    out.readiness.why = special.observed_word + " under the policy";
  }
  if (verdict.elsewhere) {
    out.readiness.is = gpu::Readiness::blocked_elsewhere;
    out.readiness.why = "cu-init: " + special.control_word + " without the policy";
  }
}

// Empty: as expected, or nothing is; or unknown, which is nobody's disagreement.
std::string missed(const gpu::ReadinessVerdict& readiness, const std::string& what) {
  if (!readiness.expected || *readiness.expected == readiness.is || readiness.is == gpu::Readiness::unknown) return "";
  return what + ": expected " + std::string(name(*readiness.expected)) + ", got " + std::string(name(readiness.is)) +
         " (" + readiness.why + ")";
}

void count(const CellVerdict& cell, RowVerdict& out) {
  if (cell.verdict == Verdict::skip && cell.expected) ++out.untried;
  switch (cell.verdict) {
    case Verdict::agree:
      ++out.agreed;
      break;
    case Verdict::disagree:
      ++out.disagreed;
      break;
    case Verdict::not_comparable:
      ++out.not_comparable;
      break;
    default:
      ++out.skipped;
  }
}

std::string child_problem(const char* who, const wire::ChildReply& child) {
  std::string out = std::string(who) + " child: " + std::string(wire::name(child.outcome));
  if (child.detail != 0) out += " " + std::to_string(child.detail);
  if (!child.message.empty()) out += ": " + printable(child.message);
  return out;
}

// Where the paths cannot be opened as the policy asks, nobody is restricted and nothing runs. A case must have claimed
// it; of a user's own policy it is the answer.
RowVerdict judge_refusal(const Row& row, const wire::ChildReply& control, const wire::ChildReply& restricted) {
  RowVerdict out;
  const std::optional<std::string>& claim = row.run->source.refusal;
  const auto as_claimed = [&](const wire::ChildReply& child) {
    return claim && child.outcome == wire::ChildOutcome::refused && child.message.find(*claim) != std::string::npos;
  };
  const bool agree = as_claimed(control) && as_claimed(restricted);
  // Refused to one child and not to the other is a finding, whose policy it may be.
  const bool answer = row.run->source.own_policy && control.outcome == restricted.outcome;
  out.outcome = agree ? RowOutcome::agree : answer ? RowOutcome::refused : RowOutcome::disagree;
  if (out.outcome == RowOutcome::refused) out.message = control.message;
  const bool odd_one = as_claimed(control) || (!claim && control.outcome != wire::ChildOutcome::refused);
  if (out.outcome == RowOutcome::disagree)
    out.message = "refusal: expected " + (claim ? "\"" + *claim + "\"" : "none") + ", got " +
                  child_problem(odd_one ? "restricted" : "control", odd_one ? restricted : control);
  return out;
}

}  // namespace

std::string_view name(Verdict verdict) {
  constexpr std::string_view names[] = {"agree", "disagree", "not_comparable", "skip", "error"};
  return names[static_cast<std::size_t>(verdict)];
}

std::string_view name(Witness witness) {
  constexpr std::string_view names[] = {"none", "expected", "predicted", "observed", "all"};
  return names[static_cast<std::size_t>(witness)];
}

std::string_view name(RowOutcome outcome) {
  constexpr std::string_view names[] = {"agree", "disagree", "skip", "error", "refused"};
  return names[static_cast<std::size_t>(outcome)];
}

std::string_view name(SkipReason reason) {
  constexpr std::string_view names[] = {"none", "plan-refused", "identity", "here"};
  return names[static_cast<std::size_t>(reason)];
}

RowVerdict judge(const Row& row, const wire::RowReply& reply, const KernelLandlock& kernel) {
  RowVerdict out;
  for (const auto& [who, child] : {std::pair{"control", &reply.control}, std::pair{"restricted", &reply.restricted}}) {
    if (child->outcome == wire::ChildOutcome::skipped) {
      out.outcome = RowOutcome::skip;
      out.message = child->message;
      return out;
    }
    const bool answered =
        child->outcome == wire::ChildOutcome::completed || child->outcome == wire::ChildOutcome::refused;
    if (!answered) {
      out.message = child_problem(who, *child);
      return out;
    }
  }
  const bool refused =
      reply.control.outcome == wire::ChildOutcome::refused || reply.restricted.outcome == wire::ChildOutcome::refused;
  if (refused || row.run->source.refusal) return judge_refusal(row, reply.control, reply.restricted);
  const std::size_t cells = row.run->cells.cells.size();
  std::size_t rules = row.run->effective.rules.size();
  for (const EffectivePolicy& more : row.run->stacked) rules += more.rules.size();
  if (reply.control.cells.size() != cells || reply.restricted.cells.size() != cells ||
      reply.control.first_walks.size() != cells || reply.control.second_walks.size() != cells ||
      reply.control.view_walks.size() != rules) {
    out.message = "the worker's reply has the wrong number of cells";
    return out;
  }

  for (std::size_t i = 0; i < row.run->effective.rules.size(); ++i) {
    const EffectiveRule& rule = row.run->effective.rules[i];
    const int err = reply.control.view_walks.error(i);
    if (err != 0 && rule.line > 0) out.skipped_paths.push_back({rule.path, rule.origin, errno_name(err), rule.line});
  }
  const model::Model model = build_model(row, reply, kernel, row.plan_abi);
  std::vector<model::Decision> decisions(cells);
  const auto is_cu_init = [&](std::size_t i) { return row.run->cells.cells[i].operation == Operation::cu_init; };
  out.cells.reserve(cells);
  for (std::size_t i = 0; i < cells; ++i)
    out.cells.push_back(is_cu_init(i) ? CellVerdict() : judge_cell(row, model, i, reply, &decisions[i]));
  read_readiness(row, reply, kernel, decisions, out);
  for (std::size_t i = 0; i < cells; ++i) {
    if (is_cu_init(i)) judge_real_cuda(i, row.run->cells.cells[i].mode, reply, out);
    const wire::CellReply& restricted = reply.restricted.cells[i];
    if (row.run->cells.cells[i].survey && out.cells[i].verdict != Verdict::skip &&
        reply.control.cells[i].state == restricted.state)
      out.special[i] = {restricted.ret, restricted.aux, "", ""};
    count(out.cells[i], out);
  }

  // The same of readiness, which names threads below /proc.
  bool stopped_before = false;
  for (std::size_t i = 0; i < cells; ++i)
    stopped_before = stopped_before || (out.cells[i].verdict == Verdict::skip && out.cells[i].expected &&
                                        below_proc(row.run->cells.cells[i]));
  if (out.readiness.is == gpu::Readiness::blocked_elsewhere && stopped_before) {
    out.readiness.is = gpu::Readiness::unknown;
    for (gpu::PredictedReadiness& each : out.beyond) each.verdict.is = gpu::Readiness::unknown;
  }
  std::string readiness = missed(out.readiness, "readiness");
  for (const gpu::PredictedReadiness& each : out.beyond)
    if (readiness.empty())
      readiness = missed(each.verdict, "readiness at plan " + std::to_string(each.plan_abi) + ", predicted");
  if (out.disagreed > 0 || !readiness.empty()) {
    out.outcome = RowOutcome::disagree;
    out.message = readiness;
    return out;
  }
  // Independent of any policy: without this, "everything allowed" could be a child that was never restricted.
  const int denial = reply.restricted.hidden != 0 ? reply.restricted.hidden : EACCES;
  if (!reply.control.canary_before || reply.control.canary_after != 0 || !reply.restricted.canary_before ||
      reply.restricted.canary_after != denial) {
    out.message = "the canary does not prove the restriction: before " +
                  std::string(reply.restricted.canary_before ? "ok" : "failed") + ", after " +
                  errno_name(reply.restricted.canary_after) + ", control " + errno_name(reply.control.canary_after);
    return out;
  }
  // What is claimed of it can be neither confirmed nor denied.
  if (out.readiness.expected && out.readiness.is == gpu::Readiness::unknown) {
    out.outcome = RowOutcome::skip;
    out.message = "readiness is unknown: " + out.readiness.why;
    return out;
  }
  // The rest of the row may agree; what a person claims of it, nobody has seen.
  const auto claims = [](const CellVerdict& cell) { return cell.expected.has_value(); };
  if (out.untried > 0 &&
      out.untried == static_cast<std::size_t>(std::count_if(out.cells.begin(), out.cells.end(), claims))) {
    const auto first =
        static_cast<std::size_t>(std::find_if(out.cells.begin(), out.cells.end(), claims) - out.cells.begin());
    out.outcome = RowOutcome::skip;
    out.message = "no expectation of this row could be tried: " + cell_name(row.run->cells.cells[first]) + ": " +
                  out.cells[first].decided.text() +
                  (out.untried > 1 ? ", and " + std::to_string(out.untried - 1) + " more" : "");
    return out;
  }
  // Cells that were all skipped or that say nothing show nothing: no row agrees by them.
  if (out.agreed == 0) {
    out.outcome = RowOutcome::skip;
    out.message = "no cell of this row could be compared";
    return out;
  }
  out.outcome = RowOutcome::agree;
  return out;
}

}  // namespace lockstep::conformance::judge
