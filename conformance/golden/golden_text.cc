// Golden differences for people: what belongs together in a line, what widened first.
#include <map>
#include <set>
#include <tuple>

#include "conformance/golden/golden.h"
#include "conformance/report/ranges.h"

namespace lockstep::conformance::golden {
namespace {

// Of a place whose answers went the same way.
struct Group {
  std::set<std::string> cells, sentences;
  std::map<std::string, std::set<int>> abis;  // by identity
  std::set<std::string> was, is;
  AccessSet rights;
};

std::string joined(const std::set<std::string>& words, std::string_view separator) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : std::string(separator)) + word;
  return out;
}

const char* sign(Change change) {
  switch (change) {
    case Change::widened:
      return "widened   ";
    case Change::added:
      return "new       ";
    case Change::narrowed:
      return "narrowed  ";
    case Change::other:
      break;
  }
  return "changed   ";
}

// "as user at plan ABI 1-7", once for all identities that have the same ones.
std::string rows_of(const std::map<std::string, std::set<int>>& by_identity) {
  std::map<std::string, std::set<std::string>> identities;
  for (const auto& [identity, abis] : by_identity) identities[report::ranges(abis)].insert(identity);
  std::string out;
  for (const auto& [abis, who] : identities)
    out += (out.empty() ? "as " : ", as ") + joined(who, ", ") + " at plan ABI " + abis;
  return out;
}

}  // namespace

std::string golden_text(const GoldenResult& result, const GoldenScope& scope) {
  std::map<std::tuple<Change, std::string, std::string>, Group> groups;
  std::map<Change, std::set<std::string>> plain;
  for (const GoldenDifference& each : result.differences) {
    if (each.place.empty()) {
      plain[each.change].insert(each.sentence);
      continue;
    }
    Group& group = groups[{each.change, each.case_name, each.place}];
    group.cells.insert(each.cell);
    group.sentences.insert(each.sentence);
    group.abis[each.identity].insert(each.abi);
    group.was.insert(each.was);
    group.is.insert(each.is);
    group.rights |= each.rights;
  }
  std::string out;
  for (const std::string& each : result.found_as) out += "golden    " + each + "\n";
  for (const Change change : {Change::widened, Change::added, Change::other, Change::narrowed}) {
    for (const auto& [key, group] : groups) {
      const auto& [kind, case_name, place] = key;
      if (kind != change) continue;
      out += sign(change);
      if (group.sentences.size() == 1) {
        out += *group.sentences.begin() + "\n";
        continue;
      }
      const std::string rights = join_names(group.rights, ", ");
      out += case_name + ": " + place + (rights.empty() ? "" : ": " + rights) + ": " + joined(group.was, ", ") +
             " before, " + joined(group.is, ", ") + " now, " + std::to_string(group.sentences.size()) + " answers " +
             rows_of(group.abis) + ": " + joined(group.cells, ", ") + "\n";
    }
    for (const std::string& sentence : plain[change]) out += sign(change) + sentence + "\n";
  }
  out += "golden    " + std::to_string(result.compared) + " answers held against " + scope.directory + ", " +
         std::to_string(result.differences.size()) + " differ";
  if (result.unknown > 0)
    out += "; " + std::to_string(result.unknown) +
           " of plan ABIs or files that the golden files do not have: --update adds them";
  return out + "\n";
}

}  // namespace lockstep::conformance::golden
