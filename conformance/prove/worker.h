// One worker of a campaign: makes the trees of the seed and asks about pairs over each.
//
//   Worker worker(options, kernel);          // in a child process of its own
//   LOCKSTEP_CHECK(worker.start());          // enters its namespaces: cannot be undone
//   LOCKSTEP_ASSIGN(Tally tally, worker.run_tree(index, pairs));
#ifndef LOCKSTEP_CONFORMANCE_PROVE_WORKER_H_
#define LOCKSTEP_CONFORMANCE_PROVE_WORKER_H_

#include <atomic>

#include "conformance/fuzz/tree.h"
#include "conformance/prove/observe.h"
#include "conformance/prove/prove.h"

namespace lockstep::conformance::prove {

class Worker {
 public:
  // `beats` is counted up with every pair that is asked about.
  Worker(const Options& options, KernelLandlock kernel, std::atomic<std::uint64_t>* beats)
      : options_(options), kernel_(kernel), beats_(beats) {}

  Result<void> start();
  Result<Tally> run_tree(std::uint64_t index, std::uint64_t pairs);
  // A pair in a tree built from nothing.
  Result<Judged> once(const fuzz::FuzzCase& pair);
  Found describe(const fuzz::FuzzCase& pair, const Judged& judged) const;

 private:
  struct Stand;  // a tree that stands, with everything there is to ask about it
  Result<void> stand(Stand& out, const std::vector<fuzz::Item>& items);
  Result<Judged> ask(const Stand& stand, const fuzz::FuzzCase& pair);
  Result<Found> cut_down(fuzz::FuzzCase pair, const Judged& first, const std::string& why);

  const Options& options_;
  KernelLandlock kernel_;
  std::atomic<std::uint64_t>* beats_;
  Observer observer_;
};

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_WORKER_H_
