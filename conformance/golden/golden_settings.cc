#include "conformance/golden/golden_settings.h"

#include <lockstep/rights.h>

namespace lockstep::conformance::golden {
namespace {

// What the policy says beside the rights of its rules, in words that stand in a file. An empty one is nobody, or
// nothing.
GoldenSettings every_setting(const EffectivePolicy& policy) {
  const Restrictions& restrictions = policy.restrictions;
  const auto listed = [](const std::vector<std::pair<const char*, bool>>& words) {
    std::string out;
    for (const auto& [word, on] : words) out += on ? (out.empty() ? "" : " ") + std::string(word) : "";
    return out.empty() ? "none" : out;
  };
  GoldenSettings out;
  out["compatibility"] = name(policy.compatibility);
  out["min_abi"] = std::to_string(policy.min_abi);
  out["include_workdir"] = policy.include_workdir ? "true" : "false";
  out["run_as_user"] = printable(policy.run_as_user);
  out["run_as_group"] = printable(policy.run_as_group);
  out["log"] = listed({{"same_exec", restrictions.log.same_exec},
                       {"new_exec", restrictions.log.new_exec},
                       {"subdomains", restrictions.log.subdomains}});
  out["threads"] = restrictions.all_threads ? "all" : "one";
  out["scopes"] = lockstep::join(names(restrictions.scopes));
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    out["ports " + std::string(name(right))] = restrictions.ports_of(right);
  }
  std::string& quiet = out["quiet"];
  for (const EffectiveRule& rule : policy.rules) {
    if (!rule.quiet) continue;
    if (!quiet.empty()) quiet += ' ';
    for (const char c : printable(rule.path))
      quiet += c == ' ' ? "\\x20" : std::string(1, c);  // a space is between two
  }
  return out;
}

}  // namespace

const GoldenSettings& default_settings() {
  static const GoldenSettings all = every_setting(EffectivePolicy());
  return all;
}

GoldenSettings settings_of(const EffectivePolicy& policy) {
  GoldenSettings out = every_setting(policy);
  std::erase_if(out, [](const auto& setting) { return default_settings().at(setting.first) == setting.second; });
  return out;
}

std::vector<std::string> setting_differences(const GoldenSettings& before, const GoldenSettings& now) {
  const auto value = [](const GoldenSettings& settings, const std::string& key) {
    const auto found = settings.find(key);
    return found == settings.end() ? default_settings().at(key) : found->second;
  };
  const auto said = [](const std::string& key, const std::string& text) {
    return !text.empty() ? text : key.starts_with("run_as_") ? std::string("the caller's") : std::string("none");
  };
  std::vector<std::string> out;
  for (const auto& [key, unset] : default_settings())
    if (const std::string was = value(before, key), is = value(now, key); was != is)
      out.push_back(key + ": " + said(key, was) + " before, " + said(key, is) + " now");
  return out;
}

}  // namespace lockstep::conformance::golden
