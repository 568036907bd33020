// Makes the kernel take back its procfs entries, and sees whether it did.
//
//   const ProcEntry before = *proc_entry(fd);           // when the rule is made
//   reclaim(drop_fd);                                   // the machine's dentry cache
//   proc_entry_at(path) == before                       // false: a new inode, and the rule stayed with the old one
//
// Inode numbers do not tell: /proc/version keeps its own. The time at which the inode was made does.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_RECLAIM_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_RECLAIM_H_

#include <cstdint>
#include <optional>
#include <string>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep::conformance::fuzz {

struct ProcEntry {
  std::uint64_t dev, ino;
  std::int64_t seconds, nanoseconds;  // when the inode was made
  friend bool operator==(const ProcEntry&, const ProcEntry&) = default;
};

// None: no entry of procfs, or the root of one, which is never taken back.
std::optional<ProcEntry> proc_entry(int fd);

// Unsupported: root alone may, in the machine's own user namespace.
Result<UniqueFd> open_drop_caches();
// A cache with little in it keeps what it has: looks up some hundred names of that procfs.
void fill(const std::string& procfs);
// False, and errno, where the write fails. Never sooner after the call before than the clock of inodes ticks.
bool reclaim(int drop_caches);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_RECLAIM_H_
