// Numbers as people write them.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_RANGES_H_
#define LOCKSTEP_CONFORMANCE_REPORT_RANGES_H_

#include <set>
#include <string>

namespace lockstep::conformance::report {

// "1-2,5"
std::string ranges(const std::set<int>& abis);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_RANGES_H_
