#include "review/settings.h"

#include <algorithm>

#include "landlock/abi.h"
#include "policy/plan.h"

namespace lockstep::review {
namespace {

// What Policy and EffectivePolicy have in common here.
struct Settings {
  Compatibility compatibility;
  int min_abi;
  const Restrictions& restrictions;
  std::string user;
  std::string group;
  bool quiet;
};

class Lister {
 public:
  void add(Class kind, const char* code, std::string message, int line = 0) { out.push_back({kind, code, std::move(message), line, {}}); }
  void compare(const Settings& before, const Settings& after, int min_abi_line);
  std::vector<SettingChange> out;

 private:
  void compare_restrictions(const Restrictions& before, const Restrictions& after);
  void compare_identity(const char* what, const std::string& before, const std::string& after);
};

void Lister::compare_restrictions(const Restrictions& before, const Restrictions& after) {
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    const std::string was = before.ports_of(right), is = after.ports_of(right);
    if (was == is) continue;
    const auto covers = [&](const Restrictions& wide, const Restrictions& narrow) {  // every port of narrow is open in wide
      if (!wide.net.contains(right)) return true;
      if (!narrow.net.contains(right)) return false;
      return std::all_of(narrow.ports.begin(), narrow.ports.end(), [&](const PortRule& rule) {
        return rule.right != right || std::find(wide.ports.begin(), wide.ports.end(), rule) != wide.ports.end();
      });
    };
    const bool gains = !covers(before, after), loses = !covers(after, before);
    add(gains ? loses ? Class::both : Class::widening : Class::narrowing, "ports",
        std::string(name(right)) + " ports: " + was + " before, " + is + " now (from ABI " + std::to_string(feature_info(right).first_abi) + ")");
  }
  for (const auto& [scopes, kind] : {std::pair{before.scopes - after.scopes, Class::widening}, std::pair{after.scopes - before.scopes, Class::narrowing}}) {
    for (int bit = 0; bit < scope_count; ++bit) {
      const auto scope = static_cast<Scope>(bit);
      if (!scopes.contains(scope)) continue;
      const bool opens = kind == Class::widening;
      add(kind, "scopes", "scope " + std::string(name(scope)) + (opens ? " is gone: " + std::string(feature_info(scope).unprotected)
                                                                       : " is new: it keeps " + std::string(feature_info(scope).allows) + " inside"));
    }
  }
  const auto log_change = [&](bool was, bool is, const char* what) {
    if (was != is) add(was ? Class::weakening : Class::strengthening, "log", std::string("denials of ") + what + (was ? " are logged no more" : " are logged"));
  };
  log_change(before.log.same_exec, after.log.same_exec, "the restricted program");
  log_change(before.log.new_exec, after.log.new_exec, "programs that it executes");
  log_change(before.log.subdomains, after.log.subdomains, "nested restrictions");
  if (before.all_threads != after.all_threads)
    add(before.all_threads ? Class::weakening : Class::strengthening, "threads",
        before.all_threads ? "threads that run already stay unrestricted" : "threads that run already are restricted as well");
}

bool is_root(const std::string& user) { return user == "root" || user == "0"; }

void Lister::compare_identity(const char* what, const std::string& before, const std::string& after) {
  if (before == after) return;
  const auto shown = [](const std::string& text) { return text.empty() ? std::string("the caller's") : printable(text); };
  // Two names that are not root cannot be put in order here: whoever changes them has to look.
  const bool stronger = !after.empty() && !is_root(after) && (before.empty() || is_root(before));
  add(stronger ? Class::strengthening : Class::weakening, "identity", std::string(what) + ": " + shown(before) + " before, " + shown(after) + " now");
}

void Lister::compare(const Settings& before, const Settings& after, int min_abi_line) {
  if (before.compatibility != after.compatibility) {
    const bool weaker = after.compatibility == Compatibility::best_effort;
    add(weaker ? Class::weakening : Class::strengthening, "hard-requirement",
        weaker ? "hard_requirement is best_effort now: what the kernel lacks, and paths that cannot be opened, are dropped with a warning instead of refused"
               : "best_effort is hard_requirement now: what the kernel lacks is refused");
  }
  if (before.min_abi != after.min_abi) {
    const bool weaker = after.min_abi < before.min_abi;
    AccessSet between = abi_info(std::max(before.min_abi, after.min_abi))->fs - abi_info(std::min(before.min_abi, after.min_abi))->fs;
    add(weaker ? Class::weakening : Class::strengthening, "min-abi",
        "min_abi " + std::to_string(before.min_abi) + " before, " + std::to_string(after.min_abi) + " now: " +
            (between.empty() ? "no right on files more or less is" : join_names(between, ", ") + (between.size() == 1 ? " is" : " are")) +
            (weaker ? " relied on no more" : " relied on"),
        min_abi_line);
  }
  compare_restrictions(before.restrictions, after.restrictions);
  compare_identity("run_as_user", before.user, after.user);
  compare_identity("run_as_group", before.group, after.group);
  if (before.quiet != after.quiet)
    add(after.quiet ? Class::weakening : Class::strengthening, "quiet",
        after.quiet ? "denials below a quiet grant are logged no more" : "no grant is quiet any more: denials are logged");
}

Settings of(const Policy& policy) {
  const bool quiet = std::any_of(policy.grants.begin(), policy.grants.end(), [](const Grant& grant) { return grant.quiet; });
  return {policy.compatibility, policy.min_abi, policy.restrictions, policy.run_as_user, policy.run_as_group, quiet};
}

Settings of(const EffectivePolicy& policy) {
  const bool quiet = std::any_of(policy.rules.begin(), policy.rules.end(), [](const EffectiveRule& rule) { return rule.quiet; });
  return {policy.compatibility, policy.min_abi, policy.restrictions, policy.run_as_user, policy.run_as_group, quiet};
}

int strictness(ConflictMode mode) { return mode == ConflictMode::reject ? 2 : mode == ConflictMode::keep ? 1 : 0; }

// Asked for every baseline path, by every source, whether or not a path stands against it today.
void compare_conflicts(const Policy& before, const Policy& after, const std::vector<ConflictRule>& administrator, Lister* out) {
  std::vector<std::string> paths;
  for (const std::string_view path : baseline_paths()) paths.emplace_back(path);
  paths.emplace_back("/dev/nvidia0");
  for (const Class kind : {Class::weakening, Class::strengthening}) {
    std::string list;
    int line = 0;
    for (const std::string& path : paths) {
      std::string sources;
      ConflictMode was{}, is{};
      for (const Source source : {Source::default_policy, Source::gateway, Source::image, Source::user}) {
        const ConflictRule& old_rule = conflict_rule(administrator, before.conflicts, source, path);
        const ConflictRule& new_rule = conflict_rule(administrator, after.conflicts, source, path);
        const int by = strictness(new_rule.mode) - strictness(old_rule.mode);
        if (kind == Class::weakening ? by >= 0 : by <= 0) continue;
        sources += (sources.empty() ? "" : ", ") + std::string(name(source));
        was = old_rule.mode;
        is = new_rule.mode;
        line = new_rule.line != 0 ? new_rule.line : line;
      }
      if (!sources.empty())
        list += (list.empty() ? "" : "; ") + path + " " + std::string(name(was)) + " before, " + std::string(name(is)) + " now (" + sources + ")";
    }
    if (!list.empty()) out->add(kind, "conflicts", "read_only against the baseline: " + list, line);
  }
}

bool names_paths(const Policy& policy) { return !policy.read_only.empty() || !policy.read_write.empty() || !policy.grants.empty(); }

}  // namespace

