// What is asked of the kernel: each operation of the vocabulary by each name of a tree, and each operation on two paths
// by each pair of directories of a mount.
//
//   std::vector<Attempt> attempts = attempts_of(names);
//   one_line(attempts[0]);                             // "open-r /tmp/r/d0/f1"
//
// `needs` says which rights the operation can show. It is held against what a diff claims, and never decides an answer.
// Not asked: chmod (never restricted; it would take away the tree's own permissions), comm-open but for the acting
// thread, and operations without a path.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_ATTEMPTS_H_
#define LOCKSTEP_CONFORMANCE_PROVE_ATTEMPTS_H_

#include <string>
#include <vector>

#include <lockstep/access_set.h>

#include "conformance/prove/names.h"
#include "operation/operation.h"

namespace lockstep::conformance::prove {

struct Attempt {
  Operation operation = Operation::open_r;
  Mode mode = Mode::plain;
  std::string path, path2;
  AccessSet needs, needs2;  // at `place`; at `place2`, of what has two
  std::size_t place = 0;    // what the operation is about: of what is planted the directory it stands in
  std::size_t place2 = 0;   // else the same
};

std::vector<Attempt> attempts_of(const Names& names);
std::string one_line(const Attempt& attempt);

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_ATTEMPTS_H_
