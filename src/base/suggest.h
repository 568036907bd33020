// What somebody most likely meant by a word that is not known.
//
//   suggestion("readonly", {"read_only", "read_write"});      // "read_only"; "" where nothing is near
//   suggestion_for_right("rw");                               // "all"
#ifndef LOCKSTEP_BASE_SUGGEST_H_
#define LOCKSTEP_BASE_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);
// As it is written in a list of rights.
std::string suggestion_for_right(std::string_view word);
// "; did you mean X?", or nothing.
std::string did_you_mean(const std::string& suggested);

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_SUGGEST_H_
