#include "review/diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "landlock/abi.h"
#include "policy/danger.h"
#include "review/paths.h"
#include "review/settings.h"

namespace lockstep::review {
namespace {

AccessSet rights_asked_about(int abi) { return abi_info(abi == 0 ? newest_abi : abi)->fs; }

// The rules of one effective policy, each with the places it is about.
struct Placed {
  const EffectivePolicy& policy;
  std::vector<std::vector<int>> places;  // parallel to the rules
};

Result<Placed> place(const EffectivePolicy& policy, const Host& host, Paths& paths) {
  Placed out{policy, {}};
  for (const EffectiveRule& rule : policy.rules) {
    LOCKSTEP_ASSIGN(std::vector<int> places, paths.places(rule.path, host));
    out.places.push_back(std::move(places));
  }
  return out;
}

// The rights of one effective policy, by path.
class Rights {
 public:
  Rights(const Placed& placed, const Paths& paths, const std::unordered_set<int>& files, AccessSet all)
      : policy_(placed.policy), paths_(paths), files_(files), all_(all) {
    for (std::size_t i = 0; i < placed.places.size(); ++i)
      for (const int id : placed.places[i]) {
        Own& own = own_[id];
        own.rights |= cut(id, policy_.rules[i].rights(all));
        own.rules.push_back(i);
      }
  }

  AccessSet at(int id) const {
    AccessSet out;
    for (int above = id; above >= 0; above = paths_.parent(above))
      if (const auto own = own_.find(above); own != own_.end()) out |= own->second.rights;
    return cut(id, out);
  }

  // The nearest rule that gives some of them.
  const EffectiveRule* giver(int id, AccessSet rights) const {
    for (int above = id; above >= 0; above = paths_.parent(above)) {
      const auto own = own_.find(above);
      if (own == own_.end() || !own->second.rights.intersects(rights)) continue;
      for (const std::size_t i : own->second.rules)
        if (policy_.rules[i].rights(all_).intersects(rights)) return &policy_.rules[i];
    }
    return nullptr;
  }

 private:
  struct Own {
    AccessSet rights;
    std::vector<std::size_t> rules;
  };

  AccessSet cut(int id, AccessSet rights) const {
    const bool directory = paths_.is_directory(id) && !files_.contains(id);
    return directory ? rights : rights & access_on_files;
  }

  const EffectivePolicy& policy_;
  const Paths& paths_;
  const std::unordered_set<int>& files_;
  AccessSet all_;
  std::unordered_map<int, Own> own_;
};

struct Delta {
  AccessSet gained;
  AccessSet lost;
};

class Comparer {
 public:
  Comparer(Diff& out, AccessSet all) : out_(out), all_(all), paths_(out.by_object) {}

  // Lists the refusals of the situation: by object, what hard_requirement demands may not be there.
  Result<void> compare(const EffectivePolicy& before, const EffectivePolicy& after, std::size_t situation);
  void refused(std::size_t situation, const std::string& before, const std::string& after);  // why; empty: it runs
  void finish();

 private:
  using Key = std::tuple<std::string, std::uint64_t, std::uint64_t, std::string, int>;

  Result<const std::unordered_set<int>*> files_of(const Situation& situation);
  std::string missing_path(const Placed& placed) const;
  Cause cause_of(int id, Delta delta, const Rights& before, const Rights& after, const EffectivePolicy& old_policy,
                 const EffectivePolicy& new_policy) const;

