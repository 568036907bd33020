#include "conformance/judge/predict.h"

#include <algorithm>

#include <lockstep/abi.h>

#include "conformance/judge/compose.h"
#include "gpu/steps.h"

namespace lockstep::conformance::judge {
namespace {

// Whether it is the missing GPU alone that leaves /proc as the policy has it.
bool promoted_on_gpu_hosts(const Case& source, const EffectivePolicy& effective) {
  if (effective.gpu || source.context.gpu != Toggle::automatic) return false;
  Context context = source.context;
  context.gpu = Toggle::on;
  const Result<EffectivePolicy> there = enrich(source.policy, context);
  if (!there.ok()) return false;
  const std::vector<std::string> writable = there->read_write();
  return std::find(writable.begin(), writable.end(), "/proc") != writable.end();
}

}  // namespace

model::Model build_model(const Row& row, const wire::RowReply& reply, const KernelLandlock& kernel, int plan_abi) {
  model::Kernel decides;
  decides.abi = plan_abi;
  decides.kernel_abi = kernel.abi;
  decides.errata = kernel.errata;
  model::Model model(decides);
  std::size_t next = 0;
  const auto add = [&](const EffectivePolicy& effective) {
    std::vector<model::Walk> walks;
    walks.reserve(effective.rules.size());
    for (std::size_t i = 0; i < effective.rules.size(); ++i) walks.push_back(reply.control.view_walks[next++]);
    model.add_layer(effective, walks);
  };
  add(row.run->effective);
  for (const EffectivePolicy& more : row.run->stacked) add(more);
  return model;
}

namespace {

// A thread that ran before is in no domain, unless the restriction was for all of them.
bool is_bound(const Row& row, const wire::CellRequest& request) {
  return request.actor != Actor::early_thread || row.run->effective.restrictions.all_threads;
}

}  // namespace

int hidden_by_procfs(const Row& row, std::size_t i, const wire::RowReply& reply) {
  const wire::CellRequest& request = row.run->cells.cells[i];
  constexpr std::string_view procfs = "/proc/";
  const std::string& path = request.path;
  const bool other = path.starts_with("/proc/$sibling") || (path.starts_with(procfs) && path.size() > procfs.size() &&
                                                            path[procfs.size()] >= '0' && path[procfs.size()] <= '9');
  return other && is_bound(row, request) ? reply.restricted.hidden : 0;
}

model::Decision decide(const Row& row, const model::Model& model, std::size_t i, const wire::RowReply& reply) {
  const wire::CellRequest& request = row.run->cells.cells[i];
  const model::Walk first = reply.control.first_walks[i];
  const model::Walk second = reply.control.second_walks[i];
  model::Query query;
  query.operation = request.operation;
  // glibc names the calling thread by prctl: no file is opened.
  const bool by_prctl = request.mode == Mode::setname && request.target == Target::own;
  query.mode = by_prctl ? Mode::prctl : request.mode;
  query.first = &first;
  query.second = &second;
  query.port = request.port;
  return is_bound(row, request) ? model.decide(query) : model::Decision{};
}

// What the kernel answered to CUDA's start-up, and beyond its own ABI what the model says it would.
void read_readiness(const Row& row, const wire::RowReply& reply, const KernelLandlock& kernel,
                    const std::vector<model::Decision>& decisions, RowVerdict& out) {
  const Case& source = row.run->source;
  const auto expected_at = [&](int abi) -> std::optional<gpu::Readiness> {
    for (const ReadinessExpectation& each : source.readiness)
      if (each.abis.contains(abi)) return each.is;
    return std::nullopt;
  };
  const std::vector<gpu::Step> steps = gpu::steps_of(source.context.host);
  std::vector<std::size_t> cells(steps.size(), out.cells.size());
  for (std::size_t i = 0; i < out.cells.size(); ++i)
    for (std::size_t s = 0; s < steps.size(); ++s)
      if (row.run->cells.info[i].step == steps[s].id) cells[s] = i;
  const bool promoted = promoted_on_gpu_hosts(source, row.run->effective);
  const auto answers = [&](const model::Model* model) {
    std::vector<gpu::StepAnswer> all(steps.size());
    for (std::size_t s = 0; s < steps.size(); ++s) {
      const std::size_t i = cells[s];
      if (i == out.cells.size()) continue;
      const wire::CellReply& control = reply.control.cells[i];
      if (control.state != wire::CellState::done || reply.restricted.cells[i].state != wire::CellState::done) continue;
      const model::Decision decision = model == nullptr ? decisions[i] : decide(row, *model, i, reply);
      const wire::CellRequest& request = row.run->cells.cells[i];
      const int under =
          model == nullptr
              ? out.cells[i].observed
              : compose(request.operation, request.mode, {control.err, control.ret, control.aux}, decision).err;
      all[s] = {true, control.err, under, decision.err != 0, decision.missing};
    }
    return all;
  };
  out.readiness = gpu::conclude(steps, answers(nullptr), promoted);
  out.readiness.expected = expected_at(row.plan_abi);
  if (row.plan_abi != kernel.abi) return;
  for (int abi = kernel.abi + 1; abi <= newest_abi; ++abi) {
    if (!source.plan_abis.contains(abi)) continue;
    const model::Model model = build_model(row, reply, {abi, kernel.errata}, abi);
    out.beyond.push_back({abi, gpu::conclude(steps, answers(&model), promoted)});
    out.beyond.back().verdict.expected = expected_at(abi);
  }
}

}  // namespace lockstep::conformance::judge
