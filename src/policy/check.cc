#include "policy/check.h"

#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep {
namespace {

Result<void> check_path(const std::string& file, const std::string& path, int line) {
  const std::string_view fault = fault_of_path(path);
  if (fault.empty()) return {};
  return input_error(file, line,
                     "the path \"" + printable(std::string_view(path).substr(0, 80)) + "\" " + std::string(fault));
}

Result<void> check_rights(const std::string& file, AccessSet access, int line) {
  if (abi_info(newest_abi)->fs.contains(access)) return {};
  return input_error(file, line, "a grant has a right that Landlock does not know");
}

template <typename Enum>
bool is_one_of(Enum value, Enum last) {
  return static_cast<int>(value) >= 0 && static_cast<int>(value) <= static_cast<int>(last);
}

// What the two have in common.
template <typename Any>
Result<void> check_common(const Any& policy) {
  const AbiInfo& newest = *abi_info(newest_abi);
  const Restrictions& restrictions = policy.restrictions;
  if (!newest.scope.contains(restrictions.scopes))
    return input_error(policy.file, 0, "the restrictions have a scope that Landlock does not know");
  if (!newest.net.contains(restrictions.net))
    return input_error(policy.file, 0, "the restrictions have a right on ports that Landlock does not know");
  for (const PortRule& rule : restrictions.ports)
    if (static_cast<int>(rule.right) >= net_right_count || !restrictions.net.contains(rule.right))
      return input_error(policy.file, 0,
                         "port " + std::to_string(rule.port) + " is allowed for a right that is not restricted");
  if (!is_one_of(policy.compatibility, Compatibility::hard_requirement))
    return input_error(policy.file, 0, "compatibility is neither best_effort nor hard_requirement");
  for (const std::string* each : {&policy.run_as_user, &policy.run_as_group})
    if (each->find('\0') != std::string::npos)
      return input_error(policy.file, 0, "process.run_as_user or run_as_group has a NUL in it");
  return {};
}

}  // namespace

std::string_view fault_of_path(std::string_view path) {
  if (!path.starts_with('/')) return "is not absolute";
  if (path.find('\0') != std::string_view::npos) return "has a NUL in it";
  if (path.size() == 1) return {};
  for (std::size_t at = 1, end = 0; at <= path.size(); at = end + 1) {
    end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part == "..") return "has a .. component";
    if (part.empty() || part == ".") return "is not normalised";
  }
  return {};
}

Result<void> check(const Policy& policy) {
  LOCKSTEP_CHECK(check_common(policy));
  if (abi_info(policy.min_abi) == nullptr)
    return input_error(policy.file, policy.min_abi_line,
                       "min_abi is " + std::to_string(policy.min_abi) + ", and there is no such ABI");
  for (const PathEntry& entry : policy.read_only) LOCKSTEP_CHECK(check_path(policy.file, entry.path, entry.line));
  for (const PathEntry& entry : policy.read_write) LOCKSTEP_CHECK(check_path(policy.file, entry.path, entry.line));
  for (const Grant& grant : policy.grants) {
    LOCKSTEP_CHECK(check_path(policy.file, grant.entry.path, grant.entry.line));
    LOCKSTEP_CHECK(check_rights(policy.file, grant.access, grant.entry.line));
  }
  for (const ConflictRule& rule : policy.conflicts)
    if (!is_one_of(rule.mode, ConflictMode::reject))
      return input_error(policy.file, rule.line, "the mode of a conflict is neither promote, keep nor reject");
  return {};
}

Result<void> check(const EffectivePolicy& effective) {
  LOCKSTEP_CHECK(check_common(effective));
  for (const EffectiveRule& rule : effective.rules) {
    LOCKSTEP_CHECK(check_path(effective.file, rule.path, rule.line));
    LOCKSTEP_CHECK(check_rights(effective.file, rule.granted | rule.added, rule.line));
    if (!is_one_of(rule.access, Access::grant) || !is_one_of(rule.origin, Origin::cdi))
      return input_error(effective.file, rule.line,
                         "the rule on " + printable(rule.path) + " has an access or an origin that there is not");
  }
  return {};
}

}  // namespace lockstep
