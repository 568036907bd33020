#include "policy/conflict_index.h"

#include <fnmatch.h>

#include <algorithm>

namespace lockstep {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

}  // namespace

std::string_view plain_start(std::string_view glob) {
  return glob.substr(0, std::min(glob.find_first_of("*?[\\"), glob.size()));
}

ConflictIndex::ConflictIndex(const std::vector<ConflictRule>& administrator, const std::vector<ConflictRule>& policy) {
  for (const std::vector<ConflictRule>* list : {&administrator, &policy})
    for (const ConflictRule& rule : *list) {
      rules_.push_back(&rule);
      for (const std::string& glob : rule.paths) add(glob, rule, rules_.size() - 1);
    }
  for (std::size_t i = 0; i < globs_.size(); ++i) by_plain_[plain_start(globs_[i].text)].push_back(i);
  for (const auto& [plain, globs] : by_plain_) lengths_.push_back(plain.size());
  std::sort(lengths_.begin(), lengths_.end());
  lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
}

void ConflictIndex::add(std::string_view glob, const ConflictRule& rule, std::size_t number) {
  const auto [known, fresh] = by_text_.try_emplace(glob, globs_.size());
  if (fresh) {
    globs_.push_back({glob, {}});
    globs_.back().first.fill(none);
  }
  for (std::size_t source = 0; source < source_count; ++source) {
    const bool speaks = rule.sources.empty() || std::find(rule.sources.begin(), rule.sources.end(),
                                                          static_cast<Source>(source)) != rule.sources.end();
    std::size_t& first = globs_[known->second].first[source];
    if (speaks) first = std::min(first, number);
  }
}

std::array<const ConflictRule*, source_count> ConflictIndex::rules(const std::string& path) const {
  std::array<std::size_t, source_count> first;
  first.fill(none);
  for (const std::size_t length : lengths_) {
    if (length > path.size()) break;
    const auto globs = by_plain_.find(std::string_view(path).substr(0, length));
    if (globs == by_plain_.end()) continue;
    for (const std::size_t each : globs->second) {
      const Glob& glob = globs_[each];
      bool earlier = false;
      for (std::size_t source = 0; source < source_count; ++source)
        earlier = earlier || glob.first[source] < first[source];
      if (!earlier) continue;
      const bool plain = glob.text.size() == length;
      if (plain ? path.size() != length : ::fnmatch(std::string(glob.text).c_str(), path.c_str(), FNM_PATHNAME) != 0)
        continue;
      for (std::size_t source = 0; source < source_count; ++source)
        first[source] = std::min(first[source], glob.first[source]);
    }
  }
  std::array<const ConflictRule*, source_count> out{};
  for (std::size_t source = 0; source < source_count; ++source)
    out[source] = first[source] == none ? &built_in_conflict_rule(path) : rules_[first[source]];
  return out;
}

const ConflictRule& built_in_conflict_rule(std::string_view path) {
  static const ConflictRule promote{{"/proc"}, {}, ConflictMode::promote, "", 0};
  static const ConflictRule keep{{}, {}, ConflictMode::keep, "", 0};
  return path == "/proc" ? promote : keep;
}

const ConflictRule& conflict_rule(const std::vector<ConflictRule>& administrator,
                                  const std::vector<ConflictRule>& policy, Source source, std::string_view path) {
  const std::string subject(path);
  for (const std::vector<ConflictRule>* list : {&administrator, &policy}) {
    for (const ConflictRule& rule : *list) {
      if (!rule.sources.empty() && std::find(rule.sources.begin(), rule.sources.end(), source) == rule.sources.end())
        continue;
      for (const std::string& glob : rule.paths) {
        const std::string_view plain = plain_start(glob);
        if (!path.starts_with(plain)) continue;
        if (plain.size() == glob.size() ? path.size() == plain.size()
                                        : ::fnmatch(glob.c_str(), subject.c_str(), FNM_PATHNAME) == 0)
          return rule;
      }
    }
  }
  return built_in_conflict_rule(path);
}

}  // namespace lockstep
