// What a run shows of each case, in the words of golden files.
#ifndef LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_SHOWN_H_
#define LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_SHOWN_H_

#include <functional>
#include <map>
#include <string>

#include <lockstep/access_set.h>

#include "conformance/golden/golden_file.h"
#include "conformance/report/report.h"

namespace lockstep::conformance::golden {

// A cell that the run has, tried or not.
struct ShownCell {
  bool of_the_kernel = false;  // on procfs or sysfs
  std::string place;           // see GoldenDifference
  std::string what;
};

struct Shown {
  std::string name;
  const judge::CaseRun* run = nullptr;
  Golden golden;
  bool has_settings = true;  // not where enrichment refuses: nothing is in force
  std::map<std::string, ShownCell> cells;
  std::map<std::pair<std::string, int>, std::string> tests;  // the row's, by identity and plan ABI
  std::map<GoldenKey, std::map<int, AccessSet>> rights;      // what an answer depends on
};

// Each case, in the order of their names. One at a time: all of them together are larger than the run that shows them.
Result<void> for_each_shown(const report::Run& run, const std::function<Result<void>(const Shown&)>& see);
// Whether the golden file has this row as refused.
bool is_refused(const Golden& golden, const std::string& identity, int abi);
// Whether the case has such a row on a machine that can run it. Every case has rows of `self`, for machines where
// nobody else can be had.
bool has_row(const judge::Case& source, const std::string& identity, int abi);

}  // namespace lockstep::conformance::golden

#endif  // LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_SHOWN_H_
