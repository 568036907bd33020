#include "conformance/report/ranges.h"

namespace lockstep::conformance::report {

std::string ranges(const std::set<int>& abis) {
  std::string out;
  for (auto it = abis.begin(); it != abis.end();) {
    const int first = *it;
    int last = first;
    while (++it != abis.end() && *it == last + 1) ++last;
    out += (out.empty() ? "" : ",") + std::to_string(first) + (last > first ? "-" + std::to_string(last) : "");
  }
  return out;
}

}  // namespace lockstep::conformance::report
