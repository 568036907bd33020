// Accepted changes: a file of the administrator's that lets named changes pass a gate, each for a reason and until a day.
//
//   accepted:
//     - {path: /proc, rights: [write_file], reason: CUDA names its threads, expires: 2027-03-31}
//     - {change: min-abi, reason: the fleet is at 6.1 still, expires: 2027-01-15}      # a setting's code
//
// `path` is a glob (fnmatch, FNM_PATHNAME) over the path a change begins at: a star is one component. With /** at its end it is
// the directory and everything below it (/** alone: every path); ** anywhere else is an error. Rights by name, or read, write,
// all. A change passes where everything it gains is accepted, by one entry or several together. Reason and day are not optional.
// A policy under review cannot accept itself: this is never read from a policy.
#ifndef LOCKSTEP_REVIEW_ACCEPT_H_
#define LOCKSTEP_REVIEW_ACCEPT_H_

#include <string>
#include <vector>

#include "review/diff.h"

namespace lockstep::review {

struct Acceptance {
  std::string path;    // a glob; empty: of a setting
  AccessSet rights;
  std::string change;  // a setting's code; empty: of a path
  std::string reason;
  std::string expires;  // YYYY-MM-DD, the last day it holds
  int line = 0;
  bool used = false;
};

Result<std::vector<Acceptance>> load_acceptances(const std::string& file);

// Marks what is accepted on `today` (YYYY-MM-DD). An entry that has expired accepts nothing.
void accept(std::vector<Acceptance>& entries, const std::string& today, Diff* diff);

// One line for each entry that is of no use: expired, or not met by any change.
std::vector<std::string> idle_entries(const std::vector<Acceptance>& entries, const std::string& today);

std::string today();  // of the system's clock, in UTC

}  // namespace lockstep::review

#endif  // LOCKSTEP_REVIEW_ACCEPT_H_
