#include "conformance/fuzz/layers.h"

#include <fcntl.h>

#include <cerrno>

#include "landlock/uapi.h"

namespace lockstep::conformance::fuzz {

Result<ReadyLayer> make_layer(const LayerSpec& layer, const Tree& tree, int abi) {
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
    UniqueFd fd(::open(tree.anywhere(rule.path).c_str(), O_PATH | O_CLOEXEC));
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
    out.told.rules.push_back({*object, rights});
    out.told.paths.push_back(rule.path);
    out.pins.push_back(std::move(fd));
  }
  return out;
}

}  // namespace lockstep::conformance::fuzz
