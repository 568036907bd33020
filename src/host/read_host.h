// Reads this machine into a Host: its GPU nodes, which paths of the baseline exist, which paths that tell platforms
// apart exist, Landlock's ABI and errata.
//
// Looks with stat(2) and listings of /dev; opens no device. Never fails: what cannot be seen is absent.
#ifndef LOCKSTEP_HOST_READ_HOST_H_
#define LOCKSTEP_HOST_READ_HOST_H_

#include <string>
#include <vector>

#include <lockstep/effective.h>

namespace lockstep {

Host read_host();

// For a host file that says "present": "real": fills in what read_host() would find, keeping what the file does say
// (gpu nodes listed, absent paths, a kernel).
void complete_from_machine(Host& host);

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_READ_HOST_H_
