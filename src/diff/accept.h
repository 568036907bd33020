// Accepted changes: an administrator's file that lets named changes pass a gate, each for a reason and until a day.
//
//   accepted:
//     - {path: /proc, rights: [write_file], reason: CUDA names its threads, expires: 2027-03-31}
//     - {path: "/srv/out/**", rights: [all], reason: jobs write there, expires: 2027-03-31}
//     - change: min-abi                  # a setting's code, and the sentence that the diff says of it
//       is: "min_abi 3 before, 2 now: truncate is relied on no more"
//       reason: the fleet is at 6.1 still
//       expires: 2027-01-15
//
// `path` is a glob (fnmatch, FNM_PATHNAME) over the path at which a change begins: a star is one component. With /** at
// its end it is the directory and everything below it (/** alone: every path); ** anywhere else is an error. Rights are
// names, or read, write, all. A change passes where everything it gains is accepted, by one entry or several together.
//
// A change begins where its rule leads, not where that is spelt. A place that nobody knows (/proc/self/fd/9, another
// name of a hard link) is accepted by that very name, or by /** alone.
//
// A setting is accepted as it was reviewed: `is` must be equal to the message that the text format shows, character by
// character. Reason and day are not optional. An empty file accepts nothing. A policy under review cannot accept
// itself: this is never read from a policy.
#ifndef LOCKSTEP_DIFF_ACCEPT_H_
#define LOCKSTEP_DIFF_ACCEPT_H_

#include <string>
#include <vector>

#include "diff/diff.h"

namespace lockstep::diff {

struct Acceptance {
  std::string path;  // a glob; empty: of a setting
  AccessSet rights;
  std::string change;  // a setting's code; empty: of a path
  std::string is;      // and its message
  std::string reason;
  std::string expires;  // YYYY-MM-DD, the last day it holds
  int line = 0;
  bool used = false;
  std::string instead = {};              // what the setting's change says, where that is not `is`
  std::string hint = {};                 // of a path at which no change begins: what is wrong, and what to write
  std::vector<std::string> partly = {};  // what it accepts of changes that are not accepted as a whole
};

Result<std::vector<Acceptance>> load_acceptances(const std::string& file);

// Marks what is accepted on `today` (YYYY-MM-DD). An entry that has expired accepts nothing.
void accept(std::vector<Acceptance>& entries, const std::string& today, Diff* diff);

// One line for each entry that is of no use: expired, about no change, or not enough for the change it is about.
std::vector<std::string> idle_entries(const std::vector<Acceptance>& entries, const std::string& today);

std::string today();  // of the system's clock, in UTC

}  // namespace lockstep::diff

#endif  // LOCKSTEP_DIFF_ACCEPT_H_
