#include "diff/moves.h"

#include <array>
#include <bit>
#include <map>
#include <optional>

#include <lockstep/rights.h>

namespace lockstep::diff {
namespace {

constexpr AccessSet makes_files =
    Right::make_reg | Right::make_sock | Right::make_fifo | Right::make_char | Right::make_block | Right::make_sym;

// Where something can be taken from, or brought to, with one spot that stands for all that are alike.
struct Source {
  std::uint64_t mount;
  bool directories, object;
  Both rights, parent, everything;
};
struct Target {
  std::uint64_t mount;
  Both rights, everything;
};
using Key = std::vector<std::uint64_t>;
Key key_of(std::uint64_t mount, unsigned flags, std::initializer_list<Both> rights) {
  Key out{mount, flags};
  for (const Both& each : rights) out.insert(out.end(), {each.before.bits(), each.after.bits()});
  return out;
}

// Both policies must allow it but for the comparison: what a right that is gained allows is told of that
// right.
bool may_take(const Source& from) {
  const AccessSet needs = from.directories ? Right::refer | Right::remove_dir : AccessSet(Right::refer);
  return from.parent.before.contains(needs) && from.parent.after.contains(needs);
}

bool may_bring(const Target& to, bool directories) {
  if (!to.everything.before.contains(Right::refer) || !to.everything.after.contains(Right::refer)) return false;
  return (to.everything.before & to.everything.after)
      .intersects(directories ? AccessSet(Right::make_dir) : makes_files);
}

// The rights whose loss at the destination opened it; none: it was open, or still is not, or another change
// opened it.
AccessSet opened(const Source& from, const Target& to, AccessSet abi) {
  const AccessSet counts = from.directories ? abi : abi & access_on_files;
  const auto gain = [&](AccessSet here, AccessSet there) { return (there - here) & counts; };
  // Where every right is granted on both sides, nothing is compared.
  if ((from.parent.before & to.everything.before).contains(abi)) return {};
  if (gain(from.rights.before, to.rights.before).empty()) return {};
  const bool all_now = (from.parent.after & to.everything.after).contains(abi);
  if (!all_now && !gain(from.rights.after, to.rights.after).empty()) return {};
  return gain(from.rights.after, to.rights.before);
}

// Sources of one mount and kind, as one bit each in every column: each destination asks all of them, and one by
// one that is too long for policies of some thousand entries.
class Sources {
 public:
  Sources(bool directories, const std::vector<AccessSet>& abis) : directories_(directories), abis_(abis) {}

  void add(const Source& source, int id) {
    const std::size_t word = known_.size() / 64;
    if (word == words_.size()) words_.push_back(Word{{}, {}, Column(abis_.size()), Column(abis_.size())});
    Word& columns = words_[word];
    const std::uint64_t bit = std::uint64_t{1} << (known_.size() % 64);
    for (std::size_t right = 0; right < columns.had.size(); ++right) {
      if (source.rights.before.contains(static_cast<Right>(right))) columns.had[right] |= bit;
      if (source.rights.after.contains(static_cast<Right>(right))) columns.has[right] |= bit;
    }
    for (std::size_t abi = 0; abi < abis_.size(); ++abi) {
      if (source.parent.before.contains(abis_[abi])) columns.was_whole[abi] |= bit;
      if (source.parent.after.contains(abis_[abi])) columns.is_whole[abi] |= bit;
    }
    known_.push_back({source, id});
  }

  // The first source from which something can be moved there now.
  std::optional<Move> opened_to(const Target& to, int id) const {
    if (!may_bring(to, directories_)) return std::nullopt;
    for (std::size_t word = 0; word < words_.size(); ++word) {
      std::uint64_t possible = 0;
      for (std::size_t abi = 0; abi < abis_.size(); ++abi) possible |= opened_in(words_[word], to, abi);
      for (; possible != 0; possible &= possible - 1) {
        const std::size_t at = word * 64 + static_cast<std::size_t>(std::countr_zero(possible));
        if (at >= known_.size()) break;
        const auto& [source, from] = known_[at];
        for (const AccessSet abi : abis_)
          if (const AccessSet lost = opened(source, to, abi); from != id && !lost.empty())
            return Move{from, id, source.object, source.directories, lost};
      }
    }
    return std::nullopt;
  }

