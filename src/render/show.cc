#include "render/show.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include <lockstep/rights.h>

#include "syntax/json.h"
#include "syntax/json_text.h"

namespace lockstep::render {
namespace {

Json strings(const std::vector<std::string>& values) {
  Json out = Json::array();
  for (const std::string& value : values) out.push_back(json_text(value));
  return out;
}

Json line_json(int line) {
  return line > 0 ? Json(line) : Json(nullptr);
}

Json rule_json(const EffectiveRule& rule) {
  Json out;
  out["path"] = json_text(rule.path);
  out["access"] = name(rule.access);
  if (rule.access == Access::grant) out["rights"] = names(rule.granted);
  if (rule.quiet) out["quiet"] = true;
  out["origin"] = name(rule.origin);
  out["reason"] = json_text(rule.reason);
  out["promoted_from"] = rule.promoted_from ? Json(name(*rule.promoted_from)) : Json(nullptr);
  out["line"] = line_json(rule.line);
  if (!rule.spec.empty()) out["spec"] = json_text(rule.spec);
  return out;
}

// A port's key is null where it is not restricted.
Json restrictions_json(const Restrictions& restrictions) {
  Json out;
  out["scopes"] = names(restrictions.scopes);
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    Json& list = out["ports"][std::string(name(right))];
    if (!restrictions.net.contains(right)) continue;
    list = Json::array();
    for (const PortRule& rule : restrictions.ports)
      if (rule.right == right) list.push_back(rule.port);
  }
  const LogSettings& log = restrictions.log;
  out["log"] = {{"same_exec", log.same_exec}, {"new_exec", log.new_exec}, {"subdomains", log.subdomains}};
  out["threads"] = restrictions.all_threads ? "all" : "one";
  return out;
}

Json effective_json(const EffectivePolicy& effective) {
  Json out;
  out["compatibility"] = name(effective.compatibility);
  out["min_abi"] = effective.min_abi;
  out.update(restrictions_json(effective.restrictions));
  out["include_workdir"] = effective.include_workdir;
  out["run_as_user"] = json_text(effective.run_as_user);
  out["run_as_group"] = json_text(effective.run_as_group);
  out["network"] = json_text(effective.network);
  out["read_only"] = strings(effective.read_only());
  out["read_write"] = strings(effective.read_write());
  for (const char* key : {"grants", "rules", "skipped", "notices", "warnings"})
    out[key] = Json::array();  // in this order
  for (const EffectiveRule& rule : effective.rules) {
    out["rules"].push_back(rule_json(rule));
    if (rule.access != Access::grant) continue;
    out["grants"].push_back(
        {{"path", json_text(rule.path)}, {"access", names(rule.granted)}, {"reason", json_text(rule.reason)}});
    if (rule.quiet) out["grants"].back()["quiet"] = true;
  }
  for (const SkippedPath& skipped : effective.skipped)
    out["skipped"].push_back(
        {{"path", json_text(skipped.path)}, {"origin", name(skipped.origin)}, {"reason", skipped.reason}});
  for (const Notice& notice : effective.notices)
    out["notices"].push_back({{"level", name(notice.level)},
                              {"code", notice.code},
                              {"path", json_text(notice.path)},
                              {"message", notice.message}});
  for (const PolicyWarning& warning : effective.warnings)
    out["warnings"].push_back({{"line", line_json(warning.line)}, {"message", warning.message}});
  return out;
}

Json missing_json(const std::vector<Missing>& features) {
  Json out = Json::array();
  for (const Missing& each : features) {
    const FeatureInfo& feature = *each.feature;
    Json entry = {{feature.kind, feature.name}, {"first_abi", feature.first_abi}, {"consequence", feature.unprotected}};
    if (!each.path.empty()) entry["path"] = json_text(each.path);
    out.push_back(std::move(entry));
  }
  return out;
}

Json plan_json(const Plan& plan) {
  Json out;
  out["abi"] = plan.abi;
  out["handled"] = names(plan.handled);
  out["handled_ports"] = names(plan.handled_net);
  out["scoped"] = names(plan.scoped);
  out["rules"] = Json::array();
  for (const PlanRule& rule : plan.rules) {
    out["rules"].push_back({{"path", json_text(rule.path)}, {"rights", names(rule.rights)}});
    if (rule.quiet) out["rules"].back()["quiet"] = true;
  }
  out["ports"] = Json::array();
  for (const PortRule& rule : plan.ports) out["ports"].push_back({{"port", rule.port}, {"right", name(rule.right)}});
  out["flags"] = names(plan.log);
  out["promotions"] = Json::array();
  for (const Promotion& each : plan.promotions)
    out["promotions"].push_back({{"path", json_text(each.path)},
                                 {"rights", names(each.added)},
                                 {"opens", each.opens},
                                 {"line", line_json(each.line)}});
  out["dropped"] = missing_json(plan.dropped);
  out["not_yet_protected"] = missing_json(plan.not_yet_protected);
  return out;
}

std::string restrictions_text(const Restrictions& restrictions) {
  std::string out = "ports ";
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    out.append(" ")
        .append(name(right))
        .append(": ")
        .append(restrictions.ports_of(right))
        .append(bit + 1 < net_right_count ? ";" : "\n");
  }
  const ScopeSet open = abi_info(newest_abi)->scope - restrictions.scopes;
  out += "scopes " + join(names(restrictions.scopes)) +
         (open.empty() ? "\n" : "; not restricted: " + join(names(open)) + "\n");
  if (restrictions.log != LogSettings{}) out += "log    " + join(names(restrictions.log.flags())) + "\n";
  if (restrictions.all_threads) out += "threads all\n";
  return out;
}

