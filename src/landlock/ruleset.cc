#include "landlock/ruleset.h"

#include <cerrno>

#include "landlock/abi.h"
#include "landlock/uapi.h"

namespace lockstep {

Result<Ruleset> Ruleset::create(AccessSet handled, int abi) {
  const AbiInfo* info = abi_info(abi);
  if (info == nullptr) return internal_error("Ruleset::create: no ABI " + std::to_string(abi));
  uapi::RulesetAttr attr;
  attr.handled_access_fs = handled.bits();
  const long fd = uapi::create_ruleset(&attr, info->attr_size, 0);
  if (fd < 0) return system_error(errno, "landlock_create_ruleset(" + join_names(handled) + ")");
  return Ruleset(UniqueFd(static_cast<int>(fd)));
}

Result<void> Ruleset::allow_beneath(int fd, AccessSet access, std::string_view path) {
  uapi::PathBeneathAttr attr;
  attr.allowed_access = access.bits();
  attr.parent_fd = fd;
  if (uapi::add_rule(fd_.get(), uapi::rule_path_beneath, &attr, 0) != 0)
    return system_error(errno, "landlock_add_rule(\"" + printable(path) + "\", " + join_names(access) + ")");
  return {};
}

}  // namespace lockstep