 private:
  using Column = std::vector<std::uint64_t>;
  struct Word {  // of 64 sources
    std::array<std::uint64_t, right_count> had{}, has{};
    Column was_whole, is_whole;  // by ABI: whose directory has every right of it
  };

  // opened() of all 64.
  std::uint64_t opened_in(const Word& word, const Target& to, std::size_t abi) const {
    const AccessSet counts = directories_ ? abis_[abi] : abis_[abi] & access_on_files;
    std::uint64_t gained = 0, loses = 0, gains = 0;
    for (std::uint64_t left = (to.rights.before & counts).bits(); left != 0; left &= left - 1) {
      gained |= ~word.had[static_cast<std::size_t>(std::countr_zero(left))];
      loses |= ~word.has[static_cast<std::size_t>(std::countr_zero(left))];
    }
    if (to.everything.before.contains(abis_[abi])) gained &= ~word.was_whole[abi];
    for (std::uint64_t left = (to.rights.after & counts).bits(); left != 0; left &= left - 1)
      gains |= ~word.has[static_cast<std::size_t>(std::countr_zero(left))];
    if (to.everything.after.contains(abis_[abi])) gains &= ~word.is_whole[abi];
    return gained & loses & ~gains;
  }

  bool directories_;
  std::vector<AccessSet> abis_;
  std::vector<Word> words_;
  std::vector<std::pair<Source, int>> known_;
};

std::vector<Move> find_moves(const std::map<Key, std::pair<Source, int>>& sources,
                             const std::map<Key, std::pair<Target, int>>& targets,
                             const std::vector<AccessSet>& rights) {
  std::map<std::uint64_t, std::map<std::uint64_t, Sources>> by_mount;  // and by kind, as in the key
  for (const auto& [key, source] : sources)
    by_mount[key[0]]
        .try_emplace(key[1], source.first.directories, rights)
        .first->second.add(source.first, source.second);
  std::vector<Move> out;
  for (const auto& [key, target] : targets)
    for (const auto& [kind, of_kind] : by_mount[key[0]])
      if (const std::optional<Move> found = of_kind.opened_to(target.first, target.second)) {
        out.push_back(*found);
        break;
      }
  return out;
}

}  // namespace

std::vector<Move> OpenedMoves::among(const std::vector<Spot>& spots) {
  std::map<Key, std::pair<Source, int>> sources;
  std::map<Key, std::pair<Target, int>> targets;
  const auto take = [&](const Spot& spot, bool directories, bool object) {
    const Source from{spot.mount, directories, object, spot.inner, object ? spot.parent : spot.rights, spot.rights};
    if (may_take(from))
      sources.try_emplace(key_of(spot.mount, (directories ? 1U : 0U) | (object ? 2U : 0U), {from.rights, from.parent}),
                          from, spot.id);
  };
  for (const Spot& spot : spots) {
    take(spot, spot.directory, true);
    if (!spot.directory) continue;
    take(spot, false, false);
    take(spot, true, false);
    if ((spot.inner.before - spot.inner.after).empty()) continue;
    const Target to{spot.mount, spot.inner, spot.rights};
    targets.try_emplace(key_of(spot.mount, 0, {to.rights, to.everything}), to, spot.id);
  }
  if (targets.empty()) return {};
  Answer answer;
  for (const auto& [key, source] : sources) {
    answer.question.insert(answer.question.end(), key.begin(), key.end());
    answer.question.push_back(static_cast<std::uint64_t>(source.second));
  }
  for (const auto& [key, target] : targets) {
    answer.question.insert(answer.question.end(), key.begin(), key.end());
    answer.question.push_back(static_cast<std::uint64_t>(target.second));
  }
  for (const Answer& each : known_)
    if (each.question == answer.question) return each.moves;
  constexpr std::size_t most_known = 8;  // both ways, with and without the root, of two kinds of host
  answer.moves = find_moves(sources, targets, rights_);
  if (known_.size() == most_known) known_.pop_back();
  known_.insert(known_.begin(), std::move(answer));
  return known_.front().moves;
}

}  // namespace lockstep::diff
