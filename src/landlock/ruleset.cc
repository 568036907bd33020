#include "landlock/ruleset.h"

#include <cerrno>

#include "landlock/abi.h"
#include "landlock/uapi.h"

namespace lockstep {

Result<Ruleset> Ruleset::create(const Handled& handled, int abi) {
  const AbiInfo* info = abi_info(abi);
  if (info == nullptr) return internal_error("Ruleset::create: no ABI " + std::to_string(abi));
  uapi::RulesetAttr attr;
  attr.handled_access_fs = handled.fs.bits();
  attr.handled_access_net = handled.net.bits();
  attr.scoped = handled.scoped.bits();
  if (handled.quiet) attr.quiet_access_fs = handled.fs.bits();
  // What the ABI has no room for must meet the kernel's refusal, not be cut off unseen.
  const bool fits = info->net.contains(handled.net) && info->scope.contains(handled.scoped) && (info->quiet || !handled.quiet);
  const long fd = uapi::create_ruleset(&attr, fits ? info->attr_size : sizeof(attr), 0);
  if (fd < 0)
    return system_error(errno, "landlock_create_ruleset(" + join_names(handled.fs) + "; " + join(names(handled.net)) + "; " +
                                   join(names(handled.scoped)) + (handled.quiet ? "; quiet)" : ")"));
  return Ruleset(UniqueFd(static_cast<int>(fd)));
}

Result<void> Ruleset::allow_beneath(int fd, AccessSet access, std::string_view path, bool quiet) {
  uapi::PathBeneathAttr attr;
  attr.allowed_access = access.bits();
  attr.parent_fd = fd;
  if (uapi::add_rule(fd_.get(), uapi::rule_path_beneath, &attr, quiet ? uapi::add_rule_quiet : 0) != 0)
    return system_error(errno, "landlock_add_rule(\"" + printable(path) + "\", " + join_names(access) + ")");
  return {};
}

Result<void> Ruleset::allow_port(NetRight right, std::uint16_t port) {
  uapi::NetPortAttr attr;
  attr.allowed_access = NetSet(right).bits();
  attr.port = port;
  if (uapi::add_rule(fd_.get(), uapi::rule_net_port, &attr, 0) != 0)
    return system_error(errno, "landlock_add_rule(port " + std::to_string(port) + ", " + std::string(name(right)) + ")");
  return {};
}

}  // namespace lockstep
