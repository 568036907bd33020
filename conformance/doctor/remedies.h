// What to do where a path of a driver is missing, has no driver behind it, or is closed. It depends on the platform:
// the driver of an NVIDIA card is loaded in another way than that of a Jetson board, of WSL2, of AMD or of Intel. Pure.
//
//   to_appear("/dev/kfd", around);        // "sudo modprobe amdgpu"; in a container: how to start it with the device
//   to_join(facts, 06, around);           // "sudo usermod -aG 44 USER   (the group's number; log in again)"
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_REMEDIES_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_REMEDIES_H_

#include <optional>
#include <string>

#include "conformance/doctor/layers.h"
#include "host/own_procfs.h"

namespace lockstep::conformance::doctor {

// What makes a driver's path appear; empty for any other path.
std::string to_appear(const std::string& path, const Surroundings& around);
// What puts a driver behind a node that is there.
std::string to_load(const std::string& path, const Surroundings& around);
// The device number that the loaded driver has registered for such a node, where /proc/devices names one.
std::optional<unsigned> registered_major(const std::string& path, const Surroundings& around);
// A /proc that is not this process's own: CUDA finds no thread to name there.
std::optional<Finding> of_procfs(const ProcfsFacts& procfs);
// How the identity gets the bits of `wants` (4 read, 2 write) on a path whose mode denies them.
std::string to_join(const PathFacts& facts, unsigned wants, const Surroundings& around);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_REMEDIES_H_
