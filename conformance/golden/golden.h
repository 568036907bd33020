// Golden verdicts: what each policy allowed and denied when somebody last looked.
//
//   const GoldenScope scope{"golden", &suite.runs, [](const std::string&) { return true; }};
//   LOCKSTEP_ASSIGN(GoldenResult result, check_golden(run, scope));
//   result.differences;              // each cell that came out otherwise
//   golden_text(result, scope);      // for people: by path and right, first what widened
//   LOCKSTEP_CHECK(update_golden(run, scope));
//
// A file also holds the settings of the effective policy that are not at their defaults and that no cell shows. A file
// without any has the defaults. Where a plan is refused, the refusal stands in place of the word of readiness, and
// there are no cells.
//
// What a run did not show (an ABI above the kernel's, a cell that was skipped) is not compared, and an update leaves it
// as it was.
//
// Landlock's answer does not depend on the identity that asks. So an identity that the file does not have is compared
// with those that it has, where these agree with each other. `self`, an ordinary user in a namespace of its own, is
// kept as `user`.
//
// An answer that comes from the machine and not from the policy is not kept. On procfs and sysfs that is the answer of
// every cell whose control fails. Elsewhere it is that of a cell whose control fails with EPERM, EACCES or EROFS. Cases
// on the real machine have no golden verdicts for the same reason.
#ifndef LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_H_
#define LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_H_

#include <functional>
#include <string>
#include <vector>

#include <lockstep/access_set.h>

#include "conformance/golden/golden_file.h"
#include "conformance/report/report.h"

namespace lockstep::conformance::golden {

struct GoldenScope {
  std::string directory;
  const std::vector<judge::CaseRun>* cases = nullptr;  // of the run, selected or not
  // Whether a file of this name without its case is one that was dropped: all of them where every case was meant to
  // run, a share of them in a shard, so that each is missed in one.
  std::function<bool(const std::string& name)> misses = nullptr;
};

enum class Change {
  widened,
  added,
  other,
  narrowed
};  // in the order they are shown; added: allowed, and the file does not have it

struct GoldenDifference {
  Change change = Change::other;
  std::string case_name;
  std::string test;      // the row's; else of the run as a whole
  std::string sentence;  // complete
  // Of a cell; else empty.
  std::string place;  // the rule's path that covers it, or its own
  std::string cell;   // without its path: "open-w by child"
  std::string identity;
  int abi = 0;
  std::string was, is;
  AccessSet rights;  // what the answer depends on
};

struct GoldenResult {
  std::vector<GoldenDifference> differences;
  std::vector<std::string> found_as;  // a policy whose golden file has it under another name
  std::size_t compared = 0;           // answers
  std::size_t unknown = 0;  // of a plan ABI that the file has nothing of, or of a file that procfs lacked there
};

// Fails (input) where a file cannot be read or is none. A case without a file is a difference.
Result<GoldenResult> check_golden(const report::Run& run, const GoldenScope& scope);
// Lines for a terminal, each with its end.
std::string golden_text(const GoldenResult& result, const GoldenScope& scope);

struct GoldenUpdate {
  std::size_t written = 0;
  std::vector<std::string> removed;  // files of cases that are no more, that the scope misses
};
// Writes what the run shows into the files, each beside itself and renamed. Makes the directory.
Result<GoldenUpdate> update_golden(const report::Run& run, const GoldenScope& scope);

}  // namespace lockstep::conformance::golden

#endif  // LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_H_
