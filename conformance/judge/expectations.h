// What a case expects of its cells, and of readiness: the lists `expect` and `readiness` of a case file.
//
//   LOCKSTEP_CHECK(read_expectations(*node, fields, out.expectations));
//   LOCKSTEP_CHECK(check_expectations(out));    // each of them claims something
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_EXPECTATIONS_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_EXPECTATIONS_H_

#include <vector>

#include <lockstep/error.h>

#include "conformance/judge/case.h"
#include "conformance/judge/case_fields.h"
#include "syntax/document.h"

namespace lockstep::conformance::judge {

Result<void> read_expectations(const Node& node, const CaseFields& fields, std::vector<Expectation>& out);
Result<void> read_readiness_expectations(const Node& node, const CaseFields& fields,
                                         std::vector<ReadinessExpectation>& out);

// An error for the first expectation that can match no cell of the case.
Result<void> check_expectations(const Case& out);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_EXPECTATIONS_H_
