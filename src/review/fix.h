// fix: the findings that can be put right without a change of meaning, as a patch of the policy's own text.
//
//   LOCKSTEP_ASSIGN(Fix fix, fix_findings(text, policy, findings));
//   fix.patch;       // a unified diff, as patch(1) takes it; empty where there is nothing to do
//   fix.untouched;   // what could be fixed and stands where a line cannot be taken out alone
//
// Only an entry that is a line of its own in a block list is touched. Comments, order and every other line
// stay as they are; the comment behind an entry that goes stays as a line. What comes out is decoded and
// compared with what went in, as written and on a GPU host: where the two are not equivalent nothing is
// returned but an error of our own.
#ifndef LOCKSTEP_REVIEW_FIX_H_
#define LOCKSTEP_REVIEW_FIX_H_

#include <string>
#include <string_view>
#include <vector>

#include "review/lint.h"

namespace lockstep::review {

struct Fix {
  std::string text;  // of the policy when the patch was applied
  std::string patch;
  std::vector<Finding> untouched;
};

Result<Fix> fix_findings(std::string_view text, const Policy& policy, const std::vector<Finding>& findings);

}  // namespace lockstep::review

#endif  // LOCKSTEP_REVIEW_FIX_H_
