// What a campaign leaves for others to read.
//
//   write_file("fuzz.json", to_json(options, report));   // lockstep.fuzz-report/1
//   write_file("faults.json", to_json(planted));         // lockstep.faults/1
//
//   {"schema": "lockstep.fuzz-report/1", "seed": 1, "abi": 7, "errata": 7, "tier": "process", "operations": 100352,
//    "cases": 196, "denied": 26000, "seconds": 4.2, "disagreements": 0,
//    "counts": {"open-r": [allowed, denied, elsewhere]}}
//
// Where something disagreed there are "words", and "case": the lockstep.fuzz/1 that --replay runs.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_REPORT_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_REPORT_H_

#include <string>
#include <vector>

#include "conformance/fuzz/fuzz.h"

namespace lockstep::conformance::fuzz {

// One fault and what it took to find it.
struct Planted {
  const Fault* fault;
  Report report;
  bool may_reclaim = true;
  // False where this machine cannot show it.
  bool shown() const { return report.kernel.abi >= fault->first_abi && may_reclaim; }
  std::string why_not() const {
    return may_reclaim ? "this kernel's ABI cannot show it" : "reclaim needs root and drop_caches";
  }
};

std::string to_json(const Options& options, const Report& report);
std::string to_json(const Options& options, const std::vector<Planted>& planted);

Result<void> write_file(const std::string& path, const std::string& text);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_REPORT_H_
