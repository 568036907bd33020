#include "conformance/golden/golden.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include <lockstep/abi.h>

#include "conformance/golden/golden_settings.h"
#include "conformance/golden/golden_shown.h"
#include "conformance/report/findings.h"
#include "conformance/report/ranges.h"
#include "conformance/report/write_file.h"

namespace lockstep::conformance::golden {
namespace {

// What was kept as `self` by a run of an ordinary user.
void self_is_user(const judge::CaseRun& run, Golden* golden) {
  const std::vector<wire::IdentityKind>& has = run.source.identities;
  if (std::count(has.begin(), has.end(), wire::IdentityKind::user) == 0) return;
  const std::string self(wire::name(wire::IdentityKind::self)), user(wire::name(wire::IdentityKind::user));
  for (auto entry = golden->answers.begin(); entry != golden->answers.end();) {
    if (entry->first.first != self) {
      ++entry;
      continue;
    }
    for (const auto& [abi, word] : entry->second) golden->answers[{user, entry->first.second}].emplace(abi, word);
    entry = golden->answers.erase(entry);
  }
}

Result<std::optional<Golden>> load(const GoldenFile& file, const Shown& shown) {
  LOCKSTEP_ASSIGN(std::optional<Golden> golden, load_golden(file));
  if (golden) self_is_user(*shown.run, &*golden);
  return golden;
}

// Holds one case against its file.
class Comparison {
 public:
  Comparison(const Shown& shown, const Golden& golden, GoldenResult* out) : shown_(shown), golden_(golden), out_(out) {
    for (const auto& [what, answers] : golden.answers)
      for (const auto& [abi, word] : answers) held_.emplace(what.first, abi), abis_.insert(abi);
  }
  void compare();

 private:
  // The file's answer: of the identity, or of all others where the file has nothing of this one and they are of one
  // mind.
  struct Was {
    bool known = false;  // that there is an answer, or that there is none
    std::optional<std::string> word;
  };
  Was was(const GoldenKey& what, int abi) const;
  bool nobody_restricted(const std::string& identity, int abi) const;
  void differ(const GoldenKey& what, int abi, const std::optional<std::string>& was, const std::string& is);
  void of_the_case(const std::string& text) {
    out_->differences.push_back(
        {Change::other, shown_.name, report::golden_test, shown_.name + ": " + text, {}, {}, {}, 0, {}, {}, {}});
  }
  void find_dropped();

