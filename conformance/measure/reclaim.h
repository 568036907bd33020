// Reclaim: which ways to let CUDA name its threads survive the kernel taking back its procfs entries.
//
//   LOCKSTEP_ASSIGN(std::vector<ReclaimRow> rows, measure_reclaim(kernel, "fixtures"));
//   render(rows);  to_json(rows, kernel);   // a table; lockstep.reclaim/1
//
// Procfs makes a new inode for an entry that was reclaimed, and a rule stays with the old one. Each row is a child,
// restricted by the library as always. It names another thread of its own, waits while the dentry cache is filled and
// dropped (2 to /proc/sys/vm/drop_caches), and names one again, until its /proc/self/task is a new inode or the rounds
// are used up. A pinned entry is never replaced: there its neighbour /proc/self/attr shows that the kernel did reclaim.
//
// Every process of the machine pays for the dropped entries. Needs root, else `unsupported`. The kernel need not
// reclaim: a row where it did not says so and shows nothing. fixtures/observed/procfs-reclaim.json is what this gave
// once.
#ifndef LOCKSTEP_CONFORMANCE_MEASURE_RECLAIM_H_
#define LOCKSTEP_CONFORMANCE_MEASURE_RECLAIM_H_

#include <string>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "conformance/wire/wire.h"

namespace lockstep::conformance::measure {

enum class Pins { none, kept, closed };
const char* name(Pins pins);

struct ReclaimRow {
  std::string way;
  wire::IdentityKind identity = wire::IdentityKind::user;
  Pins pins = Pins::none;  // none: the plan needs no pin
  int before = 0;          // errno of the comm write
  int after = 0;
  bool entry_replaced = false;      // /proc/self/task
  bool neighbour_replaced = false;  // /proc/self/attr
  int rounds = 0;

  // An answer that changed counts, whatever the inode numbers say: some entries keep theirs.
  bool achieved() const { return entry_replaced || after != before || (pins == Pins::kept && neighbour_replaced); }
  // "keeps working", "lost", "stays denied", "changed", or "not achieved".
  const char* outcome() const;
};

Result<std::vector<ReclaimRow>> measure_reclaim(const KernelLandlock& kernel, const std::string& fixtures);
std::string render(const std::vector<ReclaimRow>& rows);
std::string to_json(const std::vector<ReclaimRow>& rows, const KernelLandlock& kernel);

}  // namespace lockstep::conformance::measure

#endif  // LOCKSTEP_CONFORMANCE_MEASURE_RECLAIM_H_
