#include "diff/moves.h"

#include <map>
#include <optional>
#include <tuple>

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
using Bits = std::vector<std::uint64_t>;
Bits bits_of(std::uint64_t mount, unsigned flags, std::initializer_list<Both> rights) {
  Bits out{mount, flags};
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

}  // namespace

std::vector<Move> opened_moves(const std::vector<Spot>& spots, const std::vector<AccessSet>& rights) {
  std::map<Bits, std::pair<Source, int>> sources;
  std::map<Bits, std::pair<Target, int>> targets;
  const auto take = [&](const Spot& spot, bool directories, bool object) {
    const Source from{spot.mount, directories, object, spot.inner, object ? spot.parent : spot.rights, spot.rights};
    if (may_take(from))
      sources.try_emplace(bits_of(spot.mount, (directories ? 1U : 0U) | (object ? 2U : 0U), {from.rights, from.parent}),
                          from, spot.id);
  };
  for (const Spot& spot : spots) {
    take(spot, spot.directory, true);
    if (!spot.directory) continue;
    take(spot, false, false);
    take(spot, true, false);
    if ((spot.inner.before - spot.inner.after).empty()) continue;
    const Target to{spot.mount, spot.inner, spot.rights};
    targets.try_emplace(bits_of(spot.mount, 0, {to.rights, to.everything}), to, spot.id);
  }
  std::vector<Move> out;
  for (const auto& [target_bits, target] : targets) {
    std::optional<Move> found;
    for (const auto& [source_bits, source] : sources) {
      const Source& from = source.first;
      if (found || from.mount != target.first.mount || source.second == target.second ||
          !may_bring(target.first, from.directories))
        continue;
      for (const AccessSet abi : rights)
        if (const AccessSet lost = opened(from, target.first, abi); !found && !lost.empty())
          found = Move{source.second, target.second, from.object, from.directories, lost};
    }
    if (found) out.push_back(*found);
  }
  return out;
}

}  // namespace lockstep::diff
