// Makes the kernel take back its procfs entries, and sees whether it did.
//
//   const ProcEntry before = *proc_entry(fd);           // when the rule is made
//   reclaim(drop_fd);                                   // drops the machine's dentry cache
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

// None where it is no entry of procfs, or a root of one, which is never taken back.
std::optional<ProcEntry> proc_entry(int fd);

// Unsupported unless we are root in the machine's first user namespace.
Result<UniqueFd> open_drop_caches();
// Looks up some hundred names of that procfs: the kernel drops nothing from a cache that is almost empty.
void fill(const std::string& procfs);
// False, with errno, where the write fails. Waits until the clock of inodes has ticked since the last call, so that a
// new inode has a new time.
bool reclaim(int drop_caches);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_RECLAIM_H_
