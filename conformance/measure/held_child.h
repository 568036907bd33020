// HeldChild: a child restricted by one of the ways to let CUDA name its threads. Whenever it is asked it names a
// thread: in itself, in a child, in a grandchild, and in a program it executes. --reclaim and --soak ask it while the
// kernel takes its procfs entries back.
//
//   HeldChild child;
//   LOCKSTEP_ASSIGN(std::int32_t pins, child.start(plan, identity, /*close_pins=*/true));
//   LOCKSTEP_ASSIGN(Sample now, child.ask());           // now.err[0]: 0, or why it could not
//   LOCKSTEP_CHECK(drop_dentries(child.pid()));         // root: the whole machine pays for it
#ifndef LOCKSTEP_CONFORMANCE_MEASURE_HELD_CHILD_H_
#define LOCKSTEP_CONFORMANCE_MEASURE_HELD_CHILD_H_

#include <sys/types.h>

#include <array>
#include <cstdint>

#include <lockstep/error.h>
#include <lockstep/plan.h>

#include "base/unique_fd.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::measure {

inline constexpr std::array<Actor, 4> naming_actors = {Actor::self, Actor::child, Actor::grandchild, Actor::exec};

struct Sample {
  std::int32_t err[naming_actors.size()] = {};  // of naming another thread, by each actor
  ino_t entry = 0;                              // of /proc/self/task
  ino_t neighbour = 0;                          // of /proc/self/attr, which nothing pins
};

class HeldChild {
 public:
  HeldChild() = default;
  HeldChild(const HeldChild&) = delete;
  HeldChild& operator=(const HeldChild&) = delete;
  ~HeldChild();  // ends the child

  // Restricted by the library as always, and proved so by the canary. Returns how many pins the plan has.
  Result<std::int32_t> start(const Plan& plan, wire::IdentityKind identity, bool close_pins);
  Result<Sample> ask();
  pid_t pid() const { return pid_; }

 private:
  Result<void> receive(void* out, std::size_t size);

  pid_t pid_ = -1;
  pid_t sibling_ = -1;
  UniqueFd socket_;
};

// Makes thousands of lookups on procfs, none of them of the child's own entries: the kernel drops nothing from a cache
// that is almost empty. Returns how many.
std::size_t look_up_much(pid_t child);

inline constexpr char drop_caches[] = "/proc/sys/vm/drop_caches";
// Fills the dentry cache and drops it.
Result<void> drop_dentries(pid_t child);

}  // namespace lockstep::conformance::measure

#endif  // LOCKSTEP_CONFORMANCE_MEASURE_HELD_CHILD_H_
