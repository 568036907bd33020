#include "conformance/prove/judge.h"

#include <algorithm>
#include <climits>
#include <cstdlib>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep::conformance::prove {
namespace {

using diff::Class;

AccessSet all_needs(const Attempt& each) {
  return each.needs | each.needs2;
}

// A claim, as the kernel can be asked about it.
struct Claim {
  const diff::PathChange& change;
  Id id;
  std::string real;
};

class Judge {
 public:
  explicit Judge(const Evidence& evidence)
      : it_(evidence), attempts_(evidence.attempts), one_process_(evidence.names_one_process) {}

  Judged run() {
    if (!it_.before.refused.empty() || !it_.after.refused.empty()) return refused();
    read_claims();
    look_at_flips();
    for (const diff::PathChange& change : it_.diff.changes)
      for (const bool gained : {true, false})
        for (int bit = 0; bit < right_count; ++bit)
          if ((gained ? change.gained : change.lost).contains(static_cast<Right>(bit)))
            look_for(change, static_cast<Right>(bit), gained);
    for (const diff::SettingChange& change : it_.diff.settings) unseen("a setting: " + change.code);
    return std::move(out_);
  }

 private:
  enum class Flip { none, gained, lost };

  Judged refused();
  void read_claims();
  void look_at_flips();
  void look_for(const diff::PathChange& change, Right right, bool gained);
  bool claimed(std::size_t attempt) const;
  bool denied_alone(Right right, const Attempt& beside, const Observation& side) const;

  Flip flip(std::size_t i) const {
    const int was = it_.before.level(i), is = it_.after.level(i);
    return was == is ? Flip::none : was < is ? Flip::gained : Flip::lost;
  }
  void find(Fault fault, std::string words, std::size_t shown = 0) {
    if (fault >= out_.fault) return;
    out_.fault = fault, out_.words = std::move(words), out_.shown = shown;
  }
  // Also by name: an entry of procfs that the kernel took back is another object when it is looked up again.
  bool covers(const Claim& claim, std::size_t place) const {
    return it_.names.covers(claim.id, place) || is_below(it_.names.places()[place].path, claim.real);
  }
  void unseen(const std::string& why) { ++out_.unseen[why]; }

  const Evidence& it_;
  const std::vector<Attempt>& attempts_;
  std::vector<Claim> claims_;
  bool one_process_ = false;
  Judged out_;
};

// A policy that is refused allows nothing, for it never runs.
Judged Judge::refused() {
  const bool runs_now = it_.after.refused.empty();
  if (runs_now) out_.observed = Class::weakening;
  if (!runs_now && it_.before.refused.empty()) out_.observed = Class::strengthening;
  if (runs_now && !it_.diff.stops())
    find(Fault::runs_now,
         "the class is " + std::string(diff::name(it_.diff.worst())) + "; OLD is refused here: " + it_.before.refused);
  unseen("a policy is refused here");
  return std::move(out_);
}

void Judge::read_claims() {
  for (const diff::PathChange& change : it_.diff.changes) {
    char real[PATH_MAX];
    const std::optional<Id> id = id_of(change.path, true);
    if (id && ::realpath(change.path.c_str(), real) != nullptr) claims_.push_back({change, *id, real});
  }
}

bool Judge::claimed(std::size_t attempt) const {
  const Attempt& each = attempts_[attempt];
  return std::any_of(claims_.begin(), claims_.end(), [&](const Claim& claim) {
    return claim.change.gained.intersects(each.needs) && covers(claim, each.place);
  });
}

void Judge::look_at_flips() {
  std::size_t gained = 0, lost = 0, first_gained = 0, first_lost = 0;
  bool moves_alone = true;  // lost, beside a gain
  for (std::size_t i = attempts_.size(); i-- > 0;) {
    if (flip(i) == Flip::lost && attempts_[i].path2.empty()) moves_alone = false;
    if (flip(i) == Flip::gained) ++gained, first_gained = i;
    if (flip(i) == Flip::lost) ++lost, first_lost = i;
  }
  const auto words = [&](const char* side, const char* other, std::size_t first, std::size_t count) {
    return "the class is " + std::string(diff::name(it_.diff.worst())) + "; by " + side + " and not by " + other +
           ": " + one_line(attempts_[first]) + " (" + std::to_string(count) + " such answers)";
  };
  out_.observed = gained > 0 ? (lost > 0 ? Class::both : Class::widening)
                  : lost > 0 ? Class::narrowing
                             : Class::equivalent;
  const Class said = it_.diff.worst();
  const bool says_gain = said == Class::widening || said == Class::both;
  if (gained > 0 && !says_gain) find(Fault::missed_widening, words("NEW", "OLD", first_gained, gained), first_gained);
  // A weakening stands before a narrowing and hides it: the gate stops either way.
  const bool says_loss = said == Class::narrowing || said == Class::both || said == Class::weakening;
  // What is widened where it leads costs moves into it: the class says the worse of the two.
  if (lost > 0 && says_gain && moves_alone)
    unseen("moves that are lost beside what is gained");
  else if (lost > 0 && !says_loss)
    find(Fault::missed_narrowing, words("OLD", "NEW", first_lost, lost), first_lost);
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    const bool alone = attempts_[i].path2.empty();  // of two-path operations a loss can be the cause
    if (alone && says_gain && flip(i) == Flip::gained && !claimed(i))
      find(Fault::unclaimed_gain, "no change says what NEW allows and OLD does not: " + one_line(attempts_[i]), i);
  }
}

