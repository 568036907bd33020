// What was gathered over all situations, said.
#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "diff/compare.h"
#include "policy/danger.h"

namespace lockstep::diff {
namespace {

constexpr std::string_view nowhere = "/(not known)";  // of no place that danger.h has words for
constexpr int unknown_danger = 1;                     // it can be any

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

// By spelling it is not known what is a file system of its own, but for these; procfs and sysfs move nothing.
std::uint64_t usual_mount(std::string_view path) {
  if (is_below(path, "/proc") || is_below(path, "/sys") || is_below(path, "/dev/pts")) return 0;
  return is_below(path, "/dev/shm") ? 3 : is_below(path, "/dev") ? 2 : 1;
}

// Of every ABI that has refer, or of the one that is asked about.
std::vector<AccessSet> rights_by_abi(int only, AccessSet all) {
  if (only != 0) return {all};
  std::vector<AccessSet> out;
  for (int abi = 2; abi <= newest_abi; ++abi) {
    const AccessSet rights = abi_info(abi)->fs & all;
    if (out.empty() || out.back() != rights) out.push_back(rights);
  }
  return out;
}

}  // namespace

Comparer::Comparer(Diff& out, AccessSet all) : out_(out), all_(all), opened_moves_(rights_by_abi(out.abi, all)) {}

// Every name that could be the source or the destination of a move.
std::vector<Spot> Comparer::spots_of(const Here& here, bool without_root) const {
  const int root = paths_.find("/");
  std::vector<Spot> out;
  for (int id = 0; id < static_cast<int>(here.asked.size()); ++id) {
    const auto at_id = static_cast<std::size_t>(id);
    const std::uint64_t mount = out_.by_object ? paths_.mount(id) : usual_mount(paths_.path(id));
    if (here.asked[at_id] == 0 || (mount == 0 && !out_.by_object)) continue;
    const bool directory = paths_.is_directory(id) && here.file[at_id] == 0;
    Spot spot{id, mount, directory, {at(here, 0, id), at(here, 1, id)}, {}, {}};
    const bool inside = out_.by_object ? root >= 0 && mount != paths_.mount(root) : without_root;
    spot.inner = spot.rights;
    if (inside) spot.inner = {cut(here, id, here.rights[0].inner[at_id]), cut(here, id, here.rights[1].inner[at_id])};
    if (const int parent = paths_.parent(id); parent >= 0) spot.parent = {at(here, 0, parent), at(here, 1, parent)};
    out.push_back(spot);
  }
  return out;
}

// A place that nobody knows may be any directory, also one above others: where it grants refer and not every
// right, what is taken away elsewhere can allow a move that it takes part in.
void Comparer::list_unknown_moves(const Here& here) {
  AccessSet lost;
  for (std::size_t id = 0; id < here.asked.size(); ++id)
    if (here.asked[id] != 0) lost |= here.rights[0].inner[id] - here.rights[1].inner[id];
  if (lost.empty()) return;
  for (int id = 0; id < static_cast<int>(here.asked.size()); ++id) {
    const auto at_id = static_cast<std::size_t>(id);
    if (here.asked[at_id] == 0 || paths_.kind(id) != paths::Paths::Kind::behind_process) continue;
    const AccessSet before = here.rights[0].raw[at_id], after = here.rights[1].raw[at_id];
    if (!(before & after).contains(Right::refer) || (before & after).contains(all_)) continue;
    std::vector<std::size_t>& there = moves_[{
        Class::widening, printable(paths_.path(id)) +
                             " grants refer at a place that nobody knows, and a move must gain nothing: what is "
                             "taken away elsewhere (" +
                             join_names(lost, ", ") + ") can allow moves there now"}];
    if (there.empty() || there.back() != here.situation) there.push_back(here.situation);
  }
}

void Comparer::list_moves(const Here& here, bool gains_only) {
  // Only a destination that gives less can open a move, and one that gives more close it: most changes have
  // none.
  bool opens = false, closes = false, by_root = false;
  for (std::size_t id = 0; id < here.asked.size(); ++id) {
    const AccessSet before = here.rights[0].inner[id], after = here.rights[1].inner[id];
    if (here.asked[id] == 0 || !(here.rights[0].raw[id] & here.rights[1].raw[id]).contains(Right::refer)) continue;
    opens = opens || !(before - after).empty();
    closes = closes || (!gains_only && !(after - before).empty());
    by_root = by_root || before != here.rights[0].raw[id] || after != here.rights[1].raw[id];
  }
  list_unknown_moves(here);
  if (!opens && !closes) return;
  const auto list = [&](const std::vector<Spot>& spots, Class kind) {
    for (const Move& move : opened_moves_.among(spots)) {
      const std::string from = printable(paths_.path(move.from)), to = printable(paths_.path(move.to));
      std::string text = (move.object        ? ""
                          : move.directories ? "directories in "
                                             : "files in ") +
                         from + " can be " + (move.directories ? "" : "linked and ") + "renamed into " + to;
      const std::string gives =
          join_names(move.lost, ", ") + " there, which " + from + " does not, and a move must gain nothing (refer)";
      text += kind == Class::widening ? " now: " + to + " gave " + gives + "; now it gives that no more"
                                      : " no more: " + to + " gives " + gives;
      std::vector<std::size_t>& there = moves_[{kind, text}];
      if (there.empty() || there.back() != here.situation) there.push_back(here.situation);
    }
  };
  // By spelling nobody knows whether the names stand on another mount than the root: both are asked.
  for (const bool without_root : {false, true}) {
    if (without_root && (!by_root || out_.by_object)) continue;
    std::vector<Spot> spots = spots_of(here, without_root);
    if (opens) list(spots, Class::widening);
    if (!closes) continue;
    for (Spot& spot : spots)
      for (Both* each : {&spot.rights, &spot.inner, &spot.parent}) std::swap(each->before, each->after);
    list(spots, Class::narrowing);
  }
}

void Comparer::refused(std::size_t situation, const Pair<std::string>& why) {
  const bool before = !why[0].empty(), after = !why[1].empty();
  if (!before && !after) return;
  for (const std::vector<std::size_t>* list : {&refused_alone_[0], &refused_alone_[1], &both_refused_})
    if (!list->empty() && list->back() == situation) return;  // said already
  (before && after ? both_refused_ : refused_alone_[before ? 0 : 1]).push_back(situation);
  why_ = after ? why[1] : why[0];
}

void Comparer::not_compared(std::size_t situation, const std::string& why) {
  not_compared_.push_back(situation);
  why_not_compared_ = why;
}

void Comparer::finish_changes() {
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    PathChange& change = changes_[i];
    const paths::Paths::Kind kind = paths_.kind(nodes_[i]);
    // What is a device where it exists can hold nothing that is made: where it does not, the rights are
    // claimed all the same.
    const bool file = kind != paths::Paths::Kind::behind_process && files_.contains(change.path);
    const AccessSet told =
        file && change.gained.intersects(access_on_files) ? change.gained & access_on_files : change.gained;
    change.exact = kind != paths::Paths::Kind::named;
    const std::string_view about = change.exact ? nowhere : std::string_view(change.path);
    const Danger danger =
        change.gained.empty() ? Danger{least_danger, loss_at(about, change.lost)} : danger_of(about, told);
    change.danger = change.exact && !change.gained.empty() ? std::min(danger.rank, unknown_danger) : danger.rank;
    change.consequence = danger.consequence;
    if (kind == paths::Paths::Kind::behind_process) {
      const std::optional<paths::ByProcess> by = paths::by_process(change.path);
      change.consequence = "it leads to " + std::string(by ? by->link->leads_to : "what a process has") +
                           (danger.consequence.empty() ? "" : ": " + danger.consequence);
    } else if (kind == paths::Paths::Kind::unseen_name) {
      change.consequence = "it is a hard link, and has another name where less is granted: " + danger.consequence;
    }
    out_.changes.push_back(std::move(change));
  }
  std::stable_sort(out_.changes.begin(), out_.changes.end(), [](const PathChange& a, const PathChange& b) {
    return a.danger != b.danger ? a.danger < b.danger : a.path < b.path;
  });
}

