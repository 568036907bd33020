#include "landlock/ruleset.h"

#include <cerrno>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>

#include "landlock/ladder.h"
#include "landlock/uapi.h"

namespace lockstep {
namespace {

// The kernel looks at the descriptor, then at the kind of rule, then at the rule, and last at the rule's object: with
// one of them wrong its errno is certain and nothing is added. Any other answer is not the kernel's, or not of this
// rule set.
Result<void> prove(int fd, int kind, const void* rule, std::uint32_t flags, int err, const char* what) {
  const long answer = uapi::add_rule(fd, kind, rule, flags);
  const int got = answer < 0 ? errno : 0;
  if (got == err) return {};
  return system_error(got, "landlock_add_rule(" + std::string(what) + ") must be " + errno_name(err) +
                               ": either the descriptor " + std::to_string(fd) +
                               " that landlock_create_ruleset() answered is not the rule set asked for, or " +
                               filter_answers);
}

Result<void> prove_ruleset(int fd, const Handled& handled) {
  LOCKSTEP_CHECK(prove(fd, uapi::rule_path_beneath, nullptr, 0, EFAULT, "no rule"));
  if (handled.quiet)
    LOCKSTEP_CHECK(prove(fd, uapi::rule_path_beneath, nullptr, uapi::add_rule_quiet, EFAULT, "no quiet rule"));
  if (!handled.net.empty()) LOCKSTEP_CHECK(prove(fd, uapi::rule_net_port, nullptr, 0, EFAULT, "no port"));
  if (handled.fs.empty()) return {};
  uapi::PathBeneathAttr all;
  all.allowed_access = handled.fs.bits();
  return prove(fd, uapi::rule_path_beneath, &all, 0, EBADF, "every right, on nothing");
}

}  // namespace

Result<Ruleset> Ruleset::create(const Handled& handled, int abi) {
  const AbiInfo* info = abi_info(abi);
  if (info == nullptr) return internal_error("Ruleset::create: no ABI " + std::to_string(abi));
  uapi::RulesetAttr attr;
  attr.handled_access_fs = handled.fs.bits();
  attr.handled_access_net = handled.net.bits();
  attr.scoped = handled.scoped.bits();
  if (handled.quiet) attr.quiet_access_fs = handled.fs.bits();
  // What the ABI has no room for must meet the kernel's refusal, not be cut off unseen.
  const bool fits =
      info->net.contains(handled.net) && info->scope.contains(handled.scoped) && (info->quiet || !handled.quiet);
  const long fd = uapi::create_ruleset(&attr, fits ? info->attr_size : sizeof(attr), 0);
  if (fd < 0)
    return system_error(errno, "landlock_create_ruleset(" + join_names(handled.fs) + "; " + join(names(handled.net)) +
                                   "; " + join(names(handled.scoped)) + (handled.quiet ? "; quiet)" : ")"));
  // Not ours to close before it is known to be one: an answer of 0 would be standard input.
  LOCKSTEP_CHECK(prove_ruleset(static_cast<int>(fd), handled));
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
    return system_error(errno,
                        "landlock_add_rule(port " + std::to_string(port) + ", " + std::string(name(right)) + ")");
  return {};
}

}  // namespace lockstep
