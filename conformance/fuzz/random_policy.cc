// The part of the generator that makes policies, and rules on entries of procfs.
#include <algorithm>

#include <lockstep/rights.h>

#include "conformance/fuzz/random.h"
#include "model/model.h"

namespace lockstep::conformance::fuzz {

// A path that a policy may name: found by it, and there.
std::string Generator::named() {
  for (;;) {
    const std::string path = one_in(3)                       ? any(names_).path
                             : one_in(8) && !hidden_.empty() ? any(hidden_).path
                                                             : place().path;
    if (!path.starts_with('@')) return path;
  }
}

LayerSpec Generator::policy_layer(int abi) {
  static const std::vector<std::string> baseline = {"/usr",         "/lib",     "/etc",           "/proc",
                                                    "/dev/urandom", "/var/log", "/dev/nvidiactl", "/dev/nvidia-uvm"};
  LayerSpec out;
  PolicySpec& policy = out.policy.emplace();
  const AccessSet rights = model::rights_of_abi(abi);
  policy.hard = one_in(3);
  policy.min_abi = 1 + static_cast<int>(pick(static_cast<std::size_t>(policy.hard ? abi : features_.abi)));
  if (one_in(2)) policy.read_only.push_back(one_in(2) ? "/" : ".");
  if (one_in(3)) policy.read_write.push_back(one_in(2) ? "." : "t");
  if (one_in(3)) (one_in(2) ? policy.read_only : policy.read_write).push_back(one_in(4) ? "/proc/self/task" : "/proc");
  for (std::size_t count = pick(6); count > 0; --count) policy.read_only.push_back(named());
  for (std::size_t count = pick(6); count > 0; --count) policy.read_write.push_back(named());
  if (!policy.hard && one_in(3)) policy.read_write.push_back("t/not-there");
  for (std::size_t count = pick(5); count > 0; --count) {
    RuleSpec grant{named(), some_of(policy.hard ? rights : model::rights_of_abi(features_.abi), one_in(2))};
    grant.rights |= Right::read_file;  // hard_requirement takes no grant that means nothing on a file
    policy.grants.push_back(grant);
  }
  policy.gpu = one_in(2);
  policy.proxy = one_in(2);
  for (const std::string& each : baseline)
    if (!one_in(3)) policy.present.push_back(each);
  if (one_in(4)) policy.present.push_back("/tmp");  // which is above the whole tree
  if (one_in(3)) policy.workdir = place().path;
  if (policy.workdir.starts_with('@')) policy.workdir = "t";
  if (one_in(3)) policy.conflicts = one_in(2) ? ConflictMode::promote : ConflictMode::keep;
  if (policy.read_only.empty() && policy.read_write.empty()) policy.read_only.push_back("t");
  if (features_.abi >= 4 && one_in(3)) add_restrictions(out);
  if (policy.hard) {
    Restrictions& more = out.restrictions;
    more.net &= model::net_rights_of_abi(abi);
    more.scopes &= model::scopes_of_abi(abi);
    std::erase_if(more.ports, [&](const PortRule& rule) { return !more.net.contains(rule.right); });
  }
  return out;
}

// Rules on entries of procfs, pinned or not, and who asks for what is below them.
void Generator::add_reclaim(FuzzCase& out) {
  out.reclaim = true;
  if (out.layers.size() > 3) out.layers.resize(3);  // under many layers everything is denied anyway
  const bool policy = std::any_of(out.layers.begin(), out.layers.end(),
                                  [](const LayerSpec& layer) { return layer.policy.has_value(); });
  if (!policy && one_in(2)) {
    out.plan_abi = features_.abi;
    out.layers.back() = policy_layer(out.plan_abi);
  }
  if (!policy && out.layers.back().policy == std::nullopt) out.plan_abi = 0;
  for (LayerSpec& layer : out.layers) {
    for (std::size_t rules = layer.policy ? 1 + pick(4) : 0; rules > 0; --rules)
      (one_in(2) ? layer.policy->read_only : layer.policy->read_write).push_back(any(proc_entries_));
    for (std::size_t rules = layer.policy || layer.handled.empty() ? 0 : 1 + pick(6); rules > 0; --rules) {
      RuleSpec rule{any(proc_entries_), some_of(layer.handled, true), one_in(3)};
      if (!rule.rights.empty()) layer.rules.push_back(rule);
    }
  }
  for (OperationSpec& each : out.operations)  // whose /proc/self a rule is on
    if (each.path.find("/self") != std::string::npos) each.actor = Actor::self;
  static constexpr Operation asks[] = {Operation::open_r,    Operation::open_rw,   Operation::opendir,
                                       Operation::open_path, Operation::reopen_fd, Operation::stat};
  for (std::size_t i = 0; i < 64; ++i)
    out.operations[pick(out.operations.size())] = {
        asks[pick(std::size(asks))], Mode::plain, Actor::self, any(proc_entries_), {}};
}

}  // namespace lockstep::conformance::fuzz
