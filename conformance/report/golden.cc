#include "conformance/report/golden.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "conformance/report/golden_settings.h"
#include "landlock/abi.h"
#include "policy/document.h"

namespace lockstep::conformance {
namespace {

constexpr char schema[] = "lockstep.golden/1";
constexpr char readiness_cell[] = "readiness";
constexpr char settings_heading[] = "settings";
constexpr char refused[] = "refused: ";
constexpr std::size_t file_limit = 8U << 20;

// "1-2,5"
std::string ranges(const std::set<int>& abis) {
  std::string out;
  for (auto it = abis.begin(); it != abis.end();) {
    const int first = *it;
    int last = first;
    while (++it != abis.end() && *it == last + 1) ++last;
    out += (out.empty() ? "" : ",") + std::to_string(first) + (last > first ? "-" + std::to_string(last) : "");
  }
  return out;
}

std::optional<std::set<int>> read_ranges(const std::string& text) {
  const std::optional<AbiSet> abis = AbiSet::parse(text);
  if (!abis || abis->empty()) return std::nullopt;
  std::set<int> out;
  for (int abi = oldest_abi; abi <= newest_abi; ++abi)
    if (abis->contains(abi)) out.insert(abi);
  return out;
}

// "EACCES 3-7, allow 1-2"
std::string pattern(const std::map<int, std::string>& answers) {
  std::map<std::string, std::set<int>> by_word;
  for (const auto& [abi, word] : answers) by_word[word].insert(abi);
  std::string out;
  for (const auto& [word, abis] : by_word) out += (out.empty() ? "" : ", ") + word + " " + ranges(abis);
  return out;
}

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    out.push_back(text.substr(at, end - at));
    if (end == std::string::npos) return out;
    at = end + separator.size();
  }
}

// The answer that is kept of a cell. Of a survey how many files opened is the machine's: whether any did is not.
std::string answer_of(const CellRequest& request, const CellVerdict& cell) {
  if (request.survey) return cell.ret > 0 ? "some" : "none";
  return cell.observed == 0 ? "allow" : errno_name(cell.observed);
}

bool is_of_the_kernel(const CellRequest& request) { return is_below(request.path, "/proc") || is_below(request.path, "/sys"); }

// Whether the answer is the machine's: what its procfs and sysfs lack or keep closed, and what an identity may not do there anyway (a
// device node made in a user namespace, say). The policy decides nothing then.
bool is_the_machines(const CellRequest& request, const CellVerdict& cell) {
  if (is_of_the_kernel(request)) return cell.control != 0;
  return cell.control == EPERM || cell.control == EACCES || cell.control == EROFS;
}

// What stands for a row's cells where nobody was restricted because the policy, or its plan, is refused; else nothing.
std::string refusal_of(const JudgedRow& judged) {
  const RowVerdict& verdict = judged.verdict;
  if (!verdict.cells.empty()) return "";
  if (verdict.outcome == RowOutcome::agree && judged.row.run->source.refusal) return refused + printable(*judged.row.run->source.refusal);
  if (verdict.outcome == RowOutcome::refused) {
    // Not the line: a comment above it is no change.
    const std::string place = judged.row.run->source.policy.file + ":";
    const std::size_t says = verdict.message.starts_with(place) ? verdict.message.find(": ", place.size() - 1) : std::string::npos;
    return refused + printable(says == std::string::npos ? verdict.message : verdict.message.substr(says + 2));
  }
  return verdict.outcome == RowOutcome::skip && verdict.message.starts_with(refused) ? verdict.message : "";
}

struct Shown {
  std::string name;
  Golden golden;
  bool has_settings = true;           // not where enrichment refuses: nothing is in force
  std::map<std::string, bool> cells;  // by name: those the run has, tried or not; and whether they are on procfs or sysfs
};

