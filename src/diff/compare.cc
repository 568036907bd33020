#include "diff/compare.h"

#include <algorithm>
#include <functional>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep::diff {
namespace {

std::size_t index(int id) {
  return static_cast<std::size_t>(id);
}

}  // namespace

Result<void> Comparer::share(Pair<const std::vector<EffectiveRule>*> rules) {
  shared_ = rules;
  if (out_.by_object) return {};  // placed with the others: there is one machine
  for (std::size_t side = 0; side < 2; ++side) {
    for (const EffectiveRule& rule : *rules[side]) {
      const int node = paths_.named(rule.path, nullptr);
      shared_ties_[side].push_back({paths_.object(node), node, &rule});
    }
    std::stable_sort(shared_ties_[side].begin(), shared_ties_[side].end(),
                     [](const Tie& a, const Tie& b) { return a.object < b.object; });
  }
  return {};
}

void Comparer::enter(std::size_t situation) {
  const Situation& there = out_.situations[situation];
  if (names_ != nullptr && host_ == there.host) return;
  host_ = there.host;
  names_ = std::make_unique<paths::Names>(there.context.host, out_.by_object);
  every_name_ = std::make_unique<paths::EveryName>(paths_, *names_);
  for (const HostEntry& entry : there.context.host.present)
    if (entry.kind != NodeKind::directory && entry.kind != NodeKind::link) files_.insert(entry.path);
}

void Comparer::ask(Here& here, int id, unsigned char why) const {
  if (index(id) >= here.asked.size()) here.asked.resize(std::max(paths_.size(), index(id) + 1));
  here.asked[index(id)] |= why;
}

Result<void> Comparer::place_rule(const EffectiveRule& rule, std::size_t side, Here& here) {
  LOCKSTEP_ASSIGN(paths::Placed placed, paths_.place(rule.path, *names_));
  here.has_other_root = here.has_other_root || placed.nodes.size() > 1;
  const int node = placed.nodes[here.other_root && placed.nodes.size() > 1 ? 1 : 0];
  here.ties[side].push_back({paths_.object(node), node, &rule});
  ask(here, node, by_rule);
  if (placed.lead.missing || placed.lead.endless || !placed.lead.dangling.empty())
    led_.insert_or_assign(rule.path, std::move(placed.lead));
  return {};
}

// Shared rules that are or pass a link on this host: they are about something else here.
Result<void> Comparer::place_shared(Here& here) {
  if (out_.by_object) {
    for (std::size_t side = 0; side < 2; ++side)
      if (shared_[side] != nullptr)
        for (const EffectiveRule& rule : *shared_[side]) LOCKSTEP_CHECK(place_rule(rule, side, here));
    return {};
  }
  std::vector<std::string> links = names_->links();
  links.emplace_back("/proc");
  here.elsewhere.assign(paths_.size(), 0);
  for (const std::string& link : links)
    if (const int id = paths_.find(link); id >= 0) here.elsewhere[index(id)] = 1;
  for (int id = 0; index(id) < here.elsewhere.size(); ++id)
    if (const int parent = paths_.parent(id); parent >= 0 && here.elsewhere[index(parent)] != 0)
      here.elsewhere[index(id)] = 1;
  for (std::size_t side = 0; side < 2; ++side)
    for (const Tie& tie : shared_ties_[side]) {
      if (here.elsewhere[index(tie.node)] == 0)
        ask(here, tie.node, by_rule);
      else
        LOCKSTEP_CHECK(place_rule(*tie.rule, side, here));
    }
  return {};
}

Result<void> Comparer::ask_other_names(Here& here) {
  if (!names_->mounts().ok()) return names_->mounts().error();
  std::vector<int> nodes;
  for (int id = 0; index(id) < here.asked.size(); ++id)
    if (here.asked[index(id)] != 0) nodes.push_back(id);
  LOCKSTEP_ASSIGN(const std::vector<int> others, every_name_->other_than(nodes));
  for (const int other : others) ask(here, other, by_other_name);
  // On each mount a move stays among its own directories, also where no rule is on it.
  for (const std::string& point : names_->mounts()->points())
    if (names_->at(point).error == 0) ask(here, paths_.named(point, names_.get()), mount_point);
  return {};
}

AccessSet Comparer::cut(const Here& here, int id, AccessSet rights) const {
  const bool directory = paths_.is_directory(id) && (index(id) >= here.file.size() || here.file[index(id)] == 0);
  return directory ? rights : rights & access_on_files;
}

