// Soak: the failure that comes with time. A grant on an entry below /proc works until the kernel takes the entry back
// and makes another for the next lookup. Then naming a thread is EACCES and cuInit() is 304, hours into a job.
//
//   LOCKSTEP_ASSIGN(Soak soak, run_soak(kernel, "fixtures", 120));
//   render(soak);  to_json(soak);          // a table; lockstep.soak/1
//
// All ways to let CUDA name its threads run at once, each in a child of its own. It names a thread in itself, in a
// child, in a grandchild and in an executed program, over and over. Meanwhile dentries are reclaimed by whatever means
// there are: drop_caches (root), a memory-limited cgroup that the children live in (where one can be made), and
// hundreds of thousands of lookups. The result is the time until something that worked at the start first failed, or
// none. Where no entry was ever replaced, nothing was shown, and the result says so.
#ifndef LOCKSTEP_CONFORMANCE_MEASURE_SOAK_H_
#define LOCKSTEP_CONFORMANCE_MEASURE_SOAK_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "conformance/measure/held_child.h"
#include "conformance/measure/reclaim.h"

namespace lockstep::conformance::measure {

struct SoakRow {
  std::string way;
  wire::IdentityKind identity = wire::IdentityKind::user;
  Pins pins = Pins::none;
  std::array<int, naming_actors.size()> before{};                          // errno at the start
  std::array<std::optional<double>, naming_actors.size()> failed_after{};  // seconds; of what worked at the start
  bool replaced = false;  // /proc/self/task became another inode, or its neighbour did while it is pinned
};

struct Soak {
  KernelLandlock kernel;
  std::vector<std::string> means;      // drop_caches, cgroup, lookups
  std::vector<std::string> not_means;  // and why
  double seconds = 0;
  std::size_t rounds = 0;
  std::size_t lookups = 0;
  std::vector<SoakRow> rows;

  bool shown() const;  // some entry was replaced
};

Result<Soak> run_soak(const KernelLandlock& kernel, const std::string& fixtures, unsigned seconds);
std::string render(const Soak& soak);
std::string to_json(const Soak& soak);

}  // namespace lockstep::conformance::measure

#endif  // LOCKSTEP_CONFORMANCE_MEASURE_SOAK_H_
