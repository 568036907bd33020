// The campaign: workers that make random cases and run them until something disagrees or enough was done.
//
//   Result<Report> report = fuzz({.seed = 7, .operations = 1'000'000});
//   report->found.has_value();       // a disagreement, cut down: lockstep.fuzz/1 and what it says
//
// Each worker is a child in a mount namespace of its own (for an ordinary user, in a user namespace besides). A seed
// gives the same cases on machines with the same features, whatever the number of workers; that decides only when they
// stop.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_FUZZ_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_FUZZ_H_

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>

#include "conformance/fuzz/execute.h"
#include "conformance/fuzz/random.h"

namespace lockstep::conformance::fuzz {

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t operations = 200'000;
  double seconds = 0;  // stop after; 0: no limit
  int workers = 0;     // 0: one for each processor
  std::size_t most_layers = 16;
  std::size_t batch = 512;  // operations of one case
  bool reclaim = false;     // cases that make the kernel take back its procfs entries: root, and the whole machine
  int helper = -1;          // memfd of the program that executes; filled in by fuzz() and replay()
  Tier tier = Tier::process;
  const Fault* fault = nullptr;
  const volatile std::sig_atomic_t* interrupted = nullptr;  // not 0: stop, and clean up
};

struct Count {
  std::uint64_t allowed;    // the operation did what it does
  std::uint64_t denied;     // Landlock's answer was seen, and the control's was another
  std::uint64_t elsewhere;  // another part of the kernel answered: a name that is not there, EXDEV of mounts,
                            // permissions
};

// Operations, counted by their setting.
struct Kinds {
  std::uint64_t executed = 0;       // by a freshly executed program
  std::uint64_t stacked = 0;        // in cases with a compiled policy among the layers
  std::uint64_t reclaimed = 0;      // in cases with reclaim
  std::uint64_t not_reclaimed = 0;  // rules, not operations: they were to be lost, and the kernel kept the entry

  void add(const Kinds& other) {
    executed += other.executed, stacked += other.stacked;
    reclaimed += other.reclaimed, not_reclaimed += other.not_reclaimed;
  }
};

struct Report {
  KernelLandlock kernel;
  Features features;
  std::uint64_t operations = 0, cases = 0;
  std::array<Count, fuzzed_operation_count> counts{};
  Kinds kinds;
  double seconds = 0;
  struct Found {
    std::string json;
    std::string words;
    std::uint64_t after;  // operations of the worker that found it, up to the case
  };
  std::optional<Found> found;

  std::uint64_t denied() const;
};

Result<Report> fuzz(const Options& options);

// One case from a file, in a tree of its own. Empty: it agrees.
Result<std::string> replay(const FuzzCase& fuzz_case, Tier tier, const Fault* fault);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_FUZZ_H_
