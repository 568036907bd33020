// The start-up of a GPU's runtime as a list of steps, each an operation that it makes: what a policy must let through,
// and what breaks if it does not. Not the runtime itself: a compound probe for machines without a GPU.
//
//   for (const Step& step : steps_of(host)) ...     // in the order of the start-up
//
// A step's class is that on THIS host: a denied /sys/devices/system/node is harmless on x86, and a crash inside libcuda
// on a NUMA-coherent host (platforms.h).
// The NVIDIA rows are in steps.cc, those of AMD and Intel in vendors.cc.
#ifndef LOCKSTEP_GPU_STEPS_H_
#define LOCKSTEP_GPU_STEPS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/host.h>

#include "operation/operation.h"

namespace lockstep::gpu {

enum class Importance : std::uint8_t { fatal, degraded, harmless };
// How sure we are of the step and its class: measured with the real driver, read in public sources, or inferred from
// them.
enum class Certainty : std::uint8_t { measured, source, inferred };
// A group of steps of which some must work: one GPU of several, the two nodes of one MIG instance of several. A failing
// step is fatal where fewer work than needed(); else only that one device is lost.
enum class StepGroup : std::uint8_t { none, gpu, mig };
std::size_t needed(StepGroup group);

struct Step {
  std::string id;  // "comm", "node /dev/nvidia0"
  // What is tried, by whom; `target` and the modes are those of comm_open, which has no path.
  Operation operation = Operation::open_r;
  Mode mode = Mode::plain;
  Actor actor = Actor::self;
  Target target = Target::own;
  std::string path;
  Importance importance = Importance::fatal;
  Certainty certainty = Certainty::source;
  // The path may be missing, or the socket be without its server: that is no failure where it is so without the policy.
  bool optional = false;
  StepGroup group = StepGroup::none;
  std::string_view breaks;
};

// A row of the tables.
struct FixedStep {
  const char* id;
  Operation operation;
  const char* path;
  Importance importance;
  Certainty certainty;
  bool optional;
  std::string_view breaks;
};
Step make_step(const FixedStep& fixed);

// In the order of the start-up. The device nodes are the host's own. No id and no cell is there twice.
std::vector<Step> steps_of(const Host& host);
// Of AMD and Intel hosts: vendors.cc.
std::vector<Step> amd_steps(const Host& host);
std::vector<Step> intel_steps(const Host& host);

std::string_view name(Importance importance);
std::string_view name(Certainty certainty);

}  // namespace lockstep::gpu

#endif  // LOCKSTEP_GPU_STEPS_H_
