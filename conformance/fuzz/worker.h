// One worker of a campaign: makes trees and cases of the seed and runs them until told to stop.
//
//   Worker worker(options, base, kernel, shared);      // in a child process of its own
//   LOCKSTEP_CHECK(worker.start());                    // enters its namespaces: cannot be undone
//   LOCKSTEP_CHECK(worker.run());
//
// Workers share nothing but Shared. Trees stand below `base`/memory, a tmpfs of the worker's own, or `base`/disk.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_WORKER_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_WORKER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "conformance/fuzz/fuzz.h"

namespace lockstep::conformance::fuzz {

// Written by the workers, read by the driver.
struct Shared {
  std::atomic<std::uint64_t> operations, cases, next_tree;
  std::atomic<std::uint64_t> beats;  // cases run, those of cutting down too: shows that a worker is not stuck
  std::atomic<int> stop;
  std::atomic<int> finder;  // 1: someone is writing what was found
  std::uint64_t after;
  Features features;
  Count counts[fuzzed_operation_count];  // under `lock`
  Kinds kinds;                           // the same
  std::atomic_flag lock;
  char words[1024];
  char json[1 << 18];
  char failed[1024];
  int failed_kind;
};

// Copies as much as there is room for, and a NUL.
void copy_text(char* out, std::size_t size, const std::string& text);

// Enters a private mount namespace; as an ordinary user, a user namespace besides. Unsupported where none can be had.
Result<void> enter_namespace();

class Worker {
 public:
  Worker(const Options& options, std::string base, KernelLandlock kernel, Shared* shared);

  Result<void> start();
  Result<void> run();
  // Runs a case in a tree built anew, and says what disagrees; empty: nothing.
  Result<std::string> once(const FuzzCase& fuzz_case);

 private:
  struct Plot;

  Result<void> find_features();
  Result<void> try_stack(Plot& plot, bool first);
  // Makes a tree of the items, tries the case's operations there, and takes it away.
  Result<void> try_in_tree(const std::vector<Item>& skeleton, const FuzzCase& fuzz_case, const std::string& place,
                           decltype(try_control) try_side, Board& board) const;
  Result<void> hold_against_model(Plot& plot);
  // Whether the cell agrees.
  bool count(const OperationSpec& operation, const Cell& cell);
  void note_kinds(const FuzzCase& done, const Board& board);
  void flush();
  Result<void> found(FuzzCase whole, std::size_t cell, const std::string& words, std::uint64_t index);

  const Options& options_;
  std::string base_;
  Shared* shared_;
  Setting setting_;
  Outside outside_;
  Features features_;
  Board board_;  // of once()
  UniqueFd drop_caches_;
  Kinds kinds_;
  std::array<Count, fuzzed_operation_count> counts_{};
};

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_WORKER_H_
