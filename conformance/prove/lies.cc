#include "conformance/prove/lies.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <functional>
#include <set>

#include <lockstep/rights.h>

namespace lockstep::conformance::prove {
namespace {

using diff::Diff;

void each_entry(Policies& pair, const std::function<void(PathEntry&)>& change) {
  for (Policy* policy : {&pair.before, &pair.after}) {
    for (auto* list : {&policy->read_only, &policy->read_write})
      for (PathEntry& entry : *list) change(entry);
    for (Grant& grant : policy->grants) change(grant.entry);
  }
}

Result<Diff> by_spelling(const Policies& pair) {
  diff::Options options;
  options.situations = {{"this machine", pair.context}};
  return diff::compare(pair.before, pair.after, std::move(options));
}

Result<Diff> ignores_links(Policies pair) {
  return by_spelling(pair);
}

// Links are followed; that one object has several names is not known.
Result<Diff> ignores_hard_links_and_binds(Policies pair) {
  each_entry(pair, [](PathEntry& entry) {
    char real[PATH_MAX];
    if (::realpath(entry.path.c_str(), real) != nullptr) entry.path = real;
  });
  return by_spelling(pair);
}

// A link in the last place, and no link behind it.
Result<Diff> follows_one_step(Policies pair) {
  each_entry(pair, [](PathEntry& entry) {
    char target[PATH_MAX];
    const ssize_t length = ::readlink(entry.path.c_str(), target, sizeof target);
    if (length > 0 && target[0] == '/') entry.path.assign(target, static_cast<std::size_t>(length));
  });
  return by_spelling(pair);
}

// A right that nobody is ever given is never missed.
Result<Diff> without(Policies pair, Right right) {
  LOCKSTEP_ASSIGN(Diff out, answer(pair));
  for (diff::PathChange& change : out.changes) {
    change.gained = change.gained - AccessSet(right);
    change.lost = change.lost - AccessSet(right);
  }
  std::erase_if(out.changes, [](const diff::PathChange& each) { return each.gained.empty() && each.lost.empty(); });
  return out;
}

Result<Diff> ignores_refer(Policies pair) {
  return without(std::move(pair), Right::refer);
}
Result<Diff> ignores_truncate(Policies pair) {
  return without(std::move(pair), Right::truncate);
}
Result<Diff> ignores_execute(Policies pair) {
  return without(std::move(pair), Right::execute);
}

// What both policies name is taken for the same.
Result<Diff> new_entries_alone(Policies pair) {
  std::set<std::string> old_names, both;
  Policies copy = pair;
  copy.after = {};
  each_entry(copy, [&](PathEntry& entry) { old_names.insert(entry.path); });
  copy = pair;
  copy.before = {};
  each_entry(copy, [&](PathEntry& entry) {
    if (old_names.contains(entry.path)) both.insert(entry.path);
  });
  LOCKSTEP_ASSIGN(Diff out, answer(pair));
  std::erase_if(out.changes, [&](const diff::PathChange& each) { return both.contains(each.path); });
  return out;
}

// Rights on what is no directory.
Result<Diff> ignores_files(Policies pair) {
  LOCKSTEP_ASSIGN(Diff out, answer(pair));
  std::erase_if(out.changes, [](const diff::PathChange& each) {
    struct stat st;
    return ::stat(each.path.c_str(), &st) == 0 && !S_ISDIR(st.st_mode);
  });
  return out;
}

Result<Diff> alarms(Policies pair) {
  LOCKSTEP_ASSIGN(Diff out, answer(pair));
  for (diff::PathChange& change : out.changes)
    if (!change.gained.empty()) change.gained |= Right::read_dir;
  return out;
}

Result<Diff> turns_around(Policies pair) {
  std::swap(pair.before, pair.after);
  return answer(pair);
}

Result<Diff> is_silent(Policies pair) {
  LOCKSTEP_ASSIGN(Diff out, answer(pair));
  out.changes.clear();
  out.settings.clear();
  return out;
}

constexpr Lie lies[] = {
    {"silent", "whatever is asked, nothing changed", is_silent},
    {"links", "no link is followed: paths are compared as they are spelt", ignores_links},
    {"hard-links", "links are followed, and one object by two names (hard links, bind mounts) is two",
     ignores_hard_links_and_binds},
    {"one-step", "a link is followed by one step", follows_one_step},
    {"refer", "refer is not compared", ignores_refer, 2},
    {"truncate", "truncate is not compared", ignores_truncate, 3},
    {"execute", "execute is not compared", ignores_execute},
    {"new-entries", "an entry that both policies have is the same in both", new_entries_alone},
    {"files", "what is no directory is not compared", ignores_files},
    {"alarm", "whatever gains something gains read_dir", alarms},
    {"turned", "the new policy is taken for the old one", turns_around},
};

}  // namespace

std::span<const Lie> all_lies() {
  return lies;
}

const Lie* find_lie(std::string_view name) {
  const auto found = std::find_if(std::begin(lies), std::end(lies), [&](const Lie& each) { return each.name == name; });
  return found == std::end(lies) ? nullptr : found;
}

}  // namespace lockstep::conformance::prove
