// Faults of Landlock by number: bit N-1 of KernelLandlock::errata says that erratum N is fixed.
#ifndef LOCKSTEP_LANDLOCK_ERRATA_H_
#define LOCKSTEP_LANDLOCK_ERRATA_H_

#include <span>
#include <string_view>

namespace lockstep {

// Faults that were fixed in some kernels of an ABI and not in others.
struct ErratumInfo {
  int number;              // bit number - 1 of what the kernel says
  int abi;                 // whose fault it is
  std::string_view fixed;  // what holds where it is fixed
};

std::span<const ErratumInfo> errata_table();

}  // namespace lockstep

#endif  // LOCKSTEP_LANDLOCK_ERRATA_H_
