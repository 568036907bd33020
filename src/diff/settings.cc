#include "diff/settings.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include <lockstep/abi.h>
#include <lockstep/plan.h>
#include <lockstep/rights.h>

#include "paths/leads.h"
#include "policy/conflict_index.h"

namespace lockstep::diff {
namespace {

// What Policy and EffectivePolicy have in common here.
struct Settings {
  Compatibility compatibility;
  int min_abi;
  const Restrictions& restrictions;
  std::string user;
  std::string group;
  bool workdir;
  const std::string& network;
  bool has_whole_network;                    // or how many entries it has, no more
  std::map<std::string, std::string> quiet;  // paths whose denials are not logged, by place
};

class Lister {
 public:
  void add(Class kind, const char* code, std::string message, int line = 0) {
    out.push_back({kind, code, std::move(message), line, {}});
  }
  void compare(const Settings& before, const Settings& after, int min_abi_line, bool workdir_is_known);
  std::vector<SettingChange> out;

 private:
  void compare_restrictions(const Restrictions& before, const Restrictions& after);
  void compare_identity(const Settings& before, const Settings& after);
};

void Lister::compare_restrictions(const Restrictions& before, const Restrictions& after) {
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    const std::string was = before.ports_of(right), is = after.ports_of(right);
    if (was == is) continue;
    const auto covers = [&](const Restrictions& wide,
                            const Restrictions& narrow) {  // every port of narrow is open in wide
      if (!wide.net.contains(right)) return true;
      if (!narrow.net.contains(right)) return false;
      return std::all_of(narrow.ports.begin(), narrow.ports.end(), [&](const PortRule& rule) {
        return rule.right != right || std::find(wide.ports.begin(), wide.ports.end(), rule) != wide.ports.end();
      });
    };
    const bool gains = !covers(before, after), loses = !covers(after, before);
    add(gains ? loses ? Class::both : Class::widening : Class::narrowing, "ports",
        std::string(name(right)) + " ports: " + was + " before, " + is + " now (from ABI " +
            std::to_string(feature_info(right).first_abi) + ")");
  }
  for (const auto& [scopes, kind] : {std::pair{before.scopes - after.scopes, Class::widening},
                                     std::pair{after.scopes - before.scopes, Class::narrowing}}) {
    for (int bit = 0; bit < scope_count; ++bit) {
      const auto scope = static_cast<Scope>(bit);
      if (!scopes.contains(scope)) continue;
      const bool opens = kind == Class::widening;
      add(kind, "scopes",
          "scope " + std::string(name(scope)) +
              (opens ? " is gone: " + std::string(feature_info(scope).unprotected)
                     : " is new: it keeps " + std::string(feature_info(scope).allows) + " inside"));
    }
  }
  const auto log_change = [&](bool was, bool is, const char* what) {
    if (was != is)
      add(was ? Class::weakening : Class::strengthening, "log",
          std::string("denials of ") + what + (was ? " are logged no more" : " are logged"));
  };
  log_change(before.log.same_exec, after.log.same_exec, "the restricted program");
  log_change(before.log.new_exec, after.log.new_exec, "programs that it executes");
  log_change(before.log.subdomains, after.log.subdomains, "nested restrictions");
  if (before.all_threads != after.all_threads)
    add(before.all_threads ? Class::weakening : Class::strengthening, "threads",
        before.all_threads ? "threads that run already stay unrestricted"
                           : "threads that run already are restricted as well");
}

// "00" is user 0 as well.
bool is_root(const std::string& user) {
  return user == "root" || (!user.empty() && user.find_first_not_of('0') == std::string::npos);
}

void Lister::compare_identity(const Settings& before, const Settings& after) {
  const auto change = [&](bool stronger, const char* what, const std::string& was, const std::string& is) {
    const auto shown = [](const std::string& text) { return text.empty() ? std::string("not set") : printable(text); };
    add(stronger ? Class::strengthening : Class::weakening, "identity",
        std::string(what) + ": " + shown(was) + " before, " + shown(is) + " now");
  };
  // Two names that are not root cannot be put in order here, and any group can open files: whoever changes them has to
  // look.
  if (before.user != after.user && !(is_root(before.user) && is_root(after.user)))
    change(!after.user.empty() && !is_root(after.user) && (before.user.empty() || is_root(before.user)), "run_as_user",
           before.user, after.user);
  if (before.group != after.group) change(false, "run_as_group", before.group, after.group);
}

void Lister::compare(const Settings& before, const Settings& after, int min_abi_line, bool workdir_is_known) {
  if (before.compatibility != after.compatibility) {
    const bool weaker = after.compatibility == Compatibility::best_effort;
    add(weaker ? Class::weakening : Class::strengthening, "hard-requirement",
        weaker ? "hard_requirement is best_effort now: what the kernel lacks, and paths that cannot be opened, are "
                 "dropped with a warning instead of refused"
               : "best_effort is hard_requirement now: what the kernel lacks is refused");
  }
  if (before.min_abi != after.min_abi) {
    const bool weaker = after.min_abi < before.min_abi;
    AccessSet between =
        abi_info(std::max(before.min_abi, after.min_abi))->fs - abi_info(std::min(before.min_abi, after.min_abi))->fs;
    add(weaker ? Class::weakening : Class::strengthening, "min-abi",
        "min_abi " + std::to_string(before.min_abi) + " before, " + std::to_string(after.min_abi) + " now: " +
            (between.empty() ? "no right on files more or less is"
                             : join_names(between, ", ") + (between.size() == 1 ? " is" : " are")) +
            (weaker ? " relied on no more" : " relied on"),
        min_abi_line);
  }
  compare_restrictions(before.restrictions, after.restrictions);
  compare_identity(before, after);
  if (before.network != after.network)
    add(Class::weakening, "network-policies",
        after.network.empty()
            ? "network_policies and network_middlewares are gone: whoever enforces them has nothing to enforce"
            : "network_policies or network_middlewares changed: what they say is compared by nobody here, and whoever "
              "accepts this "
              "accepts every such change until the day it expires");
  else if (!before.network.empty() && !(before.has_whole_network && after.has_whole_network))
    add(Class::weakening, "network-policies",
        "what network_policies and network_middlewares say is in no snapshot, for it may be secret: whether it changed "
        "is not compared; compare the policies "
        "themselves, or accept this");
  // Where it is known, it is a path among the others.
  if (before.workdir != after.workdir && !workdir_is_known)
    add(after.workdir ? Class::widening : Class::narrowing, "workdir",
        after.workdir ? "include_workdir is true now: the work directory, wherever the caller says it is, is read-write"
                      : "include_workdir is false now: the work directory is granted no more");
  for (const auto& [had, has, kind, what] :
       {std::tuple{&before.quiet, &after.quiet, Class::weakening, "are logged no more"},
        std::tuple{&after.quiet, &before.quiet, Class::strengthening, "are logged again"}}) {
    std::vector<std::string> paths;
    for (const auto& [place, path] : *has)
      if (!had->contains(place)) paths.push_back(printable(path));
    if (!paths.empty()) add(kind, "quiet", "denials below " + join(paths, ", ") + " " + what + " (from ABI 10)");
  }
}

// What the path is one name of: on this machine the object, where there is one.
std::string place_of(const std::string& path, paths::Names* names) {
  if (names == nullptr) return path;
  const paths::Lead lead = paths::follow(path, *names);
  const paths::Name there = names->at(lead.path);
  const bool is_known = lead.process == nullptr && lead.error == 0 && there.type != model::FileType::none;
  return is_known ? std::to_string(there.object.dev) + ":" + std::to_string(there.object.ino) : lead.path;
}

// `names` where paths are compared as objects of this machine.
Settings of(const Policy& policy, paths::Names* names) {
  Settings out{policy.compatibility,
               policy.min_abi,
               policy.restrictions,
               policy.run_as_user,
               policy.run_as_group,
               policy.include_workdir,
               policy.network,
               true,
               {}};
  for (const Grant& grant : policy.grants)
    if (grant.quiet) out.quiet.emplace(place_of(grant.entry.path, names), grant.entry.path);
  return out;
}

Settings of(const EffectivePolicy& policy) {
  Settings out{policy.compatibility,
               policy.min_abi,
               policy.restrictions,
               policy.run_as_user,
               policy.run_as_group,
               policy.include_workdir,
               policy.network,
               false,
               {}};
  for (const EffectiveRule& rule : policy.rules)
    if (rule.quiet) out.quiet.emplace(rule.path, rule.path);
  return out;
}

int strictness(ConflictMode mode) {
  return mode == ConflictMode::reject ? 2 : mode == ConflictMode::keep ? 1 : 0;
}

// A path that the glob matches, to ask with.
std::string example_of(const std::string& glob) {
  std::string out;
  for (std::size_t i = 0; i < glob.size(); ++i) {
    const std::size_t close = glob[i] == '[' ? glob.find(']', i + 2) : std::string::npos;
    if (close != std::string::npos) {
      const bool negated = glob[i + 1] == '!' || glob[i + 1] == '^';
      out += negated ? '0' : glob[i + 1];
      i = close;
    } else {
      out += glob[i] == '*' || glob[i] == '?' ? '0' : glob[i];
    }
  }
  return out;
}

bool same_rules(const std::vector<ConflictRule>& a, const std::vector<ConflictRule>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ConflictRule& x, const ConflictRule& y) {
    return x.paths == y.paths && x.sources == y.sources && x.mode == y.mode;
  });
}

