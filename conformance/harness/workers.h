// Workers: small single-threaded processes, started first thing in main(). Each forks the two children of one row after
// another. So the driver's large heap is in none of the processes they fork.
//
//   Workers workers = Workers::start({.count = 2}).value();  // before GoogleTest, JSON or threads
//   workers.run(requests, [&](std::size_t i, RowReply reply) { ... });
//
// run() keeps every worker busy and calls back in order of completion. A worker that dies, or answers later than its
// row can take, costs its current row only (harness_error, which says how the worker ended) and is replaced.
//
// Destroying Workers ends every process they started. For that the calling process becomes a subreaper. When a worker
// dies, its children come to the caller and are ended: every child that the caller did not have before. So start no
// other children while there are Workers.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_WORKERS_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_WORKERS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lockstep/error.h>

#include "conformance/wire/wire.h"

namespace lockstep::conformance::harness {

class Workers {
 public:
  struct Options {
    unsigned count = 0;            // 0: as many as there are cores, at most 8
    std::string helper_path;       // the static helper; empty: beside this executable
    std::string cuda_helper_path;  // the dynamic one, of cu-init; empty: the same
    std::string scratch_root;      // where scratch directories are made; empty: $TMPDIR or /tmp
    // How long a worker may take to start, to answer after its row's own time-outs, and to end.
    std::uint32_t patience_ms = 15000;
  };

  static Result<Workers> start(const Options& options);
  Workers(Workers&&) noexcept;
  Workers& operator=(Workers&&) noexcept;
  ~Workers();

  const wire::WorkerHello& hello() const;  // of the last started: they are alike
  unsigned count() const;

  // Runs every request. The callback gets the request's index. Fails only where no worker can be kept alive.
  Result<void> run(const std::vector<wire::RowRequest>& requests,
                   const std::function<void(std::size_t, wire::RowReply)>& done);

 private:
  struct State;
  explicit Workers(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_WORKERS_H_
