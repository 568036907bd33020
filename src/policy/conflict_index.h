// Conflict rules, indexed by the paths they can be about, for callers that ask about many paths: thousands of rules are
// not tried one after another.
//
//   const ConflictIndex index(administrator, policy);
//   index.rule(Source::user, "/dev/nvidia0")        // as conflict_rule(): the first that matches, or the built-in one
//
// A glob can match only what begins with its plain text. Rules are found by that, and few globs are left to try. The
// two lists must outlive it.
#ifndef LOCKSTEP_POLICY_CONFLICT_INDEX_H_
#define LOCKSTEP_POLICY_CONFLICT_INDEX_H_

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lockstep/effective.h>

namespace lockstep {

inline constexpr std::size_t source_count = 4;

class ConflictIndex {
 public:
  ConflictIndex(const std::vector<ConflictRule>& administrator, const std::vector<ConflictRule>& policy);
  // For each source.
  std::array<const ConflictRule*, source_count> rules(const std::string& path) const;
  const ConflictRule& rule(Source source, const std::string& path) const {
    return *rules(path)[static_cast<std::size_t>(source)];
  }

 private:
  struct Glob {
    std::string_view text;
    std::array<std::size_t, source_count> first;  // the first rule with it, by source: a number in rules_
  };
  void add(std::string_view glob, const ConflictRule& rule, std::size_t number);

  std::vector<const ConflictRule*> rules_;                     // in order
  std::vector<Glob> globs_;                                    // each text once
  std::unordered_map<std::string_view, std::size_t> by_text_;  // of globs_
  std::unordered_map<std::string_view, std::vector<std::size_t>>
      by_plain_;                      // by the plain text before the first special character
  std::vector<std::size_t> lengths_;  // of those, each once
};

// What holds where no rule meets the path.
const ConflictRule& built_in_conflict_rule(std::string_view path);

// The part of a glob that stands for itself: all of it where it has no special character.
std::string_view plain_start(std::string_view glob);

// The rule that settles a read_only entry, or a grant without write_file, against a read-write baseline path: the
// administrator's first, then the policy's, then the built-in one.
const ConflictRule& conflict_rule(const std::vector<ConflictRule>& administrator,
                                  const std::vector<ConflictRule>& policy, Source source, std::string_view path);

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_CONFLICT_INDEX_H_
