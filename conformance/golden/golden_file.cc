#include "conformance/golden/golden_file.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <lockstep/abi.h>

#include "conformance/golden/golden_settings.h"
#include "conformance/judge/case.h"
#include "conformance/judge/row.h"
#include "conformance/report/ranges.h"
#include "syntax/document.h"

namespace lockstep::conformance::golden {
namespace {

constexpr char schema[] = "lockstep.golden/1";
constexpr char settings_heading[] = "settings";
constexpr char own_policy[] = "policy:";
constexpr std::size_t file_limit = 8U << 20;

std::optional<std::set<int>> read_ranges(const std::string& text) {
  const std::optional<judge::AbiSet> abis = judge::AbiSet::parse(text);
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
  for (const auto& [word, abis] : by_word) out += (out.empty() ? "" : ", ") + word + " " + report::ranges(abis);
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

// A policy of one's own is named by its path; two whose names come out alike are told apart by the file's first line.
std::string file_of(const std::string& directory, const std::string& name) {
  std::string file = judge::test_name(name);
  std::replace(file.begin(), file.end(), '/', '_');
  return directory + "/" + file + ".txt";
}

std::vector<std::string> components(const std::string& name) {
  return split(std::filesystem::path(name.substr(sizeof(own_policy) - 1)).lexically_normal().string(), "/");
}

// How many components of two paths agree from their ends, where one of them ends with the whole of the other; else 0.
std::size_t common_end(const std::string& a, const std::string& b) {
  std::vector<std::string> left = components(a), right = components(b);
  for (std::vector<std::string>* each : {&left, &right})
    if (each->front().empty()) each->erase(each->begin());  // of an absolute path
  const std::size_t shorter = std::min(left.size(), right.size());
  return std::equal(left.rbegin(), left.rbegin() + static_cast<std::ptrdiff_t>(shorter), right.rbegin()) ? shorter : 0;
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
      for (const auto& [word, abis] : words) out += "  " + identity + " " + report::ranges(abis) + ": " + word + "\n";
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
  const auto fail = [&](const std::string& message) {
    return input_error(file, number, message + ": write the file by --update");
  };
  std::vector<std::string> identities;
  std::map<int, std::string> answers;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (number == 1) {
      if (line != std::string(schema) + " " + name)
        return fail("the first line must be \"" + std::string(schema) + " " + printable(name) + "\"");
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
        const std::optional<std::set<int>> abis =
            space == std::string::npos ? std::nullopt : read_ranges(part.substr(space + 1));
        if (!abis) return fail("an answer is followed by its plan ABIs, as \"EACCES 1-7\"");
        for (const int abi : *abis)
          if (!answers.emplace(abi, part.substr(0, space)).second)
            return fail("plan ABI " + std::to_string(abi) + " has two answers");
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
      const std::optional<std::set<int>> abis =
          shaped ? read_ranges(line.substr(space + 1, colon - space - 1)) : std::nullopt;
      if (!abis) return fail("readiness is written as \"user 1-7: ready\"");
      for (const int abi : *abis)
        if (!out.answers[{line.substr(2, space - 2), readiness_cell}].emplace(abi, line.substr(colon + 2)).second)
          return fail("plan ABI " + std::to_string(abi) + " has two words");
    } else if (!heading.empty()) {
      for (const std::string& identity : identities)
        for (const auto& [abi, word] : answers)
          if (!out.answers[{identity, line.substr(2)}].emplace(abi, word).second)
            return fail(printable(line.substr(2)) + " has two answers as " + printable(identity));
    } else {
      return fail("a cell without a heading");
    }
  }
  if (number == 0) return fail("the file is empty");
  return out;
}

Result<std::vector<GoldenFile>> list_golden(const std::string& directory) {
  std::vector<GoldenFile> out;
  std::error_code error;
  const std::string start = std::string(schema) + " ";
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != ".txt") continue;
    std::ifstream in(entry->path(), std::ios::binary);
    std::string line;
    std::getline(in, line);
    if (line.starts_with(start)) out.push_back({entry->path().string(), line.substr(start.size())});
  }
  if (error) return input_error(directory, 0, "the directory cannot be read: " + error.message());
  std::sort(out.begin(), out.end(), [](const GoldenFile& a, const GoldenFile& b) { return a.path < b.path; });
  return out;
}

Result<GoldenFile> find_golden(const std::string& directory, const std::string& name) {
  GoldenFile exact{file_of(directory, name), name};
  if (::access(exact.path.c_str(), F_OK) == 0 || errno != ENOENT || !name.starts_with(own_policy)) return exact;
  LOCKSTEP_ASSIGN(const std::vector<GoldenFile> all, list_golden(directory));
  std::size_t longest = 0;
  std::vector<GoldenFile> best;
  for (const GoldenFile& each : all) {
    const std::size_t common = each.name.starts_with(own_policy) ? common_end(each.name, name) : 0;
    if (common == 0 || common < longest) continue;
    if (common > longest) best.clear();
    longest = common;
    best.push_back(each);
  }
  if (best.size() > 1)
    return input_error(directory, 0,
                       printable(name) + " may be " + printable(best[0].path) + " or " + printable(best[1].path) +
                           ": name the policy by a path that ends as one of them does");
  return best.empty() ? exact : best.front();
}

Result<std::optional<Golden>> load_golden(const GoldenFile& file) {
  if (::access(file.path.c_str(), F_OK) != 0 && errno == ENOENT) return std::optional<Golden>();
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(file.path, file_limit));
  LOCKSTEP_ASSIGN(Golden golden, golden_from_text(text, file.name, file.path));
  return std::optional<Golden>(std::move(golden));
}

}  // namespace lockstep::conformance::golden