// A case whose claim is an error has no rows: enrichment refuses it, or the plan does, whatever the kernel is.
void add_claimed_refusal(const CaseRun& run, Shown* shown) {
  shown->name = run.source.name;
  shown->has_settings = !run.error;
  if (shown->has_settings) shown->golden.settings = settings_of(run.effective);
  for (int abi = oldest_abi; abi <= newest_abi; ++abi) {
    if (!run.source.plan_abis.contains(abi)) continue;
    std::optional<Error> error = run.error;
    if (!error)
      if (Result<Plan> plan = compile(run.effective, abi); !plan.ok()) error = plan.error();
    if (!error) continue;
    // Enrichment names the file that rejects, which is called otherwise elsewhere.
    const bool as_claimed = run.error && error->message.find(*run.source.error) != std::string::npos;
    for (const IdentityKind identity : run.source.identities)
      shown->golden.answers[{std::string(name(identity)), readiness_cell}][abi] = refused + (as_claimed ? printable(*run.source.error) : error->message);
  }
}

// By case, in the order of their names.
std::map<std::string, Shown> shown_by(const Run& run) {
  std::map<std::string, Shown> out;
  for (const JudgedRow& judged : run.rows) {
    const CaseRun& each = *judged.row.run;
    const RowVerdict& verdict = judged.verdict;
    const std::string refusal = refusal_of(judged);
    if (each.source.context.host.real || (verdict.cells.empty() && refusal.empty())) continue;
    Shown& shown = out[test_name(each.source.name)];
    shown.name = each.source.name;
    shown.golden.settings = settings_of(each.effective);
    for (const CellRequest& request : each.cells.cells) shown.cells.emplace(printable(cell_name(request)), is_of_the_kernel(request));
    const std::string identity(name(judged.row.identity));
    const int abi = judged.row.plan_abi;
    if (!refusal.empty()) {
      shown.golden.answers[{identity, readiness_cell}][abi] = refusal;
      continue;
    }
    const std::string why = verdict.readiness.why.empty() ? "" : ": " + printable(verdict.readiness.why);
    shown.golden.answers[{identity, readiness_cell}][abi] = std::string(name(verdict.readiness.is)) + why;
    for (std::size_t i = 0; i < verdict.cells.size(); ++i) {
      const CellVerdict& cell = verdict.cells[i];
      if (cell.verdict == Verdict::skip || cell.verdict == Verdict::error) continue;
      const CellRequest& request = each.cells.cells[i];
      if (is_the_machines(request, cell)) continue;
      shown.golden.answers[{identity, printable(cell_name(request))}][abi] = answer_of(request, cell);
    }
  }
  for (const JudgedClaims& claims : run.claims)
    if (const CaseRun& each = *claims.run; each.source.error && !each.source.context.host.real) add_claimed_refusal(each, &out[test_name(each.source.name)]);
  return out;
}

bool is_refused(const Golden& golden, const std::string& identity, int abi) {
  const auto words = golden.answers.find({identity, readiness_cell});
  if (words == golden.answers.end()) return false;
  const auto word = words->second.find(abi);
  return word != words->second.end() && word->second.starts_with(refused);
}

// A policy of one's own is named by its path; two whose names come out alike are told apart by the file's first line.
std::string file_of(const std::string& directory, const std::string& name) {
  std::string file = test_name(name);
  std::replace(file.begin(), file.end(), '/', '_');
  return directory + "/" + file + ".txt";
}

Result<std::optional<Golden>> load(const std::string& directory, const std::string& name) {
  const std::string file = file_of(directory, name);
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) return std::optional<Golden>();
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(file, file_limit));
  LOCKSTEP_ASSIGN(Golden golden, golden_from_text(text, name, file));
  return std::optional<Golden>(std::move(golden));
}

}  // namespace

