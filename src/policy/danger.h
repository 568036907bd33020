// How much a gained right should worry a reviewer, and why, in words.
#ifndef LOCKSTEP_POLICY_DANGER_H_
#define LOCKSTEP_POLICY_DANGER_H_

#include <string>
#include <string_view>

#include <lockstep/rights.h>

namespace lockstep {

struct Danger {
  int rank = 0;  // 0 is the worst
  std::string consequence;
};

// Of rights that begin at `path`. Never without words: what no entry of the table covers is said by the rights themselves.
Danger danger_of(std::string_view path, AccessSet gained);
// The consequence of losing rights there, where one is known: what stops working.
std::string loss_at(std::string_view path, AccessSet lost);

inline constexpr int least_danger = 9;

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_DANGER_H_