// Asked for every path that a baseline can add or a policy or rule names, by every source, whether or not one stands
// against it today.
void compare_conflicts(const Policy& before, const Policy& after, const std::vector<ConflictRule>& administrator,
                       Lister* out) {
  if (same_rules(before.conflicts, after.conflicts)) return;
  const ConflictIndex old_rules(administrator, before.conflicts), new_rules(administrator, after.conflicts);
  std::set<std::string> paths{"/dev/nvidia0"};
  for (const std::string_view path : baseline_paths()) paths.emplace(path);
  for (const Policy* policy : {&before, &after}) {
    for (const PathEntry& entry : policy->read_only) paths.insert(entry.path);
    for (const ConflictRule& rule : policy->conflicts)
      for (const std::string& glob : rule.paths) paths.insert(example_of(glob));
  }
  for (const Class kind : {Class::weakening, Class::strengthening}) {
    std::vector<std::string> list;
    int line = 0;
    for (const std::string& path : paths) {
      std::map<std::pair<ConflictMode, ConflictMode>, std::string> sources;  // by what it was and is
      const auto was = old_rules.rules(path), is = new_rules.rules(path);
      for (const Source source : {Source::default_policy, Source::gateway, Source::image, Source::user}) {
        const ConflictRule& old_rule = *was[static_cast<std::size_t>(source)];
        const ConflictRule& new_rule = *is[static_cast<std::size_t>(source)];
        const int by = strictness(new_rule.mode) - strictness(old_rule.mode);
        if (kind == Class::weakening ? by >= 0 : by <= 0) continue;
        std::string& names = sources[{old_rule.mode, new_rule.mode}];
        names += (names.empty() ? "" : ", ") + std::string(name(source));
        line = new_rule.line != 0 ? new_rule.line : line;
      }
      for (const auto& [modes, names] : sources)
        list.push_back(printable(path) + " " + std::string(name(modes.first)) + " before, " +
                       std::string(name(modes.second)) + " now (" + names + ")");
    }
    if (!list.empty()) out->add(kind, "conflicts", "read_only against the baseline: " + join(list, "; "), line);
  }
}