std::string golden_to_text(const std::string& name, const Golden& golden) {
  std::string out = std::string(schema) + " " + name + "\n\nreadiness\n";
  // Cells with the same answers, by the identities that have them.
  std::map<std::string, std::map<std::string, std::string>> patterns;  // cell, pattern -> identities
  for (const auto& [key, answers] : golden.answers) {
    const auto& [identity, cell] = key;
    if (cell == readiness_cell) {
      std::map<std::string, std::set<int>> words;
      for (const auto& [abi, word] : answers) words[word].insert(abi);
      for (const auto& [word, abis] : words) out += "  " + identity + " " + ranges(abis) + ": " + word + "\n";
      continue;
    }
    std::string& identities = patterns[cell][pattern(answers)];
    identities += (identities.empty() ? "" : ", ") + identity;
  }
  if (!golden.settings.empty()) out += "\n" + std::string(settings_heading) + "\n";
  for (const auto& [key, value] : golden.settings) out += "  " + key + ": " + value + "\n";
  std::map<std::string, std::vector<std::string>> headings;
  for (const auto& [cell, by_pattern] : patterns)
    for (const auto& [text, identities] : by_pattern) headings[identities + ": " + text].push_back(cell);
  for (const auto& [heading, cells] : headings) {
    out += "\n" + heading + "\n";
    for (const std::string& cell : cells) out += "  " + cell + "\n";
  }
  return out;
}

Result<Golden> golden_from_text(const std::string& text, const std::string& name, const std::string& file) {
  Golden out;
  std::istringstream in(text);
  std::string heading;
  int number = 0;
  const auto fail = [&](const std::string& message) { return input_error(file, number, message + ": write the file by --update"); };
  std::vector<std::string> identities;
  std::map<int, std::string> answers;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (number == 1) {
      if (line != std::string(schema) + " " + name) return fail("the first line must be \"" + std::string(schema) + " " + printable(name) + "\"");
    } else if (line.empty()) {
      heading.clear();
    } else if (!line.starts_with("  ")) {
      heading = line;
      if (heading == readiness_cell || heading == settings_heading) continue;
      const std::size_t colon = heading.find(": ");
      if (colon == std::string::npos) return fail("a heading names identities and answers, as \"user: EACCES 1-7\"");
      identities = split(heading.substr(0, colon), ", ");
      answers.clear();
      for (const std::string& part : split(heading.substr(colon + 2), ", ")) {
        const std::size_t space = part.rfind(' ');
        const std::optional<std::set<int>> abis = space == std::string::npos ? std::nullopt : read_ranges(part.substr(space + 1));
        if (!abis) return fail("an answer is followed by its plan ABIs, as \"EACCES 1-7\"");
        for (const int abi : *abis)
          if (!answers.emplace(abi, part.substr(0, space)).second) return fail("plan ABI " + std::to_string(abi) + " has two answers");
      }
    } else if (heading == settings_heading) {
      const std::size_t colon = line.find(": ");
      const std::string key = line.substr(2, colon == std::string::npos ? colon : colon - 2);
      const auto known = default_settings().find(key);
      if (colon == std::string::npos || known == default_settings().end() || known->second == line.substr(colon + 2))
        return fail("a setting that is not at its default is written as \"run_as_user: nobody\"");
      if (!out.settings.emplace(key, line.substr(colon + 2)).second) return fail(key + " is set twice");
    } else if (heading == readiness_cell) {
      const std::size_t colon = line.find(": "), space = line.find(' ', 2);
      const bool shaped = colon != std::string::npos && space < colon;
      const std::optional<std::set<int>> abis = shaped ? read_ranges(line.substr(space + 1, colon - space - 1)) : std::nullopt;
      if (!abis) return fail("readiness is written as \"user 1-7: ready\"");
      for (const int abi : *abis)
        if (!out.answers[{line.substr(2, space - 2), readiness_cell}].emplace(abi, line.substr(colon + 2)).second)
          return fail("plan ABI " + std::to_string(abi) + " has two words");
    } else if (!heading.empty()) {
      for (const std::string& identity : identities)
        for (const auto& [abi, word] : answers)
          if (!out.answers[{identity, line.substr(2)}].emplace(abi, word).second) return fail(printable(line.substr(2)) + " has two answers as " + printable(identity));
    } else {
      return fail("a cell without a heading");
    }
  }
  if (number == 0) return fail("the file is empty");
  return out;
}

