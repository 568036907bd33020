#include "conformance/fuzz/policy_layer.h"

#include <cerrno>

#include <lockstep/effective.h>
#include <lockstep/plan.h>

#include "model/read_walk.h"

namespace lockstep::conformance::fuzz {
namespace {

Policy policy_of(const PolicySpec& spec, const Restrictions& restrictions, const Tree& tree) {
  Policy out;
  out.file = "policy";
  out.has_filesystem_policy = true;
  out.include_workdir = !spec.workdir.empty();
  const auto entry = [&](const std::string& path) {
    const std::string written = tree.absolute(path);
    return PathEntry{normalise_path(written), written, 1};
  };
  for (const std::string& path : spec.read_only) out.read_only.push_back(entry(path));
  for (const std::string& path : spec.read_write) out.read_write.push_back(entry(path));
  for (const RuleSpec& grant : spec.grants) out.grants.push_back({entry(grant.path), grant.rights, "", false});
  out.compatibility = spec.hard ? Compatibility::hard_requirement : Compatibility::best_effort;
  out.min_abi = spec.min_abi;
  out.restrictions = restrictions;
  out.has_network_policies = spec.proxy;
  if (spec.conflicts) out.conflicts.push_back({{"/**", "/proc"}, {}, *spec.conflicts, "", 0});
  return out;
}

Context context_of(const PolicySpec& spec, const Tree& tree) {
  Context out;
  for (const std::string& path : spec.present) out.host.present.push_back({path, NodeKind::directory});
  out.gpu = spec.gpu ? Toggle::on : Toggle::off;
  if (!spec.workdir.empty()) out.workdir = tree.absolute(spec.workdir);
  return out;
}

Error refused(Error error) {
  if (error.kind == ErrorKind::input) error.err = EINVAL;
  error.message = "the library refuses the policy: " + error.message;
  return error;
}

}  // namespace

std::shared_ptr<const ToldPolicy> told_now(ToldPolicy told) {
  told.walks.clear();
  for (const std::string& path : told.paths) {
    model::RawWalk raw;
    model::read_walk(path.c_str(), true, &raw);
    told.walks.push_back(model::to_walk(raw));
  }
  return std::make_shared<const ToldPolicy>(std::move(told));
}

Result<PolicyLayer> make_policy_layer(const PolicySpec& spec, const Restrictions& restrictions, const Tree& tree,
                                      int plan_abi, const Fault* fault) {
  Result<EffectivePolicy> effective = enrich(policy_of(spec, restrictions, tree), context_of(spec, tree));
  if (!effective) return refused(effective.error());
  Result<Plan> plan = compile(*effective, plan_abi);
  if (!plan) return refused(plan.error());
  if (fault != nullptr && fault->break_plan != nullptr) fault->break_plan(*plan);
  Result<Prepared> prepared = prepare(*plan, {});
  if (!prepared) return refused(prepared.error());
  if (fault != nullptr && fault->drops_pins) prepared->pins.clear();
  ToldPolicy told{std::move(effective).value(), {}, {}};
  const std::string root = tree.absolute("");
  for (EffectiveRule& rule : told.effective.rules) {
    told.paths.push_back(rule.path);
    if (rule.path + "/" == root)
      rule.path = ".";
    else if (rule.path.starts_with(root))
      rule.path.erase(0, root.size());
  }
  return PolicyLayer{std::move(prepared).value(), told_now(std::move(told))};
}

}  // namespace lockstep::conformance::fuzz
