#include "conformance/judge/verdict.h"

#include <algorithm>
#include <cerrno>

#include "conformance/judge/compose.h"
#include "conformance/judge/cu_init.h"
#include "conformance/judge/cuda.h"
#include "model/model.h"

namespace lockstep::conformance {
namespace {

// First match wins. Where none matches, the cell has two witnesses.
std::optional<int> expected_of(const Row& row, std::size_t cell) {
  for (const int index : row.run->cells.info[cell].expectations) {
    const Expectation& each = row.run->source.expectations[static_cast<std::size_t>(index)];
    // Unprivileged, the one identity there is stands in for an ordinary user, and for nobody else.
    const IdentityKind identity_of_row = row.identity == IdentityKind::self ? IdentityKind::user : row.identity;
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

std::string after_mismatch(const CellRequest& cell, const CellReply& control, const CellReply& restricted) {
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
  cell.witnesses = 1 + (has_expected ? 1 : 0) + (has_predicted ? 1 : 0);
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

model::Model build_model(const Row& row, const RowReply& reply, const KernelLandlock& kernel) {
  model::Kernel decides;
  decides.abi = row.plan_abi;
  decides.kernel_abi = kernel.abi;
  decides.errata = kernel.errata;
  model::Model model(decides);
  std::vector<model::Walk> walks;
  walks.reserve(reply.control.view_walks.size());
  for (const model::RawWalk& raw : reply.control.view_walks) walks.push_back(model::to_walk(raw));
  model.add_layer(row.run->effective, walks);
  return model;
}

CellVerdict judge_cell(const Row& row, const model::Model& model, std::size_t i, const RowReply& reply,
                       model::Decision* decision) {
  const CellRequest& request = row.run->cells.cells[i];
  const CellReply& control = reply.control.cells[i];
  const CellReply& restricted = reply.restricted.cells[i];
  CellVerdict out;
  if (control.state != restricted.state) {  // both do the same: what one could try and the other could not is no skip
    out.verdict = Verdict::disagree;
    out.lone = Witness::observed;
    out.decided = std::string("only the ") + (control.state == CellState::unsupported ? "restricted" : "control") + " child could try this";
    return out;
  }
  if (control.state == CellState::unsupported) {
    out.verdict = Verdict::skip;
    return out;
  }
  out.control = control.err;
  out.observed = restricted.err;
  out.ret = restricted.ret;
  out.aux = restricted.aux;
  // A user namespace, or a device controller, refuses even root's device: what is expected of root cannot be seen there.
  const bool makes_device = request.operation == Operation::mknod_chr || request.operation == Operation::mknod_blk;
  const bool as_root = row.identity == IdentityKind::container_root || row.identity == IdentityKind::root;
  if (makes_device && as_root && control.err == EPERM) {
    out.verdict = Verdict::skip;
    return out;
  }
  out.expected = expected_of(row, i);
  bool comparable = true;
  if (!request.survey) {
    const model::Walk first = model::to_walk(reply.control.first_walks[i]);
    const model::Walk second = model::to_walk(reply.control.second_walks[i]);
    model::Query query;
    query.operation = request.operation;
    // glibc names the calling thread by prctl: no file is opened.
    const bool by_prctl = request.mode == Mode::setname && request.target == Target::own;
    query.mode = by_prctl ? Mode::prctl : request.mode;
    query.first = &first;
    query.second = &second;
    query.port = request.port;
    // A thread that ran before is in no domain, unless the restriction was for all of them.
    const bool bound = request.actor != Actor::early_thread || row.run->effective.restrictions.all_threads;
    if (bound) *decision = model.decide(query);
    out.missing = decision->missing;
    const Composed composed = compose(request.operation, request.mode, control.err, *decision);
    out.predicted = composed.err;
    comparable = composed.comparable;
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
  if (!request.survey && (decision->err != 0 || out.verdict == Verdict::disagree)) out.decided = model.describe(*decision);
  return out;
}

std::string layer_of(int err) {
  switch (err) {
    case EROFS: return "a read-only mount (EROFS)";
    case ENOENT: return "a missing path (ENOENT)";
    case EPERM: return "seccomp or a missing capability (EPERM)";
    case EACCES: return "file permissions or another security module (EACCES)";
    default: return errno_name(err);
  }
}

// Walks CUDA's start-up in order; the first fatal step that fails is the one that blocks.
void read_readiness(const Row& row, const std::vector<model::Decision>& decisions, RowVerdict& out) {
  ReadinessVerdict& readiness = out.readiness;
  std::string also;  // what the policy blocks besides, where something else blocks first
  for (const ReadinessExpectation& each : row.run->source.readiness)
    if (!readiness.expected && each.abis.contains(row.plan_abi)) readiness.expected = each.is;
  const std::vector<CudaStep> steps = cuda_steps(row.run->source.context.host);
  const auto works = [&](const CudaStep& step) {
    for (std::size_t i = 0; i < out.cells.size(); ++i)
      if (row.run->cells.info[i].step == step.id && out.cells[i].observed == 0) return true;
    return false;
  };
  const bool has_gpu = std::any_of(steps.begin(), steps.end(), [&](const CudaStep& step) { return step.one_of && works(step); });
  for (const CudaStep& step : steps) {
    for (std::size_t i = 0; i < out.cells.size(); ++i) {
      if (row.run->cells.info[i].step != step.id) continue;
      const CellVerdict& cell = out.cells[i];
      const CellRequest& request = row.run->cells.cells[i];
      if (cell.verdict == Verdict::skip || cell.observed == 0 || step.importance == CudaImportance::harmless) continue;
      if (cell.control == ENOENT && step.optional) continue;
      const std::string path = request.operation == Operation::comm_open ? "/proc/<pid>/task/<tid>/comm" : request.path;
      Readiness is = Readiness::blocked;
      std::string why = step.id + " needs " + join_names(decisions[i].missing) + " on " + path;
      if (cell.control != 0) {
        is = Readiness::blocked_elsewhere;
        why = step.id + ": " + layer_of(cell.control) + " on " + path;
      } else if (decisions[i].err == 0) {
        why = step.id + " got " + errno_name(cell.observed) + " on " + path;
      }
      if (step.importance == CudaImportance::degraded || (step.one_of && has_gpu)) is = Readiness::degraded;
      if (is == Readiness::blocked && also.empty()) also = why;
      if (readiness.is == Readiness::ready || (readiness.is == Readiness::degraded && is != Readiness::degraded)) {
        readiness.is = is;
        readiness.why = why;
      }
    }
  }
  if (readiness.is == Readiness::blocked_elsewhere && !also.empty()) readiness.why += "; and by the policy: " + also;
}

// The model has no say: the other witness is the readiness of the row, so it comes after that.
void judge_real_cuda(std::size_t i, Mode mode, const RowReply& reply, RowVerdict& out) {
  const CuAnswer control{reply.control.cells[i], reply.control.message};
  const CuAnswer restricted{reply.restricted.cells[i], reply.restricted.message};
  const CuVerdict verdict = judge_cu_init(control, restricted, out.readiness, mode);
  CellVerdict& cell = out.cells[i];
  cell.verdict = verdict.verdict;
  cell.witnesses = verdict.verdict == Verdict::agree || verdict.verdict == Verdict::disagree ? 2 : 1;
  cell.lone = verdict.verdict == Verdict::disagree ? Witness::all : Witness::none;
  cell.control_word = describe(control);
  cell.observed_word = describe(restricted);
  cell.aux = control.cell.after;
  cell.decided = verdict.why;
  if (verdict.blocks) {
    out.readiness.is = Readiness::blocked;
    out.readiness.why = cell.observed_word + " under the policy";
  }
  if (verdict.elsewhere) {
    out.readiness.is = Readiness::blocked_elsewhere;
    out.readiness.why = "cu-init: " + cell.control_word + " without the policy";
  }
}

void count(Verdict verdict, RowVerdict& out) {
  switch (verdict) {
    case Verdict::agree: ++out.agreed; break;
    case Verdict::disagree: ++out.disagreed; break;
    case Verdict::not_comparable: ++out.not_comparable; break;
    default: ++out.skipped;
  }
}

std::string child_problem(const char* who, const ChildReply& child) {
  std::string out = std::string(who) + " child: " + std::string(name(child.outcome));
  if (child.detail != 0) out += " " + std::to_string(child.detail);
  if (!child.message.empty()) out += ": " + printable(child.message);
  return out;
}

// Where the paths cannot be opened as the policy asks, nobody is restricted and nothing runs. A case must have claimed it; of a
// user's own policy it is the answer.
RowVerdict judge_refusal(const Row& row, const ChildReply& control, const ChildReply& restricted) {
  RowVerdict out;
  const std::optional<std::string>& claim = row.run->source.refusal;
  const auto as_claimed = [&](const ChildReply& child) {
    return claim && child.outcome == ChildOutcome::refused && child.message.find(*claim) != std::string::npos;
  };
  const bool agree = as_claimed(control) && as_claimed(restricted);
  // Refused to one child and not to the other is a finding, whose policy it may be.
  const bool answer = row.run->source.own_policy && control.outcome == restricted.outcome;
  out.outcome = agree ? RowOutcome::agree : answer ? RowOutcome::refused : RowOutcome::disagree;
  if (out.outcome == RowOutcome::refused) out.message = control.message;
  const bool odd_one = as_claimed(control) || (!claim && control.outcome != ChildOutcome::refused);
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

RowVerdict judge(const Row& row, const RowReply& reply, const KernelLandlock& kernel) {
  RowVerdict out;
  for (const auto& [who, child] : {std::pair{"control", &reply.control}, std::pair{"restricted", &reply.restricted}}) {
    if (child->outcome == ChildOutcome::skipped) {
      out.outcome = RowOutcome::skip;
      out.message = child->message;
      return out;
    }
    const bool answered = child->outcome == ChildOutcome::completed || child->outcome == ChildOutcome::refused;
    if (!answered) {
      out.message = child_problem(who, *child);
      return out;
    }
  }
  const bool refused = reply.control.outcome == ChildOutcome::refused || reply.restricted.outcome == ChildOutcome::refused;
  if (refused || row.run->source.refusal) return judge_refusal(row, reply.control, reply.restricted);
  const std::size_t cells = row.run->cells.cells.size();
  if (reply.control.cells.size() != cells || reply.restricted.cells.size() != cells ||
      reply.control.first_walks.size() != cells || reply.control.second_walks.size() != cells ||
      reply.control.view_walks.size() != row.run->effective.rules.size()) {
    out.message = "the worker's reply has the wrong number of cells";
    return out;
  }

  for (std::size_t i = 0; i < row.run->effective.rules.size(); ++i) {
    const EffectiveRule& rule = row.run->effective.rules[i];
    const model::RawWalk& walk = reply.control.view_walks[i];
    const int err = walk.missing != 0 ? ENOENT : walk.error;
    if (err != 0 && rule.line > 0) out.skipped_paths.push_back({rule.path, rule.origin, errno_name(err), rule.line});
  }
  const model::Model model = build_model(row, reply, kernel);
  std::vector<model::Decision> decisions(cells);
  const auto is_cu_init = [&](std::size_t i) { return row.run->cells.cells[i].operation == Operation::cu_init; };
  out.cells.reserve(cells);
  for (std::size_t i = 0; i < cells; ++i)
    out.cells.push_back(is_cu_init(i) ? CellVerdict() : judge_cell(row, model, i, reply, &decisions[i]));
  read_readiness(row, decisions, out);
  for (std::size_t i = 0; i < cells; ++i) {
    if (is_cu_init(i)) judge_real_cuda(i, row.run->cells.cells[i].mode, reply, out);
    count(out.cells[i].verdict, out);
  }

  const bool readiness_ok = !out.readiness.expected || *out.readiness.expected == out.readiness.is;
  if (out.disagreed > 0 || !readiness_ok) {
    out.outcome = RowOutcome::disagree;
    if (!readiness_ok)
      out.message = "readiness: expected " + std::string(name(*out.readiness.expected)) + ", got " +
                    std::string(name(out.readiness.is)) + " (" + out.readiness.why + ")";
    return out;
  }
  // Independent of any policy: without this, "everything allowed" could be a child that was never restricted.
  if (!reply.control.canary_before || reply.control.canary_after != 0 || !reply.restricted.canary_before ||
      reply.restricted.canary_after != EACCES) {
    out.message = "the canary does not prove the restriction: before " +
                  std::string(reply.restricted.canary_before ? "ok" : "failed") + ", after " +
                  errno_name(reply.restricted.canary_after) + ", control " + errno_name(reply.control.canary_after);
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

}  // namespace lockstep::conformance