  Diff& out_;
  AccessSet all_;
  Paths paths_;
  std::map<std::string, std::unordered_set<int>> files_;  // by host
  std::map<Key, PathChange> changes_;
  std::set<std::string> idle_;  // new entries that add nothing, by their spelling
  std::vector<std::size_t> now_runs_, now_refused_, both_refused_;
  std::string why_;
};

// What the host says is no directory. Everything else is taken for one, which claims rather too much than too little.
Result<const std::unordered_set<int>*> Comparer::files_of(const Situation& situation) {
  const auto [found, fresh] = files_.try_emplace(situation.host);
  if (fresh && !out_.by_object) {
    for (const HostEntry& entry : situation.context.host.present) {
      if (entry.kind == NodeKind::directory || entry.kind == NodeKind::link) continue;
      LOCKSTEP_ASSIGN(const int id, paths_.id(entry.path));
      found->second.insert(id);
    }
  }
  return &found->second;
}

// Of an author's rule under hard_requirement, which refuses the policy where it is not there.
std::string Comparer::missing_path(const Placed& placed) const {
  if (!out_.by_object || placed.policy.compatibility != Compatibility::hard_requirement) return {};
  for (std::size_t i = 0; i < placed.places.size(); ++i)
    if (const EffectiveRule& rule = placed.policy.rules[i]; rule.line > 0 && paths_.is_missing(placed.places[i].front()))
      return placed.policy.file + ":" + std::to_string(rule.line) + ": " + printable(rule.path) + " does not exist on this machine, and hard_requirement";
  return {};
}

void Comparer::refused(std::size_t situation, const std::string& before, const std::string& after) {
  if (before.empty() && after.empty()) return;
  (before.empty() ? now_refused_ : after.empty() ? now_runs_ : both_refused_).push_back(situation);
  why_ = after.empty() ? before : after;
}

Cause Comparer::cause_of(int id, Delta delta, const Rights& before, const Rights& after, const EffectivePolicy& old_policy,
                         const EffectivePolicy& new_policy) const {
  const bool gains = !delta.gained.empty();
  const EffectiveRule* rule = gains ? after.giver(id, delta.gained) : before.giver(id, delta.lost);
  Cause out;
  out.file = gains ? new_policy.file : old_policy.file;
  if (rule == nullptr) return out;
  out.line = rule->line;
  out.origin = rule->origin;
  out.rule = rule->path;
  return out;
}

Result<void> Comparer::compare(const EffectivePolicy& before, const EffectivePolicy& after, std::size_t situation) {
  const Host& host = out_.situations[situation].context.host;
  LOCKSTEP_ASSIGN(const std::unordered_set<int>* files, files_of(out_.situations[situation]));
  LOCKSTEP_ASSIGN(const Placed old_rules, place(before, host, paths_));
  LOCKSTEP_ASSIGN(const Placed new_rules, place(after, host, paths_));
  if (const std::string old_lacks = missing_path(old_rules), new_lacks = missing_path(new_rules); old_lacks.empty() != new_lacks.empty())
    refused(situation, old_lacks, new_lacks);

  const Rights old_rights(old_rules, paths_, *files, all_), new_rights(new_rules, paths_, *files, all_);
  std::map<int, std::string> mentioned;  // the first spelling of each
  for (const Placed* placed : {&old_rules, &new_rules})
    for (std::size_t i = 0; i < placed->places.size(); ++i) {
      const std::vector<int>& places = placed->places[i];
      const std::string& path = placed->policy.rules[i].path;
      mentioned.try_emplace(places.front(), path);
      if (places.size() == 1) continue;
      const std::string leads = leads_to(path, host);
      mentioned.try_emplace(places[1], leads.empty() ? path : leads);
    }
  std::vector<std::pair<int, const std::string*>> order;
  order.reserve(mentioned.size());
  for (const auto& [id, path] : mentioned) order.emplace_back(id, &path);
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return paths_.depth(a.first) < paths_.depth(b.first); });
  std::unordered_map<int, Delta> deltas;
  std::unordered_set<int> changed;
  for (const auto& [id, path] : order) {
    const AccessSet had = old_rights.at(id), has = new_rights.at(id);
    const Delta delta{has - had, had - has};
    deltas[id] = delta;
    Delta above;
    for (int parent = paths_.parent(id); parent >= 0; parent = paths_.parent(parent)) {
      const auto found = deltas.find(parent);
      if (found == deltas.end()) continue;
      above = found->second;
      break;
    }
    const Delta begins{delta.gained - above.gained, delta.lost - above.lost};
    if (begins.gained.empty() && begins.lost.empty()) continue;
    changed.insert(id);
    PathChange change;
    change.path = *path;
    change.gained = begins.gained;
    change.lost = begins.lost;
    change.cause = cause_of(id, begins, old_rights, new_rights, before, after);
    Key key{change.path, change.gained.bits(), change.lost.bits(), change.cause.rule, change.cause.line};
    changes_.try_emplace(std::move(key), std::move(change)).first->second.situations.push_back(situation);
  }
  if (out_.by_object) return {};
  std::unordered_set<int> old_places;
  for (const std::vector<int>& places : old_rules.places) old_places.insert(places.begin(), places.end());
  for (std::size_t i = 0; i < new_rules.places.size(); ++i) {
    const int id = new_rules.places[i].front();
    if (after.rules[i].line > 0 && new_rules.places[i].size() == 1 && !old_places.contains(id) && !changed.contains(id) && deltas[id].gained.empty()) idle_.insert(after.rules[i].path);
  }
  return {};
}

std::string list_of(const std::set<std::string>& paths) {
  constexpr std::size_t most = 8;
  std::string out;
  std::size_t said = 0;
  for (const std::string& path : paths) {
    if (++said > most) return out + " and " + std::to_string(paths.size() - most) + " more";
    out += (out.empty() ? "" : ", ") + printable(path);
  }
  return out;
}