  const Shown& shown_;
  const Golden& golden_;
  GoldenResult* out_;
  std::set<std::pair<std::string, int>> held_;
  std::set<int> abis_;
};

Comparison::Was Comparison::was(const GoldenKey& what, int abi) const {
  const auto word_of = [&](const GoldenKey& key) -> std::optional<std::string> {
    const auto answers = golden_.answers.find(key);
    if (answers == golden_.answers.end()) return std::nullopt;
    const auto word = answers->second.find(abi);
    return word == answers->second.end() ? std::nullopt : std::optional(word->second);
  };
  if (held_.contains({what.first, abi})) return {true, word_of(what)};
  if (what.second == readiness_cell) return {};  // what a machine lacks for one identity it need not lack for another
  std::set<std::string> words;
  for (const auto& [identity, other] : held_)
    if (other == abi)
      if (const std::optional<std::string> word = word_of({identity, what.second})) words.insert(*word);
  return words.size() == 1 ? Was{true, *words.begin()} : Was{};
}

bool Comparison::nobody_restricted(const std::string& identity, int abi) const {
  if (held_.contains({identity, abi})) return is_refused(golden_, identity, abi);
  return std::any_of(held_.begin(), held_.end(),
                     [&](const auto& each) { return each.second == abi && is_refused(golden_, each.first, abi); });
}

void Comparison::differ(const GoldenKey& what, int abi, const std::optional<std::string>& was, const std::string& is) {
  GoldenDifference out;
  out.case_name = shown_.name;
  const auto test = shown_.tests.find({what.first, abi});
  out.test = test == shown_.tests.end() ? report::golden_test : test->second;
  out.sentence = shown_.name + ": " + what.second + " as " + what.first + " at plan ABI " + std::to_string(abi) + ": " +
                 (was ? *was + " before" : "not in the golden file") + ", " + is + " now";
  out.identity = what.first;
  out.abi = abi;
  out.was = was.value_or("not in the file");
  out.is = is;
  if (const auto cell = shown_.cells.find(what.second); cell != shown_.cells.end()) {
    out.place = cell->second.place;
    out.cell = cell->second.what;
    const auto allows = [](const std::string& word) { return word == "allow" || word == "some"; };
    if (allows(is)) out.change = was ? Change::widened : Change::added;
    if (was && allows(*was)) out.change = Change::narrowed;
    if (const auto rights = shown_.rights.find(what); rights != shown_.rights.end())
      if (const auto at = rights->second.find(abi); at != rights->second.end()) out.rights = at->second;
  }
  out_->differences.push_back(std::move(out));
}

// What the file has and the case, as it is now, would never try again.
void Comparison::find_dropped() {
  if (!shown_.cells.empty()) {
    std::set<std::string> gone;
    for (const auto& [what, answers] : golden_.answers)
      if (what.second != readiness_cell && !shown_.cells.contains(what.second)) gone.insert(what.second);
    if (gone.size() == 1) of_the_case(*gone.begin() + " is in the golden file, and no row tries it any more");
    if (gone.size() > 1)
      of_the_case(*gone.begin() + " and " + std::to_string(gone.size() - 1) +
                  " more are in the golden file, and no row tries them any more (a rule that "
                  "moves takes its probes along): look at what changed, then --update");
  }
  std::map<std::string, std::set<int>> rows;
  for (const auto& [identity, abi] : held_)
    if (!has_row(shown_.run->source, identity, abi)) rows[identity].insert(abi);
  for (const auto& [identity, abis] : rows)
    of_the_case(identity + " at plan ABI " + report::ranges(abis) +
                " is in the golden file, and the case has no such row any more");
}

void Comparison::compare() {
  if (shown_.has_settings)
    for (const std::string& each : setting_differences(golden_.settings, shown_.golden.settings)) of_the_case(each);
  for (const auto& [what, answers] : shown_.golden.answers) {
    for (const auto& [abi, word] : answers) {
      const Was before = was(what, abi);
      // Where the files were written, procfs may have lacked it. And of a newer kernel's plan ABIs there is nothing
      // yet.
      const bool lacked = !golden_.answers.contains(what) && what.second != readiness_cell &&
                          shown_.cells.at(what.second).of_the_kernel;
      if (!before.known || (lacked && !before.word)) {
        ++out_->unknown;
        continue;
      }
      ++out_->compared;
      if (what.second != readiness_cell && nobody_restricted(what.first, abi))
        continue;  // the word of readiness says it
      if (before.word != word) differ(what, abi, before.word, word);
    }
  }
  find_dropped();
}

bool has_case(const GoldenScope& scope, const std::string& name) {
  return std::any_of(scope.cases->begin(), scope.cases->end(), [&](const judge::CaseRun& run) {
    return run.source.name == name && !run.source.context.host.real;
  });
}

// Files of cases that there are not.
Result<std::vector<GoldenFile>> dropped(const GoldenScope& scope) {
  std::vector<GoldenFile> out;
  if (!scope.misses || scope.cases == nullptr) return out;
  LOCKSTEP_ASSIGN(const std::vector<GoldenFile> all, list_golden(scope.directory));
  std::copy_if(all.begin(), all.end(), std::back_inserter(out),
               [&](const GoldenFile& file) { return !has_case(scope, file.name) && scope.misses(file.name); });
  return out;
}

}  // namespace

Result<GoldenResult> check_golden(const report::Run& run, const GoldenScope& scope) {
  GoldenResult out;
  const auto of_no_row = [&out](const std::string& case_name, const std::string& text) {
    out.differences.push_back(
        {Change::other, case_name, report::golden_test, case_name + ": " + text, {}, {}, {}, 0, {}, {}, {}});
  };
  const auto compare = [&](const Shown& shown) -> Result<void> {
    LOCKSTEP_ASSIGN(const GoldenFile file, find_golden(scope.directory, shown.name));
    LOCKSTEP_ASSIGN(const std::optional<Golden> golden, load(file, shown));
    if (!golden) {
      of_no_row(shown.name, "there is no " + file.path +
                                (shown.run->source.own_policy ? ", nor a file of a policy whose path ends so" : "") +
                                ": --update writes it");
      return {};
    }
    if (file.name != shown.name)
      out.found_as.push_back(printable(shown.name) + " is held against " + printable(file.path));
    Comparison(shown, *golden, &out).compare();
    return {};
  };
  LOCKSTEP_CHECK(for_each_shown(run, compare));
  LOCKSTEP_ASSIGN(const std::vector<GoldenFile> files, dropped(scope));
  for (const GoldenFile& file : files)
    of_no_row(printable(file.name),
              printable(file.path) + " is there, and no case on a simulated host is called so: --update removes it");
  return out;
}

Result<GoldenUpdate> update_golden(const report::Run& run, const GoldenScope& scope) {
  std::error_code error;
  std::filesystem::create_directories(scope.directory, error);
  if (error) return input_error(scope.directory, 0, "the directory cannot be made: " + error.message());
  GoldenUpdate out;
  std::set<std::string> taken;
  const auto update = [&](const Shown& shown) -> Result<void> {
    LOCKSTEP_ASSIGN(const GoldenFile file, find_golden(scope.directory, shown.name));
    if (!taken.insert(file.path).second)
      return input_error(file.path, 0, "two policies of this run would be kept there: name them by longer paths");
    LOCKSTEP_ASSIGN(std::optional<Golden> golden, load(file, shown));
    Golden merged;
    // What this run did not show is kept, but for cells and rows that are no more.
    merged.settings = shown.golden.settings;
    if (golden)
      for (const auto& [what, answers] : golden->answers)
        for (const auto& [abi, word] : answers)
          if ((what.second == readiness_cell || shown.cells.contains(what.second)) &&
              has_row(shown.run->source, what.first, abi))
            merged.answers[what][abi] = word;
    for (const auto& [what, answers] : shown.golden.answers)
      for (const auto& [abi, word] : answers) merged.answers[what][abi] = word;
    for (auto& [what, answers] : merged.answers)
      if (what.second != readiness_cell)
        std::erase_if(answers,
                      [&, &who = what.first](const auto& answer) { return is_refused(merged, who, answer.first); });
    std::erase_if(merged.answers, [](const auto& entry) { return entry.second.empty(); });
    LOCKSTEP_CHECK(report::write_file(file.path, golden_to_text(file.name, merged)));
    ++out.written;
    return {};
  };
  LOCKSTEP_CHECK(for_each_shown(run, update));
  LOCKSTEP_ASSIGN(const std::vector<GoldenFile> files, dropped(scope));
  for (const GoldenFile& file : files) {
    std::filesystem::remove(file.path, error);
    if (error) return system_error(error.value(), "remove(\"" + printable(file.path) + "\")");
    out.removed.push_back(file.path);
  }
  return out;
}

}  // namespace lockstep::conformance::golden
