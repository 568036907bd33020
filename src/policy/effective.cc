// What an effective policy is by itself: its lists, the policy it would be written as, and the words of its parts.
#include <algorithm>
#include <array>

#include <lockstep/effective.h>
#include <lockstep/rights.h>

namespace lockstep {
namespace {

constexpr std::array<std::string_view, 6> origin_names = {"policy",       "workdir",    "proxy-baseline",
                                                          "gpu-baseline", "gpu-device", "cdi"};

std::vector<std::string> paths_with(const EffectivePolicy& effective, Access access) {
  std::vector<std::string> out;
  for (const EffectiveRule& rule : effective.rules)
    if (rule.access == access) out.push_back(rule.path);
  return out;
}

}  // namespace

AccessSet EffectiveRule::rights(AccessSet all) const {
  switch (access) {
    case Access::read_only:
      return access_read_only & all;
    case Access::read_write:
      return all;
    case Access::grant:
      break;
  }
  return granted & all;
}

std::vector<std::string> EffectivePolicy::read_only() const {
  return paths_with(*this, Access::read_only);
}
std::vector<std::string> EffectivePolicy::read_write() const {
  return paths_with(*this, Access::read_write);
}

Policy as_policy(const EffectivePolicy& effective) {
  Policy out;
  out.file = effective.file;
  out.has_filesystem_policy = true;
  out.include_workdir = effective.include_workdir;
  out.compatibility = effective.compatibility;
  out.min_abi = effective.min_abi;
  out.run_as_user = effective.run_as_user;
  out.run_as_group = effective.run_as_group;
  out.restrictions = effective.restrictions;
  out.has_network_policies = effective.proxy;
  for (const EffectiveRule& rule : effective.rules) {
    const PathEntry entry{rule.path, rule.path, rule.line};
    switch (rule.access) {
      case Access::read_only: {
        out.read_only.push_back(entry);
        break;
      }
      case Access::read_write:
        out.read_write.push_back(entry);
        break;
      case Access::grant:
        out.grants.push_back({entry, rule.granted, rule.reason, rule.quiet});
        break;
    }
  }
  // What was kept against the baseline must be kept again.
  for (const Notice& notice : effective.notices)
    if (notice.code == "baseline-kept")
      out.conflicts.push_back({{notice.path}, {}, ConflictMode::keep, effective.file, 0});
  return out;
}

std::string_view name(Origin origin) {
  return origin_names[static_cast<std::size_t>(origin)];
}
std::optional<Origin> origin_from_name(std::string_view name) {
  const auto found = std::find(origin_names.begin(), origin_names.end(), name);
  if (found == origin_names.end()) return std::nullopt;
  return static_cast<Origin>(found - origin_names.begin());
}
std::string_view name(Access access) {
  return access == Access::read_only ? "read_only" : access == Access::read_write ? "read_write" : "grant";
}
std::string_view name(Notice::Level level) {
  return level == Notice::Level::info ? "info" : "warning";
}

}  // namespace lockstep