void Comparer::finish() {
  for (auto& [key, change] : changes_) {
    // What is a device where it exists can hold nothing that is made: where it does not, the rights are claimed all the same.
    const Result<int> id = paths_.id(change.path);
    const bool file = id.ok() && std::any_of(files_.begin(), files_.end(), [&](const auto& host) { return host.second.contains(*id); });
    const AccessSet told = file && change.gained.intersects(access_on_files) ? change.gained & access_on_files : change.gained;
    const std::optional<ByProcess> by = by_process(change.path);
    const std::string about = !by || by->link->name != "root" ? change.path : by->below.empty() ? "/" : std::string(by->below);
    const Danger danger = change.gained.empty() ? Danger{least_danger, loss_at(about, change.lost)} : danger_of(about, told);
    change.danger = danger.rank;
    change.consequence = danger.consequence;
    if (by) change.consequence = "it leads to " + std::string(by->link->leads_to) + ": " + change.consequence;
    out_.changes.push_back(std::move(change));
  }
  std::stable_sort(out_.changes.begin(), out_.changes.end(), [](const PathChange& a, const PathChange& b) { return a.danger < b.danger; });
  if (!now_runs_.empty()) out_.settings.push_back({Class::weakening, "refused", "the old policy is refused, the new one runs: " + why_, 0, now_runs_});
  if (!now_refused_.empty()) out_.settings.push_back({Class::strengthening, "refused", "the new policy is refused: " + why_, 0, now_refused_});
  if (!both_refused_.empty())
    out_.notes.push_back("both policies are refused in " + std::to_string(both_refused_.size()) + " of " + std::to_string(out_.situations.size()) +
                         " situations, and not compared there: " + why_);
  if (!idle_.empty())
    out_.notes.push_back("new entries that add nothing to what is granted above them, unless they are links (--host real follows those of this machine): " + list_of(idle_));
}

// The policy as its author wrote it: no baseline, no conflict.
Result<EffectivePolicy> in_force(const Policy& policy, const Situation& situation) {
  if (!situation.as_written) return enrich(policy, situation.context);
  Context bare = situation.context;
  bare.gpu = Toggle::off;
  bare.proxy = Toggle::off;
  return enrich(policy, bare);
}

Class joined(bool gains, bool loses, bool weaker, bool stronger) {
  if (gains) return loses ? Class::both : Class::widening;
  if (weaker) return Class::weakening;
  return loses ? Class::narrowing : stronger ? Class::strengthening : Class::equivalent;
}

}  // namespace

std::string_view name(Class kind) {
  constexpr std::string_view names[] = {"equivalent", "strengthening", "narrowing", "weakening", "widening", "both"};
  return names[static_cast<std::size_t>(kind)];
}

Class Diff::worst_in(std::size_t situation) const {
  bool gains = false, loses = false, weaker = false, stronger = false;
  const auto here = [&](const std::vector<std::size_t>& list) { return list.empty() || std::binary_search(list.begin(), list.end(), situation); };
  for (const PathChange& change : changes) {
    if (!here(change.situations)) continue;
    gains = gains || !change.gained.empty();
    loses = loses || !change.lost.empty();
  }
  for (const SettingChange& change : settings) {
    if (!here(change.situations)) continue;
    gains = gains || change.kind == Class::widening || change.kind == Class::both;
    loses = loses || change.kind == Class::narrowing || change.kind == Class::both;
    weaker = weaker || change.kind == Class::weakening;
    stronger = stronger || change.kind == Class::strengthening;
  }
  return joined(gains, loses, weaker, stronger);
}

Class Diff::worst() const {
  Class out = Class::equivalent;
  for (std::size_t i = 0; i < situations.size(); ++i) out = std::max(out, worst_in(i));
  return out;
}

bool Diff::stops() const {
  return std::any_of(changes.begin(), changes.end(), [](const PathChange& each) { return !each.gained.empty() && each.accepted.empty(); }) ||
         std::any_of(settings.begin(), settings.end(), [](const SettingChange& each) { return each.kind >= Class::weakening && each.accepted.empty(); });
}

Result<Diff> compare(const Policy& before, const Policy& after, Options options) {
  Diff out;
  out.old_file = before.file;
  out.new_file = after.file;
  out.by_object = options.by_object;
  out.abi = options.abi;
  out.situations = std::move(options.situations);
  if (out.situations.empty()) return internal_error("diff: no situation to compare in");
  out.settings = setting_changes(before, after, out.situations.front().context);
  Comparer comparer(out, rights_asked_about(out.abi));
  bool required = false;
  for (std::size_t i = 0; i < out.situations.size(); ++i) {
    const Result<EffectivePolicy> old_policy = in_force(before, out.situations[i]);
    const Result<EffectivePolicy> new_policy = in_force(after, out.situations[i]);
    if (old_policy.ok() && new_policy.ok()) {
      LOCKSTEP_CHECK(comparer.compare(*old_policy, *new_policy, i));
      // Whether a plan is refused for its ABI depends on what the author wrote alone.
      if (!std::exchange(required, true)) add_requirement_changes(*old_policy, *new_policy, out.abi, &out.settings);
    } else {
      comparer.refused(i, old_policy.ok() ? "" : old_policy.error().to_string(), new_policy.ok() ? "" : new_policy.error().to_string());
    }
  }
  comparer.finish();
  return out;
}

Result<Diff> compare_snapshots(const EffectivePolicy& before, const EffectivePolicy& after, int abi) {
  Diff out;
  out.old_file = before.file;
  out.new_file = after.file;
  out.abi = abi;
  out.situations.resize(1);
  out.situations[0].host = "as in the snapshots";
  out.settings = setting_changes(before, after);
  add_requirement_changes(before, after, abi, &out.settings);
  Comparer comparer(out, rights_asked_about(abi));
  LOCKSTEP_CHECK(comparer.compare(before, after, 0));
  comparer.finish();
  return out;
}

}  // namespace lockstep::review