// The work directory, wherever it is, is a path too; where the whole section is missing nobody wrote it.
bool names_paths(const Policy& policy) {
  return !policy.read_only.empty() || !policy.read_write.empty() || !policy.grants.empty() ||
         (policy.has_filesystem_policy && policy.include_workdir);
}

}  // namespace

std::vector<SettingChange> setting_changes(const Policy& before, const Policy& after, const Context& context,
                                           bool by_object) {
  Lister out;
  std::optional<paths::Names> names;
  if (by_object) names.emplace(context.host);
  paths::Names* known = names ? &*names : nullptr;
  out.compare(of(before, known), of(after, known), after.min_abi_line, context.workdir.has_value());
  compare_conflicts(before, after, context.administrator_conflicts, &out);
  if (names_paths(before) && !names_paths(after))
    out.add(Class::weakening, "emptied",
            "the policy names no path any more: a runtime may put its own default there, or start without a sandbox");
  return std::move(out.out);
}

std::vector<SettingChange> setting_changes(const EffectivePolicy& before, const EffectivePolicy& after) {
  Lister out;
  out.compare(of(before), of(after), 0, false);
  return std::move(out.out);
}

void add_requirement_changes(const EffectivePolicy& before, const EffectivePolicy& after, int abi,
                             std::vector<SettingChange>* out) {
  // What a refused plan and a dropped one differ in is a hard requirement's alone.
  if (before.compatibility != Compatibility::hard_requirement && after.compatibility != Compatibility::hard_requirement)
    return;
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
  if (!now_runs.empty())
    out->push_back({Class::weakening,
                    "refused",
                    "at ABI " + list(now_runs) + " the old policy is refused and the new one runs: " + why,
                    0,
                    {}});
  if (!now_refused.empty())
    out->push_back(
        {Class::strengthening, "refused", "at ABI " + list(now_refused) + " the new policy is refused: " + why, 0, {}});
}

}  // namespace lockstep::diff
