// How facts.cc reads the machine: small files of procfs and sysfs, the mount table, and the GPU's part of a Machine.
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_FILES_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "conformance/doctor/facts.h"

namespace lockstep::conformance::doctor {

std::string read_text(const std::string& path);   // as it is; empty where it cannot be read
std::string first_line(const std::string& path);  // printable
// Names in a directory, sorted; empty where it cannot be read.
std::vector<std::string> names_in(const std::string& directory);

struct Mount {
  std::uint64_t id = 0;
  std::string point;  // unescaped
  std::string type, options;
  bool read_only = false, nodev = false;
};
std::vector<Mount> read_mounts();  // /proc/self/mountinfo, in order

// Of the text of /proc/devices.
std::vector<DriverNumber> character_devices(const std::string& text);

// Paths of NVIDIA's that are in /dev now, sorted.
std::vector<std::string> nvidia_paths();

// Nodes, driver, MIG, CDI, NUMA, libcuda.
void read_gpu(Machine& out);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_FILES_H_
