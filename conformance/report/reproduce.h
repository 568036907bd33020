// A row as a C program of bare system calls: it restricts a child with the same rules and tries the same operations, without this
// library. For whoever doubts a verdict, and for a bug report to the kernel.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_REPRODUCE_H_
#define LOCKSTEP_CONFORMANCE_REPORT_REPRODUCE_H_

#include <string>

#include "base/result.h"
#include "conformance/judge/row.h"

namespace lockstep::conformance {

Result<std::string> reproduce(const Row& row);

}  // namespace lockstep::conformance

#endif  // LOCKSTEP_CONFORMANCE_REPORT_REPRODUCE_H_
