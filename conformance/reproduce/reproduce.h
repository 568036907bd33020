// A row as a C program of bare system calls that shows the row's own answers without this library. It makes the row's
// files, takes its identity, restricts a child with the same rules and tries the same cells, each beside a control. For
// whoever doubts a verdict, and for a bug report to the kernel. Its own comment says how to build it and what it
// prints.
//
// The interpreter is reproduce_program.c, the same for every row; the row is the tables it includes. It follows the
// harness's child, layout and probes, and a test holds its answers to theirs. Surveys (probes/survey.h) are left out.
#ifndef LOCKSTEP_CONFORMANCE_REPRODUCE_REPRODUCE_H_
#define LOCKSTEP_CONFORMANCE_REPRODUCE_REPRODUCE_H_

#include <string>

#include <lockstep/error.h>

#include "conformance/judge/row.h"

namespace lockstep::conformance::reproduce {

// Fails as make_request() does: a policy that refuses the row's ABI has no program.
Result<std::string> reproduce(const judge::Row& row);

}  // namespace lockstep::conformance::reproduce

#endif  // LOCKSTEP_CONFORMANCE_REPRODUCE_REPRODUCE_H_
