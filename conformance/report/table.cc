// The table of policy x plan ABI: one line a policy and a column an ABI, or, where the terminal is too narrow for that,
// the ABIs of each word below the policy's name.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <lockstep/abi.h>

#include "conformance/report/ranges.h"
#include "conformance/report/report.h"

namespace lockstep::conformance::report {
namespace {

constexpr std::size_t column = 10;

struct Tally {
  std::size_t rows = 0, agree = 0, disagree = 0, error = 0, skip = 0, cells = 0;
  bool refused = false;  // as the case claims
  bool simulated = false;
  bool no_gpu = false;  // the host has none: of a fixture nothing else need be said
  bool own_policy = false;
  gpu::Readiness readiness = gpu::Readiness::ready;  // of the most blocked identity, with its reason
  gpu::Readiness best = gpu::Readiness::blocked;     // of the least blocked
  std::string why;
};

// The most blocked row of an entry speaks for it.
int severity(gpu::Readiness readiness) {
  switch (readiness) {
    case gpu::Readiness::ready:
      return 0;
    case gpu::Readiness::degraded:
      return 1;
    case gpu::Readiness::unknown:
      return 2;
    case gpu::Readiness::blocked_elsewhere:
      return 3;
    case gpu::Readiness::blocked:
      break;
  }
  return 4;
}

std::string pad(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string mark(const Tally& tally) {
  if (tally.rows == 0) return "-";
  if (tally.error > 0) return "ERROR";
  if (tally.disagree > 0) return "DISAGREE";
  if (tally.skip == tally.rows) return "skip";
  if (tally.refused) return "refused";
  switch (tally.readiness) {
    case gpu::Readiness::ready:
      return "ready";
    case gpu::Readiness::degraded:
      return "degraded";
    case gpu::Readiness::blocked:
      return "blocked";
    case gpu::Readiness::unknown:
      return "unknown";
    case gpu::Readiness::blocked_elsewhere:
      break;
  }
  return tally.no_gpu ? "no GPU" : "elsewhere";
}

std::string paint(const std::string& text, const std::string& word, bool color) {
  if (!color) return text;
  const char* code = word == "ready"                         ? "32"
                     : word == "DISAGREE" || word == "ERROR" ? "1;31"
                     : word == "blocked"                     ? "33"
                                                             : "2";
  return std::string("\x1b[") + code + "m" + text + "\x1b[0m";
}

using ByAbi = std::map<int, Tally>;

std::map<std::string, ByAbi> tally_up(const Run& run) {
  std::map<std::string, ByAbi> table;
  for (const JudgedRow& judged : run.rows) {
    Tally& tally = table[printable(judged.row.run->source.name)][judged.row.plan_abi];
    const judge::RowVerdict& verdict = judged.verdict;
    ++tally.rows;
    tally.cells += verdict.cells.size();
    tally.agree += verdict.outcome == judge::RowOutcome::agree ? 1 : 0;
    tally.disagree += verdict.outcome == judge::RowOutcome::disagree ? 1 : 0;
    tally.error += verdict.outcome == judge::RowOutcome::error ? 1 : 0;
    tally.skip += verdict.outcome == judge::RowOutcome::skip ? 1 : 0;
    tally.simulated = !judged.row.run->source.context.host.real;
    tally.no_gpu = judged.row.run->source.context.host.gpu == GpuKind::none;
    tally.own_policy = judged.row.run->source.own_policy;
    tally.refused = judged.row.run->source.refusal.has_value() || verdict.outcome == judge::RowOutcome::refused;
    if (severity(verdict.readiness.is) < severity(tally.best)) tally.best = verdict.readiness.is;
    if (severity(verdict.readiness.is) > severity(tally.readiness)) {
      tally.readiness = verdict.readiness.is;
      tally.why = verdict.readiness.why + " (as " + std::string(wire::name(judged.row.identity)) + ")";
    }
  }
  return table;
}

// "21/21 rows, 3990 cells, simulated"
std::string counts(const ByAbi& row) {
  std::size_t cells = 0, agreeing = 0, rows = 0;
  for (const auto& [abi, tally] : row) {
    cells += tally.cells;
    agreeing += tally.agree;
    rows += tally.rows;
  }
  return std::to_string(agreeing) + "/" + std::to_string(rows) + " rows, " + std::to_string(cells) + " cells, " +
         (row.begin()->second.simulated ? "simulated" : "real");
}

// Of the first ABI at which it is as blocked as it gets; empty where nothing need be said.
std::string reason(const ByAbi& row) {
  const Tally* worst = nullptr;
  for (const auto& [abi, tally] : row)
    if (worst == nullptr || severity(tally.readiness) > severity(worst->readiness)) worst = &tally;
  const bool plain = worst == nullptr || worst->readiness == gpu::Readiness::ready ||
                     (worst->no_gpu && !worst->own_policy && worst->readiness == gpu::Readiness::blocked_elsewhere);
  if (plain) return "";
  // Whom it concerns is said where it does not concern everybody.
  const bool everybody = worst->best == worst->readiness;
  return printable(everybody ? worst->why.substr(0, worst->why.rfind(" (as ")) : worst->why);
}

// "ready in plan 1-2, blocked in plan 3-7"
std::string words(const ByAbi& row, bool color) {
  std::vector<std::pair<std::string, std::set<int>>> of_words;
  for (const auto& [abi, tally] : row) {
    const std::string word = mark(tally);
    const auto same =
        std::find_if(of_words.begin(), of_words.end(), [&](const auto& each) { return each.first == word; });
    (same == of_words.end() ? of_words.emplace_back(word, std::set<int>()) : *same).second.insert(abi);
  }
  std::string out;
  for (const auto& [word, abis] : of_words)
    out += (out.empty() ? "" : ", ") + paint(word, word, color) + " in plan " + ranges(abis);
  return out;
}

}  // namespace

std::string render_table(const Run& run, bool color, std::size_t width) {
  const std::map<std::string, ByAbi> table = tally_up(run);
  std::size_t names = 4;
  std::set<int> abis;
  for (const auto& [case_name, row] : table) {
    names = std::max(names, case_name.size());
    for (const auto& [abi, tally] : row) abis.insert(abi);
  }
  constexpr std::size_t counts_room = 36;
  const bool narrow = width != 0 && names + 2 + column * abis.size() + counts_room > width;
  const std::string kernel = "on kernel ABI " + std::to_string(run.kernel.abi) + "\n";
  std::string out = narrow ? "case, and what it is in the plan of which ABI, " + kernel : pad("case", names) + "  ";
  for (const int abi : narrow ? std::set<int>() : abis) out += pad("plan " + std::to_string(abi), column);
  if (!narrow) out += " " + kernel;
  for (const auto& [case_name, row] : table) {
    const std::string why = reason(row);
    if (narrow) {
      out +=
          case_name + "\n  " + words(row, color) + "; " + counts(row) + "\n" + (why.empty() ? "" : "  " + why + "\n");
      continue;
    }
    const std::size_t line = out.size();
    out += pad(case_name, names) + "  ";
    std::size_t invisible = 0;
    for (const int abi : abis) {
      const auto found = row.find(abi);
      const std::string word = found == row.end() ? "-" : mark(found->second);
      const std::string painted = paint(pad(word, column), word, color);
      invisible += painted.size() - column;
      out += painted;
    }
    out += " " + counts(row);
    const bool fits = width == 0 || out.size() - line - invisible + 2 + why.size() <= width;
    out += (why.empty() ? "" : fits ? "  " : "\n    ") + why + "\n";
  }
  return out;
}

}  // namespace lockstep::conformance::report