std::vector<SettingChange> setting_changes(const Policy& before, const Policy& after, const std::vector<ConflictRule>& administrator) {
  Lister out;
  out.compare(of(before), of(after), after.min_abi_line);
  compare_conflicts(before, after, administrator, &out);
  if (names_paths(before) && !names_paths(after))
    out.add(Class::weakening, "emptied", "the policy names no path any more: a runtime may put its own default there, or start without a sandbox");
  if (before.has_network_policies != after.has_network_policies)
    out.add(after.has_network_policies ? Class::strengthening : Class::weakening, "network-policies",
            after.has_network_policies ? "network_policies is there now (what it says is not compared)" : "network_policies is gone or empty: whoever enforces it has nothing to enforce");
  return std::move(out.out);
}

std::vector<SettingChange> setting_changes(const EffectivePolicy& before, const EffectivePolicy& after) {
  Lister out;
  out.compare(of(before), of(after), 0);
  return std::move(out.out);
}

void add_requirement_changes(const EffectivePolicy& before, const EffectivePolicy& after, int abi, std::vector<SettingChange>* out) {
  // What a refused plan and a dropped one differ in is a hard requirement's alone.
  if (before.compatibility != Compatibility::hard_requirement && after.compatibility != Compatibility::hard_requirement) return;
  std::vector<int> now_runs, now_refused;
  std::string why;
  for (int each = abi == 0 ? oldest_abi : abi; each <= (abi == 0 ? newest_abi : abi); ++each) {
    const Result<Plan> old_plan = compile(before, each), new_plan = compile(after, each);
    if (old_plan.ok() == new_plan.ok()) continue;
    (new_plan.ok() ? now_runs : now_refused).push_back(each);
    why = (new_plan.ok() ? old_plan : new_plan).error().message;
  }
  const auto list = [](const std::vector<int>& abis) {
    std::string text;
    for (const int each : abis) text += (text.empty() ? "" : ", ") + std::to_string(each);
    return text;
  };
  if (!now_runs.empty()) out->push_back({Class::weakening, "refused", "at ABI " + list(now_runs) + " the old policy is refused and the new one runs: " + why, 0, {}});
  if (!now_refused.empty()) out->push_back({Class::strengthening, "refused", "at ABI " + list(now_refused) + " the new policy is refused: " + why, 0, {}});
}

}  // namespace lockstep::review
