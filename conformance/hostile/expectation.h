// What is right of each program in each environment: the exit codes it may give, and a word that its output must have
// where the code is not 0. Written by hand. A program and environment without a line here must end with 0.
#ifndef LOCKSTEP_CONFORMANCE_HOSTILE_EXPECTATION_H_
#define LOCKSTEP_CONFORMANCE_HOSTILE_EXPECTATION_H_

#include <string>
#include <string_view>
#include <vector>

#include "conformance/hostile/environment.h"

namespace lockstep::conformance::hostile {

enum class Who { anybody, root, user };

struct Expectation {
  std::vector<int> codes = {0};
  std::string reason;  // in what it wrote, where the code is not 0 and its standard error is open
};

Expectation expected_of(std::string_view program, std::string_view environment, bool as_user);

// Empty: `ran` is as it must be. Else what is wrong.
std::string what_is_wrong(const Environment& environment, const Expectation& expected, const Ran& ran);

}  // namespace lockstep::conformance::hostile

#endif  // LOCKSTEP_CONFORMANCE_HOSTILE_EXPECTATION_H_
