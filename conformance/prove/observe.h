// What the kernel answers: a child restricts itself by a policy and tries every attempt in one tree, which is then as
// before.
//
//   Observer observer;
//   LOCKSTEP_CHECK(observer.keep_possible(&attempts));                     // those that succeed unrestricted
//   LOCKSTEP_ASSIGN(Observation seen, observer.run(attempts, &plan));
//   seen.allowed(i);                  // or seen.refused: why the policy does not run here
//
// What a child moved it moves back; where the policy keeps it from that, its parent does so before the next attempt.
// What a child made or removed the parent undoes at the child's end. An answer that is neither success nor a denial
// says that the tree is not as it was: an internal error.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_OBSERVE_H_
#define LOCKSTEP_CONFORMANCE_PROVE_OBSERVE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include <lockstep/plan.h>

#include "base/unique_fd.h"
#include "conformance/prove/attempts.h"

namespace lockstep::conformance::prove {

struct Outcome {
  std::int32_t err = 0;
  std::uint8_t done = 0;
  std::uint8_t success = 0;
  std::uint8_t made = 0;  // the name is there now, also where the attempt was denied in the end
};

struct Observation {
  std::string refused;  // why nothing was run; empty: it was
  std::vector<Outcome> outcomes;

  bool allowed(std::size_t attempt) const { return outcomes[attempt].success != 0; }
  // How far it came: 2 success, 1 a file was made and could not be opened, 0 nothing.
  int level(std::size_t attempt) const { return outcomes[attempt].success * 2 + outcomes[attempt].made; }
};

class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  ~Observer();

  // Keeps those that succeed where nothing is restricted.
  Result<void> keep_possible(std::vector<Attempt>* attempts);
  Result<Observation> run(const std::vector<Attempt>& attempts, const Plan* plan);

 private:
  struct Shared;
  Result<Observation> tried(const std::vector<Attempt>& attempts, const Plan* plan);
  Result<void> make_room(std::size_t attempts);
  Result<void> serve(pid_t child, const UniqueFd& asks, const UniqueFd& answers, const std::vector<Attempt>& attempts);

  Shared* shared_ = nullptr;
  std::size_t room_ = 0;
};

// Makes what unlink and rmdir remove.
Result<void> make_victims(const std::vector<Attempt>& attempts);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_OBSERVE_H_