Result<GoldenResult> check_golden(const Run& run, const std::string& directory) {
  GoldenResult out;
  for (const auto& [key, shown] : shown_by(run)) {
    LOCKSTEP_ASSIGN(const std::optional<Golden> golden, load(directory, shown.name));
    if (!golden) {
      out.differences.push_back(shown.name + ": there is no " + file_of(directory, shown.name) + ": --update writes it");
      continue;
    }
    const auto say = [&out, &who = shown.name](const GoldenKey& what, int abi, const std::string& was, const std::string& is) {
      out.differences.push_back(who + ": " + what.second + " as " + what.first + " at plan ABI " + std::to_string(abi) + ": " + was + ", " + is);
    };
    if (shown.has_settings)
      for (const std::string& each : setting_differences(golden->settings, shown.golden.settings)) out.differences.push_back(shown.name + ": " + each);
    // A newer kernel's plan ABIs, or another identity: there is nothing yet to hold them against.
    std::set<std::pair<std::string, int>> held;
    for (const auto& [what, answers] : golden->answers)
      for (const auto& [abi, word] : answers) held.emplace(what.first, abi);
    for (const auto& [what, answers] : shown.golden.answers) {
      const auto known = golden->answers.find(what);
      for (const auto& [abi, word] : answers) {
        // Where the files were written, procfs may have lacked it.
        const bool lacked = known == golden->answers.end() && what.second != readiness_cell && shown.cells.at(what.second);
        if (lacked || !held.contains({what.first, abi})) {
          ++out.unknown;
          continue;
        }
        ++out.compared;
        if (what.second != readiness_cell && is_refused(*golden, what.first, abi)) continue;  // the word of readiness says it
        const auto was = known == golden->answers.end() ? std::map<int, std::string>::const_iterator() : known->second.find(abi);
        if (known == golden->answers.end() || was == known->second.end()) {
          say(what, abi, "not in the golden file", word + " now");
        } else if (was->second != word) {
          say(what, abi, was->second + " before", word + " now");
        }
      }
    }
    std::set<std::string> gone;
    for (const auto& [what, answers] : golden->answers)
      if (what.second != readiness_cell && !shown.cells.empty() && !shown.cells.contains(what.second)) gone.insert(what.second);
    for (const std::string& cell : gone) out.differences.push_back(shown.name + ": " + cell + " is in the golden file, and no row tries it any more");
  }
  return out;
}

Result<std::size_t> update_golden(const Run& run, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return input_error(directory, 0, "the directory cannot be made: " + error.message());
  const std::map<std::string, Shown> all = shown_by(run);
  for (const auto& [key, shown] : all) {
    LOCKSTEP_ASSIGN(std::optional<Golden> golden, load(directory, shown.name));
    Golden merged;
    // What this run did not show is kept, but for cells that are no more.
    merged.settings = shown.golden.settings;
    if (golden)
      for (const auto& [what, answers] : golden->answers)
        if (what.second == readiness_cell || shown.cells.contains(what.second)) merged.answers[what] = answers;
    for (const auto& [what, answers] : shown.golden.answers)
      for (const auto& [abi, word] : answers) merged.answers[what][abi] = word;
    for (auto& [what, answers] : merged.answers)
      if (what.second != readiness_cell) std::erase_if(answers, [&, &who = what.first](const auto& answer) { return is_refused(merged, who, answer.first); });
    std::erase_if(merged.answers, [](const auto& entry) { return entry.second.empty(); });
    const std::string file = file_of(directory, shown.name), temporary = file + ".new";
    std::ofstream out(temporary, std::ios::trunc | std::ios::binary);
    out << golden_to_text(shown.name, merged) << std::flush;
    const bool written = static_cast<bool>(out);
    out.close();
    if (!written || std::rename(temporary.c_str(), file.c_str()) != 0) {
      const int err = errno;
      std::remove(temporary.c_str());
      return system_error(err, "write(\"" + printable(file) + "\")");
    }
  }
  return all.size();
}

}  // namespace lockstep::conformance
