// The traps of lockstep lint as the kernel shows them. Each row is a policy that falls into a trap, beside one that
// follows the advice, and the operation that tells them apart.
//
//   for (const lint::Row& row : lint::rows()) ...   // row.operation(tree), in a child under row.falls or row.follows
//
// Some traps only mislead the reader (a path twice, a redundant entry). There both answers are the same, and that is
// what the row shows: taking the line out takes nothing away. What no row can show stands in not_in_rows(), with the
// reason; a test holds the two against the table of lint. lint_kernel_test.cc runs the rows.
#ifndef LOCKSTEP_CONFORMANCE_VERIFY_LINT_KERNEL_ROWS_TESTING_H_
#define LOCKSTEP_CONFORMANCE_VERIFY_LINT_KERNEL_ROWS_TESTING_H_

#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include <lockstep/effective.h>

#include "conformance/probes/testing.h"

namespace lockstep::conformance::verify {

constexpr int refused = 2000;  // before anything runs: by enrichment, the plan, or preparing
constexpr int broken = 2001;   // the test itself

// Files of one run:  d/f  e/f  rw/inner/f  rw/other/  prog/true  bin/tool  link -> d  root -> /
struct Tree : probes::Scratch {
  Tree();
};

struct Row {
  const char* id;
  const char* falls;    // below filesystem_policy; $B is the tree, $NODE a GPU node (to the kernel: a device
                        // that takes ioctls)
  const char* follows;  // the advice
  int (*operation)(const Tree& tree);
  int trapped;  // errno of the operation; 0 allowed
  int followed;
  int abi = 1;                                  // that the proof needs
  int plan_abi = 0;                             // 0: the kernel's
  void (*between)(const Tree& tree) = nullptr;  // what happens between preparing and restricting
  Toggle gpu = Toggle::off;
  const char* workdir = nullptr;  // with $B
  bool as_root = false;
};

std::span<const Row> rows();
void PrintTo(const Row& row, std::ostream* out);  // for GoogleTest

struct NotInRows {
  std::string_view id;
  std::string_view why;
};
std::span<const NotInRows> not_in_rows();

// 0 or errno.
int open_as(const std::string& path, int flags);

}  // namespace lockstep::conformance::verify

#endif  // LOCKSTEP_CONFORMANCE_VERIFY_LINT_KERNEL_ROWS_TESTING_H_