void Comparer::finish_refused() {
  if (!refused_alone_[0].empty())
    out_.settings.push_back(
        {Class::weakening, "refused", "the old policy is refused, the new one runs: " + why_, 0, refused_alone_[0]});
  if (!refused_alone_[1].empty())
    out_.settings.push_back(
        {Class::strengthening, "refused", "the new policy is refused: " + why_, 0, refused_alone_[1]});
  const std::string all = std::to_string(out_.situations.size());
  if (!both_refused_.empty())
    out_.notes.push_back("both policies are refused in " + std::to_string(both_refused_.size()) + " of " + all +
                         " situations, and compared there as if the rules that reject kept what is written: " + why_);
  if (!not_compared_.empty())
    out_.settings.push_back({Class::weakening, "not-compared",
                             "in " + std::to_string(not_compared_.size()) + " of " + all +
                                 " situations nothing could be compared: " + why_not_compared_,
                             0, not_compared_});
}

void Comparer::finish_notes() {
  constexpr char unless[] =
      " that add nothing to what is granted above them, unless they are links (--host real follows those of "
      "this machine): ";
  if (!idle_new_.empty()) out_.notes.push_back(std::string("new entries") + unless + list_of(idle_new_));
  if (!idle_changed_.empty())
    out_.notes.push_back(std::string("entries with more rights than before") + unless + list_of(idle_changed_));
  for (const std::string& path : dangling_) {
    const paths::Lead& lead = led_.at(path);
    const std::string& link = lead.dangling.empty() ? path : lead.dangling;
    out_.notes.push_back(printable(path) +
                         (lead.endless ? " leads in a circle of links: " : " is or passes a link to nothing: ") +
                         (lead.endless ? paths::said(lead) : printable(link) + " leads to what is not there") +
                         ". No rule comes of it now; it opens what it leads to once that appears");
  }
  if (!missing_.empty())
    out_.notes.push_back(
        "entries that are not there yet: no rule comes of them now, and what appears there is opened: " +
        list_of(missing_));
}

void Comparer::finish() {
  finish_changes();
  finish_refused();
  for (const auto& [move, situations] : moves_)
    out_.settings.push_back({move.first, "moves", move.second, 0, situations});
  finish_notes();
}

}  // namespace lockstep::diff