template <typename Use>
void Comparer::for_each_tie(const Here& here, std::size_t side, Use use) const {
  for (const Tie& tie : shared_ties_[side])
    if (here.elsewhere[index(tie.node)] == 0) use(tie);
  for (const Tie& tie : here.ties[side]) use(tie);
}

void Comparer::add_up(Here& here) const {
  const std::size_t count = paths_.size();
  here.asked.resize(count);
  here.file.assign(count, 0);
  if (!out_.by_object)
    for (const HostEntry& entry : out_.situations[here.situation].context.host.present)
      if (const int id = paths_.find(entry.path);
          id >= 0 && entry.kind != NodeKind::directory && entry.kind != NodeKind::link)
        here.file[index(id)] = 1;
  const int root = paths_.find("/");
  for (std::size_t side = 0; side < 2; ++side) {
    std::vector<AccessSet>& own = here.own[side];
    own.assign(paths_.objects(), {});
    for_each_tie(here, side, [&](const Tie& tie) { own[index(tie.object)] |= tie.rule->rights(all_); });
    Rights& rights = here.rights[side];
    rights.raw.assign(count, {});
    rights.inner.assign(count, {});
    for (int id = 0; index(id) < count; ++id) {  // parents come first
      const AccessSet here_own = own[index(paths_.object(id))];
      const int parent = paths_.parent(id);
      rights.raw[index(id)] = (parent < 0 ? AccessSet() : rights.raw[index(parent)]) | here_own;
      rights.inner[index(id)] =
          (parent < 0 ? AccessSet() : rights.inner[index(parent)]) | (id == root ? AccessSet() : here_own);
    }
  }
}

Result<void> Comparer::compare(Pair<const EffectivePolicy*> policies, std::size_t situation, bool gains_only) {
  enter(situation);
  Here here;
  here.situation = situation;
  here.policies = policies;
  LOCKSTEP_CHECK(compare_here(here, gains_only));
  if (!here.has_other_root) return {};
  // Another process's root is ours or another: what changes in either case has changed.
  Here there;
  there.situation = situation;
  there.policies = policies;
  there.other_root = true;
  return compare_here(there, gains_only);
}

Result<void> Comparer::compare_here(Here& here, bool gains_only) {
  LOCKSTEP_CHECK(place_shared(here));
  for (std::size_t side = 0; side < 2; ++side)
    for (const EffectiveRule& rule : here.policies[side]->rules) LOCKSTEP_CHECK(place_rule(rule, side, here));
  if (out_.by_object) LOCKSTEP_CHECK(ask_other_names(here));
  here.elsewhere.resize(paths_.size());
  for (std::vector<Tie>& ties : here.ties)
    std::stable_sort(ties.begin(), ties.end(), [](const Tie& a, const Tie& b) { return a.object < b.object; });
  add_up(here);
  if (const Pair<std::string> why{refusal(here, 0), refusal(here, 1)}; why[0].empty() != why[1].empty())
    refused(here.situation, why);
  list_changes(here, gains_only);
  list_moves(here, gains_only);
  list_idle(here);
  return {};
}

// The nearest rule that gives some of them.
const EffectiveRule* Comparer::giver(const Here& here, std::size_t side, int id, AccessSet rights) const {
  for (int above = id; above >= 0; above = paths_.parent(above)) {
    const int object = paths_.object(above);
    if (!here.own[side][index(object)].intersects(rights)) continue;
    for (const std::vector<Tie>* ties : {&here.ties[side], &shared_ties_[side]}) {
      auto tie = std::lower_bound(ties->begin(), ties->end(), object,
                                  [](const Tie& each, int wanted) { return each.object < wanted; });
      for (; tie != ties->end() && tie->object == object; ++tie)
        if (tie->rule->rights(all_).intersects(rights) &&
            (ties == &here.ties[side] || here.elsewhere[index(tie->node)] == 0))
          return tie->rule;
    }
  }
  return nullptr;
}

void Comparer::list_changes(const Here& here, bool gains_only) {
  std::vector<Delta> nearest(paths_.size());  // of the name itself or the nearest one above it that is asked about
  for (int id = 0; index(id) < nearest.size(); ++id) {
    const int parent = paths_.parent(id);
    const Delta above = parent < 0 ? Delta() : nearest[index(parent)];
    if ((here.asked[index(id)] & (by_rule | by_other_name)) == 0) {
      nearest[index(id)] = above;
      continue;
    }
    const AccessSet had = at(here, 0, id), has = at(here, 1, id);
    const Delta delta{has - had, had - has};
    nearest[index(id)] = delta;
    const Delta begins{delta.gained - above.gained, gains_only ? AccessSet() : delta.lost - above.lost};
    if (!begins.gained.empty() || !begins.lost.empty()) list_change(here, id, begins);
  }
}

