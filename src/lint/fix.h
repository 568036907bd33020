// fix: puts right the findings that can be put right without a change of meaning, as a patch of the policy's own text.
//
//   LOCKSTEP_ASSIGN(Fix fix, fix_findings(text, policy, findings, context));
//   fix.patch;       // a unified diff, as patch(1) takes it; empty where there is nothing to do
//   fix.untouched;   // what could be fixed and was left, each with its reason
//
// Only an entry that is a line of its own in a block list is touched. Comments, order and every other line stay as they
// are; the comment behind an entry that goes stays as a line. The patched policy is decoded and compared with the old
// one: as written, and with every baseline, from every source, under the context's administrator. A fix that alone
// would make the two differ is left out.
#ifndef LOCKSTEP_LINT_FIX_H_
#define LOCKSTEP_LINT_FIX_H_

#include <string>
#include <string_view>
#include <vector>

#include "lint/lint.h"

namespace lockstep::lint {

struct Untouched {
  Finding finding;
  std::string why;
};

struct Fix {
  std::string text;  // of the policy when the patch was applied
  std::string patch;
  std::vector<Untouched> untouched;
};

Result<Fix> fix_findings(std::string_view text, const Policy& policy, const std::vector<Finding>& findings,
                         const Context& context);

}  // namespace lockstep::lint

#endif  // LOCKSTEP_LINT_FIX_H_
