// What to do where a path of a driver is missing, has no driver behind it, or is closed: by platform, for the driver of an NVIDIA
// card is loaded otherwise than that of a Jetson board, of WSL2, of AMD or Intel. Pure: of what was seen alone.
//
//   to_appear("/dev/kfd", around);        // "sudo modprobe amdgpu"; in a container how it is started with the device
//   to_join(facts, 06, around);           // "sudo usermod -aG 44 USER   (the group's number; log in again)"
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_REMEDIES_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_REMEDIES_H_

#include <optional>
#include <string>

#include "conformance/doctor/layers.h"
#include "host/own_procfs.h"

namespace lockstep::conformance::doctor {

// How a path of a driver's comes to be there; empty for a path of no driver's.
std::string to_appear(const std::string& path, const Surroundings& around);
// How a driver comes to be behind a node that is there.
std::string to_load(const std::string& path, const Surroundings& around);
// The device number that the loaded driver has registered for such a node, where /proc/devices names one.
std::optional<unsigned> registered_major(const std::string& path, const Surroundings& around);
// A /proc that is not this process's own: CUDA finds no thread to name there.
std::optional<Finding> of_procfs(const ProcfsFacts& procfs);
// How the identity comes to the bits of `wants` (4 read, 2 write) on a path that its mode closes.
std::string to_join(const PathFacts& facts, unsigned wants, const Surroundings& around);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_REMEDIES_H_
