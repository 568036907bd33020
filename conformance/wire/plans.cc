#include "conformance/wire/plans.h"

namespace lockstep::conformance::wire {
namespace {

std::vector<PlanRule> rules_of(const std::vector<WirePlanRule>& rules) {
  std::vector<PlanRule> out;
  out.reserve(rules.size());
  for (const WirePlanRule& rule : rules)
    out.push_back({rule.path, AccessSet::from_bits(rule.rights), rule.from_baseline, rule.line, rule.quiet});
  return out;
}

}  // namespace

std::vector<Plan> plans_of(const RowRequest& request) {
  std::vector<Plan> out(1);
  Plan& plan = out.front();
  plan.file = request.policy_file;
  plan.abi = request.plan_abi;
  plan.handled = AccessSet::from_bits(request.handled);
  plan.compatibility = request.hard_requirement ? Compatibility::hard_requirement : Compatibility::best_effort;
  plan.rules = rules_of(request.rules);
  plan.handled_net = NetSet::from_bits(request.handled_net);
  plan.scoped = ScopeSet::from_bits(request.scoped);
  plan.ports = request.ports;
  plan.log = RestrictFlags::from_bits(request.log);
  plan.all_threads = request.all_threads;
  for (const WireLayer& layer : request.stacked) {
    Plan more;
    more.file = request.policy_file;
    more.abi = request.plan_abi;
    more.handled = AccessSet::from_bits(layer.handled);
    more.handled_net = NetSet::from_bits(layer.handled_net);
    more.scoped = ScopeSet::from_bits(layer.scoped);
    more.ports = layer.ports;
    more.rules = rules_of(layer.rules);
    out.push_back(std::move(more));
  }
  return out;
}

WirePlanRule to_wire(const PlanRule& rule) {
  return {rule.path, rule.rights.bits(), rule.from_baseline, rule.line, rule.quiet};
}

WireLayer to_wire(const Plan& plan) {
  WireLayer out{plan.handled.bits(), plan.handled_net.bits(), plan.scoped.bits(), plan.ports, {}};
  for (const PlanRule& rule : plan.rules) out.rules.push_back(to_wire(rule));
  return out;
}

}  // namespace lockstep::conformance::wire
