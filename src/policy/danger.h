// How much a gained right should worry a reviewer, and why, in words.
#ifndef LOCKSTEP_POLICY_DANGER_H_
#define LOCKSTEP_POLICY_DANGER_H_

#include <string>
#include <string_view>

#include <lockstep/access_set.h>

namespace lockstep {

struct Danger {
  int rank = 0;  // 0 is the worst
  std::string consequence;
};

// For rights gained at `path` and below. There are always words: where no entry of the table fits, they name the
// rights.
Danger danger_of(std::string_view path, AccessSet gained);
// What stops working where these rights are lost, where that is known.
std::string loss_at(std::string_view path, AccessSet lost);

inline constexpr int least_danger = 9;

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_DANGER_H_