// A double-quoted YAML scalar, which can hold any text; what printable() would escape is there as \U00NNNNNN, and read
// back as it was.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (std::size_t at = 0, length = 1; at < text.size(); at += length, length = 1) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
    while (at + length < text.size() && (byte(length) & 0xc0) == 0x80) ++length;
    const std::string one = text.substr(at, length);
    if (one == "\"" || one == "\\") {
      out += "\\" + one;
    } else if (printable(one) == one && !(one == "#" && out.ends_with('#'))) {
      out += one;
    } else {
      std::uint32_t code = length == 1 ? byte(0) : byte(0) & (0xffU >> (length + 1));
      for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3fU);
      char escape[12];
      std::snprintf(escape, sizeof(escape), "\\U%08x", static_cast<unsigned>(code));
      out += escape;
    }
  }
  return out + "\"";
}

void yaml_list(const char* key, const std::vector<PathEntry>& entries, std::string& out) {
  out += std::string("  ") + key + ":" + (entries.empty() ? " []\n" : "\n");
  for (const PathEntry& entry : entries) out += "    - " + quoted(entry.path) + "\n";
}

std::string lists_yaml(const Policy& policy) {
  std::string out = "version: 1\nfilesystem_policy:\n  include_workdir: ";
  out += policy.include_workdir ? "true\n" : "false\n";
  yaml_list("read_only", policy.read_only, out);
  yaml_list("read_write", policy.read_write, out);
  return out;
}

std::string process_yaml(const Policy& policy) {
  std::string out;
  if (!policy.run_as_user.empty() || !policy.run_as_group.empty()) out += "process:\n";
  if (!policy.run_as_user.empty()) out += "  run_as_user: " + quoted(policy.run_as_user) + "\n";
  if (!policy.run_as_group.empty()) out += "  run_as_group: " + quoted(policy.run_as_group) + "\n";
  return out;
}

}  // namespace

std::string show_json(const EffectivePolicy& effective, const Plan& plan) {
  Json out;
  out["schema"] = "lockstep.show/1";
  out["policy"] = json_text(effective.file);
  out["source"] = name(effective.source);
  out["effective"] = effective_json(effective);
  out["plan"] = plan_json(plan);
  return json_document(out);
}

