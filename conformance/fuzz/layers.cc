#include "conformance/fuzz/layers.h"

#include <cerrno>

#include <lockstep/rights.h>

#include "conformance/fuzz/policy_layer.h"
#include "enforce/restrict.h"
#include "landlock/uapi.h"

namespace lockstep::conformance::fuzz {

Result<ReadyLayer> make_layer(const LayerSpec& layer, const FuzzCase& fuzz_case, const Tree& tree, int abi,
                              const Fault* fault) {
  if (layer.policy) {
    LOCKSTEP_ASSIGN(PolicyLayer policy,
                    make_policy_layer(*layer.policy, layer.restrictions, tree, fuzz_case.plan_abi, fault));
    ReadyLayer out;
    out.prepared = std::move(policy.prepared);
    out.told.policy = std::move(policy.told);
    return out;
  }
  uapi::RulesetAttr attr;
  attr.handled_access_fs = layer.handled.bits();
  attr.handled_access_net = layer.restrictions.net.bits();
  attr.scoped = layer.restrictions.scopes.bits();
  ReadyLayer out;
  out.told = {layer.handled, {}, {}, layer.restrictions};
  out.ruleset.reset(static_cast<int>(uapi::create_ruleset(&attr, abi < 4 ? 8 : abi < 6 ? 16 : 24, 0)));
  if (!out.ruleset) return system_error(errno, "landlock_create_ruleset");
  for (const PortRule& rule : layer.restrictions.ports) {
    const uapi::NetPortAttr port{NetSet(rule.right).bits(), rule.port};
    if (uapi::add_rule(out.ruleset.get(), uapi::rule_net_port, &port, 0) != 0)
      return system_error(errno, "landlock_add_rule: port " + std::to_string(rule.port));
  }
  for (const RuleSpec& rule : layer.rules) {
    UniqueFd fd = tree.open_path(rule.path);
    const auto object = fd ? object_of(fd.get()) : std::nullopt;
    if (!object) return system_error(EINVAL, "open for a rule: " + rule.path);
    const bool directory = object->type == model::FileType::directory;
    const AccessSet rights = directory ? rule.rights : rule.rights & access_on_files;
    if (rights.empty()) continue;
    uapi::PathBeneathAttr beneath;
    beneath.allowed_access = rights.bits();
    beneath.parent_fd = fd.get();
    if (uapi::add_rule(out.ruleset.get(), uapi::rule_path_beneath, &beneath, 0) != 0)
      return system_error(errno, "landlock_add_rule: " + rule.path);
    // The model is told by its own mask.
    out.told.rules.push_back({*object, directory ? rule.rights : rule.rights & model::rights_on_files()});
    out.told.paths.push_back(rule.path);
    const auto entry = fuzz_case.reclaim ? proc_entry(fd.get()) : std::nullopt;
    if (entry && !rule.pinned) {
      out.unpinned.push_back({*entry, out.told.rules.size() - 1});
      continue;
    }
    if (entry) out.told.pinned.push_back(out.told.rules.back());
    out.pins.push_back(std::move(fd));
  }
  return out;
}

int restrict_by(const ReadyLayer& layer) {
  if (!layer.prepared) return uapi::restrict_self(layer.ruleset.get(), 0) == 0 ? 0 : errno;
  const Result<void> restricted = restrict_self(*layer.prepared, {.threads = Threads::calling});
  return restricted.ok() ? 0 : restricted.error().err != 0 ? restricted.error().err : EIO;
}

bool any_left(const ReadyLayer& layer, const Tree& tree) {
  for (const ReadyLayer::Unpinned& each : layer.unpinned) {
    const UniqueFd fd = tree.open_path(layer.told.paths[each.rule]);
    if (fd && proc_entry(fd.get()) == each.entry) return true;
  }
  return false;
}

std::size_t forget_lost(ReadyLayer& layer, const Tree& tree) {
  // A policy's rules hold: its pins are the library's business.
  if (layer.told.policy != nullptr) layer.told.policy = told_now(*layer.told.policy);
  std::size_t kept = 0;
  std::vector<std::size_t> lost;
  for (const ReadyLayer::Unpinned& each : layer.unpinned) {
    UniqueFd fd = tree.open_path(layer.told.paths[each.rule]);
    if (fd && proc_entry(fd.get()) == each.entry) {
      ++kept;
      layer.pins.push_back(std::move(fd));
      continue;
    }
    if (const auto now = fd ? object_of(fd.get()) : std::nullopt; now)
      layer.told.lost.push_back({*now, layer.told.rules[each.rule].rights});
    lost.push_back(each.rule);
  }
  for (std::size_t i = lost.size(); i-- > 0;) {
    layer.told.rules.erase(layer.told.rules.begin() + static_cast<std::ptrdiff_t>(lost[i]));
    layer.told.paths.erase(layer.told.paths.begin() + static_cast<std::ptrdiff_t>(lost[i]));
  }
  layer.unpinned.clear();
  return kept;
}

}  // namespace lockstep::conformance::fuzz