// Whether an attempt at the same place that needs this right alone is denied.
bool Judge::denied_alone(Right right, const Attempt& beside, const Observation& side) const {
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    const Attempt& each = attempts_[i];
    if (each.place == beside.place && each.place2 == beside.place2 && all_needs(each) == AccessSet(right) &&
        !side.allowed(i))
      return true;
  }
  return false;
}

void Judge::look_for(const diff::PathChange& change, Right right, bool gained) {
  const std::string right_name(name(right));
  if (feature_info(right).first_abi > it_.abi) return unseen(right_name + " is newer than this kernel");
  const auto claim =
      std::find_if(claims_.begin(), claims_.end(), [&](const Claim& each) { return &each.change == &change; });
  if (claim == claims_.end()) return unseen("the path is not there");
  if (of_one_process(change.path)) return unseen("what one process has");
  bool decisive = false, hidden = false;
  std::string tried, lacks;
  const Observation& side = gained ? it_.after : it_.before;
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    const Attempt& each = attempts_[i];
    if (!all_needs(each).contains(right)) continue;
    if (flip(i) == (gained ? Flip::gained : Flip::lost) &&
        (covers(*claim, each.place) || covers(*claim, each.place2))) {
      ++out_.confirmed;
      return;
    }
    // Any name of the object will do, and each has its own parents: hidden by one is hidden.
    const Place& place = it_.names.places()[each.place];
    if (each.place != each.place2 || (place.path != claim->real && place.id != claim->id)) continue;
    decisive = true;
    const AccessSet others = all_needs(each) - AccessSet(right);
    bool needs_more = false;
    for (int bit = 0; bit < right_count; ++bit) {
      const auto other = static_cast<Right>(bit);
      if (!others.contains(other) || !denied_alone(other, each, side)) continue;
      needs_more = hidden = true;
      lacks = name(other);
    }
    if (needs_more) continue;
    tried = one_line(each) + " is " + (side.allowed(i) ? "allowed" : "denied") + " by both";
  }
  if (!decisive)
    return unseen(claim->real.starts_with("/proc") ? "procfs: nothing here needs it"
                                                   : "nothing here needs " + right_name);
  if (hidden) return unseen(right_name + " allows nothing without " + lacks);
  if (one_process_) return unseen("another entry is what one process has, and nobody knows where that is");
  find(Fault::false_alarm,
       "the diff says that " + change.path + (gained ? " gains " : " loses ") + right_name + "; " + tried);
}

}  // namespace

std::string_view name(Fault fault) {
  switch (fault) {
    case Fault::missed_widening:
      return "missed widening";
    case Fault::runs_now:
      return "runs now";
    case Fault::unclaimed_gain:
      return "unclaimed gain";
    case Fault::missed_narrowing:
      return "missed narrowing";
    case Fault::false_alarm:
      return "false alarm";
    case Fault::accepted_elsewhere:
      return "accepted elsewhere";
    case Fault::missed_as_spelt:
      return "missed as spelt";
    case Fault::without_a_note:
      return "without a note";
    case Fault::none:
      break;
  }
  return "none";
}

// Of /proc/self/cwd, exe, fd, ...: what one process has, which is another thing in each.
bool of_one_process(const std::string& path) {
  return path.starts_with("/proc/") && path.find("/root") == std::string::npos &&
         (path.ends_with("/cwd") || path.ends_with("/exe") || path.find("/cwd/") != std::string::npos ||
          path.find("/fd/") != std::string::npos);
}

Judged judge(const Evidence& evidence) {
  return Judge(evidence).run();
}

}  // namespace lockstep::conformance::prove
