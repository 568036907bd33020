// Which of a host's devices a workload gets: what `--cdi` and `--gpu-devices` say, for show, exec and the suite alike.
#ifndef LOCKSTEP_HOST_CHOOSE_DEVICES_H_
#define LOCKSTEP_HOST_CHOOSE_DEVICES_H_

#include <string>
#include <vector>

#include <lockstep/effective.h>

namespace lockstep {

// Sets context.cdi from specs (directories or files). Where there are no specs it narrows the host's GPU nodes.
// `devices` "" means all. What stands at the paths of specs is looked up on this machine, or in the simulated host.
Result<void> choose_devices(const std::vector<std::string>& specs, const std::string& devices, Context* context);

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CHOOSE_DEVICES_H_