void Comparer::list_change(const Here& here, int id, const Delta& delta) {
  static const EffectiveRule nobody;
  const std::size_t side = delta.gained.empty() ? 0 : 1;
  const EffectiveRule* found = giver(here, side, id, side == 1 ? delta.gained : delta.lost);
  const EffectiveRule& rule = found == nullptr ? nobody : *found;
  // A shared rule is the same one in every situation: it need not be compared by its path.
  const std::vector<EffectiveRule>* list = shared_[side];
  const bool is_shared = list != nullptr && !list->empty() && !std::less<>()(found, list->data()) &&
                         std::less<>()(found, list->data() + list->size());
  const EffectiveRule* shared = is_shared ? found : nullptr;
  if (changes_at_.size() <= index(id)) changes_at_.resize(paths_.size());
  std::vector<std::size_t>& known = changes_at_[index(id)];
  for (const std::size_t each : known) {
    PathChange& change = changes_[each];
    if (change.gained != delta.gained || change.lost != delta.lost || shared_causes_[each] != shared) continue;
    if (shared != nullptr || (change.cause.line == rule.line && change.cause.rule == rule.path)) {
      if (change.situations.back() != here.situation) change.situations.push_back(here.situation);
      return;
    }
  }
  PathChange change;
  change.path = paths_.path(id);
  change.gained = delta.gained;
  change.lost = delta.lost;
  change.cause = {here.policies[side]->file, rule.line, rule.origin, rule.path};
  change.situations = {here.situation};
  known.push_back(changes_.size());
  changes_.push_back(std::move(change));
  nodes_.push_back(id);
  shared_causes_.push_back(shared);
}

// Entries whose rights are more than before and show nowhere, because what is above them gives as much: by
// their spelling. If one is a link, it gives them where that leads. Below / nothing is elsewhere.
void Comparer::list_idle(const Here& here) {
  const int root = paths_.find("/");
  const AccessSet everywhere = root < 0 ? AccessSet() : here.rights[0].raw[index(root)];
  for_each_tie(here, 1, [&](const Tie& tie) {
    const AccessSet had = here.own[0][index(tie.object)], has = here.own[1][index(tie.object)];
    if (had == has || (tie.rule->line == 0 && tie.rule->origin != Origin::workdir) ||
        paths_.kind(tie.node) != paths::Paths::Kind::named)
      return;
    const AccessSet more = cut(here, tie.node, has - had);
    if (more.empty()) return;
    if (out_.by_object) {
      const auto led = led_.find(tie.rule->path);
      if (led == led_.end()) return;
      const paths::Lead& lead = led->second;
      const bool plain = lead.dangling.empty() && !lead.endless;
      if (plain)
        missing_.insert(tie.rule->path);
      else
        dangling_.insert(tie.rule->path);
      return;
    }
    const AccessSet shown = at(here, 1, tie.node) - at(here, 0, tie.node);
    if ((more - shown - everywhere).empty()) return;
    (had.empty() ? idle_new_ : idle_changed_).insert(tie.rule->path);
  });
}

// Why preparing refuses the policy: a right to change the root, by whatever name; and under hard_requirement
// an author's path that is not there, or that none of its rights can be on. By spelling only the first is
// known.
std::string Comparer::refusal(const Here& here, std::size_t side) const {
  const bool required = out_.by_object && here.policies[side]->compatibility == Compatibility::hard_requirement;
  const int root = paths_.find("/");
  std::string out;
  for_each_tie(here, side, [&](const Tie& tie) {
    if (!out.empty()) return;
    const AccessSet rights = tie.rule->rights(all_);
    // The work directory is the author's word as well, and has no line.
    const bool author = tie.rule->line > 0 || tie.rule->origin == Origin::workdir;
    std::string why;
    if (tie.node == root && !access_read_only.contains(rights))
      why = " is the root directory, and a right to change things there is refused";
    else if (required && author && led_.contains(tie.rule->path))
      why = " does not exist on this machine, and hard_requirement";
    else if (required && author && !paths_.is_directory(tie.node) && cut(here, tie.node, rights).empty())
      why = " is no directory, and none of its rights can be granted elsewhere";
    if (!why.empty())
      out = here.policies[side]->file + ":" + std::to_string(tie.rule->line) + ": " + printable(tie.rule->path) + why;
  });
  return out;
}

}  // namespace lockstep::diff
