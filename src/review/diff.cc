#include "review/diff.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "landlock/abi.h"
#include "review/danger.h"
#include "review/paths.h"
#include "review/settings.h"

namespace lockstep::review {
namespace {

AccessSet rights_asked_about(int abi) { return abi_info(abi == 0 ? newest_abi : abi)->fs; }

// The rights of one effective policy, by path.
class Rights {
 public:
  Rights(const EffectivePolicy& effective, Paths& paths, const std::unordered_set<int>& files, AccessSet all)
      : effective_(effective), paths_(paths), files_(files), all_(all) {
    for (const EffectiveRule& rule : effective.rules) {
      const int id = paths.id(rule.path);
      ids_.push_back(id);
      if (id < 0) continue;  // a path that is not there is no rule
      if (own_.size() <= static_cast<std::size_t>(id)) own_.resize(static_cast<std::size_t>(id) + 1);
      own_[static_cast<std::size_t>(id)] |= cut(id, rule.rights(all));
    }
  }

  AccessSet at(int id) const {
    AccessSet out;
    for (const int above : paths_.walk(id)) out |= own(above);
    return cut(id, out);
  }

  // The nearest rule that gives some of them.
  const EffectiveRule* giver(int id, AccessSet rights) const {
    for (const int above : paths_.walk(id)) {
      if (!own(above).intersects(rights)) continue;
      for (std::size_t i = 0; i < ids_.size(); ++i)
        if (ids_[i] == above && effective_.rules[i].rights(all_).intersects(rights)) return &effective_.rules[i];
    }
    return nullptr;
  }

 private:
  AccessSet own(int id) const { return static_cast<std::size_t>(id) < own_.size() ? own_[static_cast<std::size_t>(id)] : AccessSet(); }
  AccessSet cut(int id, AccessSet rights) const {
    const bool directory = paths_.is_directory(id) && !files_.contains(id);
    return directory ? rights : rights & access_on_files;
  }

  const EffectivePolicy& effective_;
  Paths& paths_;
  const std::unordered_set<int>& files_;
  AccessSet all_;
  std::vector<int> ids_;  // of each rule's path
  std::vector<AccessSet> own_;
};

struct Delta {
  AccessSet gained;
  AccessSet lost;
};

class Comparer {
 public:
  Comparer(Diff& out, AccessSet all) : out_(out), all_(all), paths_(out.by_object) {}

  void compare(const EffectivePolicy& before, const EffectivePolicy& after, std::size_t situation);
  void finish();

 private:
  using Key = std::tuple<std::string, std::uint64_t, std::uint64_t, std::string, int>;

  const std::unordered_set<int>& files_of(const Situation& situation);
  Cause cause_of(int id, Delta delta, const Rights& before, const Rights& after, const EffectivePolicy& old_policy,
                 const EffectivePolicy& new_policy) const;

  Diff& out_;
  AccessSet all_;
  Paths paths_;
  std::map<std::string, std::unordered_set<int>> files_;  // by host
  std::map<Key, PathChange> changes_;
};

// What the host says is no directory. Everything else is taken for one, which claims rather too much than too little.
const std::unordered_set<int>& Comparer::files_of(const Situation& situation) {
  const auto [found, fresh] = files_.try_emplace(situation.host);
  if (fresh && !out_.by_object)
    for (const HostEntry& entry : situation.context.host.present)
      if (entry.kind != NodeKind::directory && entry.kind != NodeKind::link) found->second.insert(paths_.id(entry.path));
  return found->second;
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

void Comparer::compare(const EffectivePolicy& before, const EffectivePolicy& after, std::size_t situation) {
  const std::unordered_set<int>& files = files_of(out_.situations[situation]);
  const Rights old_rights(before, paths_, files, all_), new_rights(after, paths_, files, all_);
  std::map<int, const std::string*> mentioned;  // the first spelling of each
  for (const EffectivePolicy* policy : {&before, &after})
    for (const EffectiveRule& rule : policy->rules)
      if (const int id = paths_.id(rule.path); id >= 0) mentioned.try_emplace(id, &rule.path);
  std::vector<std::pair<int, const std::string*>> order(mentioned.begin(), mentioned.end());
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return paths_.walk(a.first).size() < paths_.walk(b.first).size(); });
  std::map<int, Delta> deltas;
  for (const auto& [id, path] : order) {
    const AccessSet had = old_rights.at(id), has = new_rights.at(id);
    const Delta delta{has - had, had - has};
    deltas[id] = delta;
    Delta above;
    const std::vector<int>& walk = paths_.walk(id);
    for (std::size_t i = 1; i < walk.size(); ++i) {
      const auto found = deltas.find(walk[i]);
      if (found == deltas.end()) continue;
      above = found->second;
      break;
    }
    const Delta begins{delta.gained - above.gained, delta.lost - above.lost};
    if (begins.gained.empty() && begins.lost.empty()) continue;
    PathChange change;
    change.path = *path;
    change.gained = begins.gained;
    change.lost = begins.lost;
    change.cause = cause_of(id, begins, old_rights, new_rights, before, after);
    Key key{change.path, change.gained.bits(), change.lost.bits(), change.cause.rule, change.cause.line};
    changes_.try_emplace(std::move(key), std::move(change)).first->second.situations.push_back(situation);
  }
}

void Comparer::finish() {
  for (auto& [key, change] : changes_) {
    // What is a device where it exists can hold nothing that is made: where it does not, the rights are claimed all the same.
    const int id = paths_.id(change.path);
    const bool file = std::any_of(files_.begin(), files_.end(), [&](const auto& host) { return host.second.contains(id); });
    const AccessSet told = file && change.gained.intersects(access_on_files) ? change.gained & access_on_files : change.gained;
    const Danger danger = change.gained.empty() ? Danger{least_danger, loss_at(change.path, change.lost)} : danger_of(change.path, told);
    change.danger = danger.rank;
    change.consequence = danger.consequence;
    out_.changes.push_back(std::move(change));
  }
  std::stable_sort(out_.changes.begin(), out_.changes.end(), [](const PathChange& a, const PathChange& b) { return a.danger < b.danger; });
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
  out.settings = setting_changes(before, after, out.situations.front().context.administrator_conflicts);
  Comparer comparer(out, rights_asked_about(out.abi));
  std::vector<std::size_t> now_runs, now_refused;
  std::string why;
  bool required = false;
  for (std::size_t i = 0; i < out.situations.size(); ++i) {
    const Result<EffectivePolicy> old_policy = in_force(before, out.situations[i]);
    const Result<EffectivePolicy> new_policy = in_force(after, out.situations[i]);
    if (old_policy.ok() && new_policy.ok()) {
      comparer.compare(*old_policy, *new_policy, i);
      // Whether a plan is refused for its ABI depends on what the author wrote alone.
      if (!std::exchange(required, true)) add_requirement_changes(*old_policy, *new_policy, out.abi, &out.settings);
    } else if (new_policy.ok() != old_policy.ok()) {
      (new_policy.ok() ? now_runs : now_refused).push_back(i);
      why = (new_policy.ok() ? old_policy : new_policy).error().to_string();
    }
  }
  comparer.finish();
  if (!now_runs.empty()) out.settings.push_back({Class::weakening, "refused", "the old policy is refused, the new one runs: " + why, 0, now_runs});
  if (!now_refused.empty()) out.settings.push_back({Class::strengthening, "refused", "the new policy is refused: " + why, 0, now_refused});
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
  comparer.compare(before, after, 0);
  comparer.finish();
  return out;
}

}  // namespace lockstep::review
