// The campaign: random pairs of policies over random trees on disk. lockstep diff and the kernel are both asked about
// each.
//
//   LOCKSTEP_ASSIGN(Report report, prove({.seed = 7, .pairs = 2'000}));
//   report.found       // what the diff says and the kernel does not, or the other way round, cut down
//
// Each worker is a child in a mount namespace of its own (for an ordinary user, in a user namespace besides), where a
// tmpfs hides /tmp. The trees stand there, always at the same place, so that a pair that was found is the same pair
// when it is repeated.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_PROVE_H_
#define LOCKSTEP_CONFORMANCE_PROVE_PROVE_H_

#include <array>
#include <csignal>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <lockstep/kernel.h>

#include "conformance/prove/judge.h"
#include "conformance/prove/lies.h"
#include "conformance/prove/random_pair.h"

namespace lockstep::conformance::prove {

inline constexpr char tree_root[] = "/tmp/r";

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t pairs = 200;
  int workers = 0;         // 0: one for each processor
  std::size_t faults = 1;  // stop after so many
  int pair_seconds = 120;  // a pair that takes longer hangs
  const Lie* lie = nullptr;
  const volatile std::sig_atomic_t* interrupted = nullptr;  // not 0: stop, and clean up
};

struct Found {
  Fault fault = Fault::none;
  std::string words;  // what the diff says and what the kernel does
  std::string text;   // for people: the tree and both policies
  std::string json;   // lockstep.fuzz/1, for --replay
};

// What was done: by one worker in one tree, or by all in all trees.
struct Tally {
  std::uint64_t pairs = 0, trees = 0, attempts = 0;  // attempts: each under both policies
  std::array<std::uint64_t, 6> observed{};           // by diff::Class, of what the kernel showed
  std::array<std::uint64_t, change_count> changes{};
  std::uint64_t confirmed = 0;
  std::map<std::string, std::uint64_t> unseen;
  std::set<std::string> not_tried;  // what this machine does not let us make, with the reason
  std::vector<Found> found;

  void add(const Tally& other);
};
std::string to_json(const Tally& tally);  // one line
Result<Tally> tally_from_json(const std::string& line);

struct Report : Tally {
  KernelLandlock kernel;
  double seconds = 0;
};

Result<Report> prove(const Options& options);

// One pair, in a tree of its own; Fault::none where nothing is wrong with it. `observed`: the class that the kernel's
// answers give.
struct Replayed {
  Found found;
  diff::Class observed = diff::Class::equivalent;
};
Result<Replayed> replay(const fuzz::FuzzCase& pair, const Lie* lie);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_PROVE_H_
