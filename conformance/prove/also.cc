#include "conformance/prove/also.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "diff/accept.h"

namespace lockstep::conformance::prove {
namespace {

using diff::Class;

NodeKind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return NodeKind::directory;
    case S_IFLNK:
      return NodeKind::link;
    case S_IFCHR:
      return NodeKind::character;
    case S_IFSOCK:
      return NodeKind::socket;
    default:
      return NodeKind::file;
  }
}

Host host_of(const Names& names) {
  Host out;
  out.file = "the-tree.json";
  for (const Place& place : names.places()) {
    if (place.planted || place.path == "/" || place.path.starts_with("/proc")) continue;
    HostEntry entry{place.path, kind_of(place.mode)};
    char target[PATH_MAX];
    if (const ssize_t length = S_ISLNK(place.mode) ? ::readlink(place.path.c_str(), target, sizeof target) : 0;
        length > 0)
      entry.target.assign(target, static_cast<std::size_t>(length));
    out.present.push_back(std::move(entry));
  }
  return out;
}

bool says_gain(const diff::Diff& diff) {
  return diff.worst() == Class::widening || diff.worst() == Class::both;
}

class AlsoJudge {
 public:
  AlsoJudge(const Evidence& evidence, const Policies& pair, Judged* judged)
      : it_(evidence), pair_(pair), out_(*judged) {}

  Result<void> run(const Also& also) {
    for (std::size_t i = 0; i < it_.attempts.size(); ++i)
      if (it_.after.level(i) > it_.before.level(i)) gained_.push_back(i);
    if (gained_.empty()) return {};
    if (also.listed) LOCKSTEP_CHECK(ask(host_of(it_.names), false));
    // A move is a matter of two places: that a bind mount joins them no spelling says.
    const bool alone =
        std::any_of(gained_.begin(), gained_.end(), [&](std::size_t i) { return it_.attempts[i].path2.empty(); });
    if (also.listed || alone)
      LOCKSTEP_CHECK(ask(Host(), true));
    else
      ++out_.unseen["moves between names that are one, on a host that lists nothing"];
    accept(also.accepted);
    return {};
  }

 private:
  Result<void> ask(Host host, bool note_will_do);
  void accept(const std::string& directory);
  void find(Fault fault, std::string words, std::size_t shown) {
    if (fault >= out_.fault) return;
    out_.fault = fault, out_.words = std::move(words), out_.shown = shown;
  }

  const Evidence& it_;
  const Policies& pair_;
  Judged& out_;
  std::vector<std::size_t> gained_;
};

Result<void> AlsoJudge::ask(Host host, bool note_will_do) {
  diff::Options options;
  Context context = pair_.context;
  context.host = std::move(host);
  options.situations = {{note_will_do ? "a host that lists nothing" : "a host that lists the tree", context}};
  const std::string where = options.situations[0].host;
  const Result<diff::Diff> diff = diff::compare(pair_.before, pair_.after, std::move(options));
  if (!diff.ok() && diff.error().kind == ErrorKind::input) return {};
  if (!diff.ok()) return diff.error();
  if (says_gain(*diff) || (note_will_do && (diff->stops() || !diff->notes.empty()))) return {};
  find(note_will_do ? Fault::without_a_note : Fault::missed_as_spelt,
       "on " + where + " the class is " + std::string(diff::name(diff->worst())) +
           (note_will_do ? ", without a note" : "") + "; by NEW and not by OLD: " + one_line(it_.attempts[gained_[0]]) +
           " (" + std::to_string(gained_.size()) + " such answers)",
       gained_[0]);
  return {};
}

void AlsoJudge::accept(const std::string& directory) {
  diff::Diff diff = it_.diff;
  diff::Acceptance entry;
  entry.path = directory + "/**";
  entry.rights = AccessSet::from_bits(~std::uint64_t{0});
  entry.reason = "a test";
  entry.expires = "9999-12-31";
  std::vector<diff::Acceptance> entries{entry};
  diff::accept(entries, "2026-01-01", &diff);
  if (diff.stops()) return;
  for (const std::size_t i : gained_) {
    const Attempt& each = it_.attempts[i];
    bool inside = false;
    for (const std::size_t place : {each.place, each.place2})
      inside = inside || is_below(it_.names.places()[place].path, directory);
    if (inside) continue;
    return find(Fault::accepted_elsewhere,
                "everything is accepted by " + entry.path + "; by NEW and not by OLD: " + one_line(each), i);
  }
}

}  // namespace

Result<void> judge_also(const Evidence& evidence, const Policies& pair, const Also& also, Judged* judged) {
  return AlsoJudge(evidence, pair, judged).run(also);
}

}  // namespace lockstep::conformance::prove