std::string show_text(const EffectivePolicy& effective, const Plan& plan) {
  std::string out = printable(effective.file) + ": " + std::string(name(effective.compatibility)) + ", min_abi " +
                    std::to_string(effective.min_abi) + ", planned for ABI " + std::to_string(plan.abi) +
                    (effective.gpu ? ", GPU baseline" : "") + (effective.proxy ? ", proxy baseline" : "") + "\n\n";
  std::size_t width = 4;
  for (const EffectiveRule& rule : effective.rules) width = std::max(width, printable(rule.path).size());
  for (const SkippedPath& skipped : effective.skipped) width = std::max(width, printable(skipped.path).size());
  const auto column = [](std::string text, std::size_t size) {
    text.resize(std::max(text.size() + 2, size + 2), ' ');
    return text;
  };
  out += column("path", width) + column("access", 10) + column("origin", 14) + "reason\n";
  for (const EffectiveRule& rule : effective.rules) {
    out += column(printable(rule.path), width) + column(std::string(name(rule.access)), 10) +
           column(std::string(name(rule.origin)), 14);
    if (rule.access == Access::grant) out += join_names(rule.granted) + (rule.quiet ? ", denials not logged: " : ": ");
    out += printable(rule.reason);
    if (rule.promoted_from) out += " (promoted from " + std::string(name(*rule.promoted_from)) + ")";
    if (rule.line > 0) out += " (line " + std::to_string(rule.line) + ")";
    if (!rule.spec.empty()) out += " (" + printable(rule.spec) + ")";
    out += "\n";
  }
  for (const SkippedPath& skipped : effective.skipped)
    out += column(printable(skipped.path), width) + column("skipped", 10) +
           column(std::string(name(skipped.origin)), 14) + skipped.reason + "\n";
  out += "\n" + restrictions_text(effective.restrictions);
  if (!effective.notices.empty() || !effective.warnings.empty()) out += "\n";
  for (const Notice& notice : effective.notices) out += std::string(name(notice.level)) + ": " + notice.message + "\n";
  for (const Promotion& each : plan.promotions) out += "info: " + promotion_text(each, plan.abi) + "\n";
  for (const PolicyWarning& warning : effective.warnings)
    out += "warning: line " + std::to_string(warning.line) + ": " + warning.message + "\n";
  for (const auto& [title, list] :
       {std::pair{"dropped", &plan.dropped}, std::pair{"not yet protected", &plan.not_yet_protected}}) {
    if (!list->empty()) out += "\n";
    for (const Missing& each : *list)
      out += std::string(title) + ": " + std::string(each.feature->name) +
             (each.path.empty() ? "" : " on " + printable(each.path)) + " (ABI " +
             std::to_string(each.feature->first_abi) + "): " + std::string(each.feature->unprotected) + "\n";
  }
  return out;
}

std::string show_two_lists(const Policy& policy) {
  std::string out = lists_yaml(policy);
  out += "landlock:\n  compatibility: " + std::string(name(policy.compatibility)) + "\n" + process_yaml(policy);
  return out;
}

std::string show_yaml(const EffectivePolicy& effective) {
  const Policy policy = as_policy(effective);
  std::string out = lists_yaml(policy);
  if (!policy.grants.empty()) out += "  grants:\n";
  for (const Grant& grant : policy.grants) {
    out += "    - path: " + quoted(grant.entry.path) + "\n      access: [" + join_names(grant.access, ", ") + "]\n";
    out += "      reason: " + quoted(grant.reason) + "\n";
    if (grant.quiet) out += "      quiet: true\n";
  }
  out += "landlock:\n  compatibility: " + std::string(name(policy.compatibility)) +
         "\n  min_abi: " + std::to_string(policy.min_abi) + "\n" + to_yaml(policy.restrictions);
  out += process_yaml(policy);
  if (!policy.conflicts.empty()) out += "runtime_baseline_conflicts:\n";
  for (const ConflictRule& rule : policy.conflicts)
    out += "  - {paths: [" + quoted(rule.paths.front()) + "], mode: " + std::string(name(rule.mode)) + "}\n";
  return out;
}

}  // namespace lockstep::render
