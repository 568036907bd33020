// What a person sees: one line a policy, a column an ABI, then what needs attention and nothing else.
#include <algorithm>
#include <map>
#include <set>

#include "conformance/report/report.h"
#include "conformance/report/upgrades.h"
#include "landlock/abi.h"
#include "policy/show.h"

namespace lockstep::conformance {
namespace {

constexpr std::size_t disagreements_shown = 20;

struct Tally {
  std::size_t rows = 0, agree = 0, disagree = 0, error = 0, skip = 0, cells = 0;
  bool refused = false;  // as the case claims
  bool simulated = false;
  bool no_gpu = false;  // the host has none: of a fixture nothing else need be said
  bool own_policy = false;
  Readiness readiness = Readiness::ready;  // of the most blocked identity, with its reason
  Readiness best = Readiness::blocked;     // of the least blocked
  std::string why;
};

// The most blocked row of an entry speaks for it.
int severity(Readiness readiness) {
  switch (readiness) {
    case Readiness::ready: return 0;
    case Readiness::degraded: return 1;
    case Readiness::unknown: return 2;
    case Readiness::blocked_elsewhere: return 3;
    case Readiness::blocked: break;
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
    case Readiness::ready: return "ready";
    case Readiness::degraded: return "degraded";
    case Readiness::blocked: return "blocked";
    case Readiness::unknown: return "unknown";
    case Readiness::blocked_elsewhere: break;
  }
  return tally.no_gpu ? "no GPU" : "elsewhere";
}

std::string paint(const std::string& text, const std::string& word, bool color) {
  if (!color) return text;
  const char* code = word == "ready" ? "32" : word == "DISAGREE" || word == "ERROR" ? "1;31" : word == "blocked" ? "33" : "2";
  return std::string("\x1b[") + code + "m" + text + "\x1b[0m";
}

std::string answer(const std::optional<int>& err) { return !err ? "-" : *err == 0 ? "allow" : errno_name(*err); }

const char* advice(Witness lone) {
  switch (lone) {
    case Witness::observed: return "the kernel did something else than both: the enforcement or the kernel is at fault";
    case Witness::predicted: return "the model is alone: the model is wrong, or a kernel quirk is not in it yet";
    case Witness::expected: return "the case is alone: its expectation is wrong";
    default: return "nobody can be named: write the expectation down in a case";
  }
}

void render_disagreements(const Run& run, std::string& out) {
  std::size_t shown = 0, hidden = 0;
  for (const JudgedRow& judged : run.rows) {
    const RowVerdict& verdict = judged.verdict;
    if (verdict.outcome == RowOutcome::error) out += "error     " + printable(judged.row.name()) + "  " + printable(verdict.message) + "\n";
    if (verdict.outcome != RowOutcome::disagree) continue;
    if (!verdict.message.empty()) out += "disagree  " + printable(judged.row.name()) + "  " + printable(verdict.message) + "\n";
    for (std::size_t i = 0; i < verdict.cells.size(); ++i) {
      const CellVerdict& cell = verdict.cells[i];
      if (cell.verdict != Verdict::disagree) continue;
      if (++shown > disagreements_shown) {
        ++hidden;
        continue;
      }
      if (judged.row.run->cells.cells[i].operation == Operation::cu_init) {
        out += "disagree  " + printable(judged.row.name()) + "  cu-init  " + printable(cell.decided) + "\n";
        continue;
      }
      out += "disagree  " + printable(judged.row.name()) + "  " + printable(cell_name(judged.row.run->cells.cells[i])) +
             "  expected " + answer(cell.expected) + ", predicted " + answer(cell.predicted) + ", observed " +
             answer(cell.observed) + " (control " + answer(cell.control) + ")  alone: " + std::string(name(cell.lone)) +
             "; " + cell.decided + "; " + advice(cell.lone) + "\n";
    }
  }
  if (hidden > 0) out += "... and " + std::to_string(hidden) + " more: see the report (--report FILE)\n";
  for (const JudgedClaims& claims : run.claims)
    for (const std::string& difference : claims.differences)
      out += "disagree  " + printable(claims.run->source.name) + "  " + printable(difference) + "  alone: observed\n";
}

// As a person would write it: the sibling stands for any other process of the same user.
std::string shown_path(std::string path) {
  constexpr std::string_view sibling = "$sibling";
  if (const std::size_t at = path.find(sibling); at != std::string::npos) path.replace(at, sibling.size(), "<another pid>");
  return printable(path);
}

// Of a user's own policy, at the newest plan ABI that was run: what was left out of it, and what it opens that nobody needs.
void render_own_policies(const Run& run, std::string& out) {
  int newest = 0;
  for (const JudgedRow& judged : run.rows) newest = std::max(newest, judged.row.plan_abi);
  std::set<std::string> said;
  const auto say = [&](const std::string& line) {
    if (said.insert(line).second) out += line + "\n";  // once, not for each identity
  };
  for (const JudgedRow& judged : run.rows) {
    if (!judged.row.run->source.own_policy || judged.row.plan_abi != newest) continue;
    const std::string file = printable(judged.row.run->source.file);
    if (judged.verdict.outcome == RowOutcome::refused) say("refused   " + judged.verdict.message);
    const EffectivePolicy& effective = judged.row.run->effective;
    for (const Notice& notice : effective.notices)
      say((notice.level == Notice::Level::info ? "notice    " : "warning   ") + file + ": " + notice.message);
    if (const Result<Plan> plan = compile(effective, newest); plan.ok())
      for (const Promotion& each : plan->promotions) say("notice    " + file + ": " + promotion_text(each, plan->abi));
    for (const PolicyWarning& warning : effective.warnings)
      say("warning   " + file + ":" + std::to_string(warning.line) + ": " + warning.message);
    if (const Result<Plan> plan = compile(effective, newest); plan.ok())
      for (const Missing& each : plan->dropped)
        say("dropped   " + file + ": " + std::string(each.feature->name) + (each.path.empty() ? "" : " on " + printable(each.path)) +
            " is of ABI " + std::to_string(each.feature->first_abi) + ", the plan of ABI " + std::to_string(newest) + ": " +
            std::string(each.feature->unprotected));
    for (const SkippedPath& skipped : judged.verdict.skipped_paths)
      say("warning   " + file + ":" + std::to_string(skipped.line) + ": " + printable(skipped.path) + " cannot be opened (" +
          skipped.reason + "): nothing below it is granted");
    std::string wide;
    for (std::size_t i = 0; i < judged.verdict.cells.size(); ++i)
      if (judged.row.run->cells.info[i].too_wide && judged.verdict.cells[i].observed == 0)
        wide += (wide.empty() ? "" : ", ") + shown_path(judged.row.run->cells.cells[i].path);
    if (!wide.empty())
      say("too wide  " + file + ": " + std::string(name(judged.row.identity)) + " opens for writing, and CUDA needs none of it: " + wide);
  }
}

// What the real cuInit gave, a line for each answer of each case.
void render_cuda(const Run& run, std::string& out) {
  std::map<std::string, std::size_t> answers;
  for (const JudgedRow& judged : run.rows) {
    const std::vector<CellVerdict>& cells = judged.verdict.cells;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (judged.row.run->cells.cells[i].operation != Operation::cu_init || cells[i].verdict == Verdict::disagree) continue;
      const bool skipped = cells[i].verdict == Verdict::skip;
      ++answers[(skipped ? "skipped   cu-init: " : "cu-init   " + judged.row.run->source.name + ": ") + cells[i].decided];
    }
  }
  for (const auto& [answer, rows] : answers) out += printable(answer) + ", " + std::to_string(rows) + " rows\n";
}

// What somebody wrote down and nobody could try, in rows that stand by their other cells.
void render_untried(const Run& run, std::string& out) {
  std::map<std::string, std::size_t> untried;
  for (const JudgedRow& judged : run.rows) {
    const std::vector<CellVerdict>& cells = judged.verdict.cells;
    for (std::size_t i = 0; i < cells.size() && judged.verdict.outcome != RowOutcome::skip; ++i)
      if (cells[i].verdict == Verdict::skip && cells[i].expected)
        ++untried[judged.row.run->source.name + ": " + cell_name(judged.row.run->cells.cells[i]) + ": expected " +
                  answer(cells[i].expected) + ", " + cells[i].decided];
  }
  for (const auto& [what, rows] : untried) out += "untried   " + printable(what) + ", " + std::to_string(rows) + " rows\n";
}

}  // namespace

std::string render(const Run& run, bool color, bool steps) {
  std::map<std::string, std::map<int, Tally>> table;
  std::map<std::string, std::size_t> skips;
  std::size_t width = 4;
  AbiSet abis;
  for (const JudgedRow& judged : run.rows) {
    const std::string case_name = printable(judged.row.run->source.name);
    Tally& tally = table[case_name][judged.row.plan_abi];
    const RowVerdict& verdict = judged.verdict;
    ++tally.rows;
    tally.cells += verdict.cells.size();
    tally.agree += verdict.outcome == RowOutcome::agree ? 1 : 0;
    tally.disagree += verdict.outcome == RowOutcome::disagree ? 1 : 0;
    tally.error += verdict.outcome == RowOutcome::error ? 1 : 0;
    tally.skip += verdict.outcome == RowOutcome::skip ? 1 : 0;
    tally.simulated = !judged.row.run->source.context.host.real;
    tally.no_gpu = judged.row.run->source.context.host.gpu == GpuKind::none;
    tally.own_policy = judged.row.run->source.own_policy;
    tally.refused = judged.row.run->source.refusal.has_value() || verdict.outcome == RowOutcome::refused;
    if (verdict.outcome == RowOutcome::skip) ++skips[verdict.message];
    if (severity(verdict.readiness.is) < severity(tally.best)) tally.best = verdict.readiness.is;
    if (severity(verdict.readiness.is) > severity(tally.readiness)) {
      tally.readiness = verdict.readiness.is;
      tally.why = verdict.readiness.why + " (as " + std::string(name(judged.row.identity)) + ")";
    }
    width = std::max(width, case_name.size());
    abis.add(judged.row.plan_abi);
  }

  std::string out = pad("case", width) + "  ";
  for (int abi = oldest_abi; abi <= newest_abi; ++abi)
    if (abis.contains(abi)) out += pad("plan " + std::to_string(abi), 10);
  out += " on kernel ABI " + std::to_string(run.kernel.abi) + "\n";
  for (const auto& [case_name, row] : table) {
    out += pad(case_name, width) + "  ";
    std::size_t cells = 0, agreeing = 0, rows = 0;
    const Tally* worst = nullptr;  // the first ABI at which it is as blocked as it gets
    for (int abi = oldest_abi; abi <= newest_abi; ++abi) {
      if (!abis.contains(abi)) continue;
      const auto found = row.find(abi);
      const std::string word = found == row.end() ? "-" : mark(found->second);
      out += paint(pad(word, 10), word, color);
      if (found == row.end()) continue;
      cells += found->second.cells;
      agreeing += found->second.agree;
      rows += found->second.rows;
      if (worst == nullptr || severity(found->second.readiness) > severity(worst->readiness)) worst = &found->second;
    }
    out += " " + std::to_string(agreeing) + "/" + std::to_string(rows) + " rows, " + std::to_string(cells) + " cells, " +
           (row.begin()->second.simulated ? "simulated" : "real");
    const bool plain = worst == nullptr || worst->readiness == Readiness::ready ||
                       (worst->no_gpu && !worst->own_policy && worst->readiness == Readiness::blocked_elsewhere);
    if (!plain) {
      // Whom it concerns is said where it does not concern everybody.
      const bool everybody = worst->best == worst->readiness;
      out += "  " + printable(everybody ? worst->why.substr(0, worst->why.rfind(" (as ")) : worst->why);
    }
    out += "\n";
  }
  out += "\n";
  render_own_policies(run, out);
  out += render_steps(run, steps);
  out += render_upgrades(run, steps);
  render_disagreements(run, out);
  render_cuda(run, out);
  render_untried(run, out);
  for (const auto& [reason, rows] : skips) out += "skipped   " + std::to_string(rows) + " rows: " + printable(reason) + "\n";
  const Totals sum = totals(run);
  out += std::to_string(sum.rows) + " rows: " + std::to_string(sum.rows_agree) + " agree, " + std::to_string(sum.rows_disagree) +
         " disagree, " + std::to_string(sum.rows_skipped) + " skipped, " + std::to_string(sum.rows_error) + " errors" +
         (sum.rows_refused > 0 ? ", " + std::to_string(sum.rows_refused) + " refused" : "") + "; " +
         std::to_string(sum.cells) + " cells: " + std::to_string(sum.agree) + " agree (" + std::to_string(sum.three_witnesses) +
         " with three witnesses), " + std::to_string(sum.disagree) + " disagree, " + std::to_string(sum.not_comparable) +
         " not comparable, " + std::to_string(sum.skipped) + " unsupported" +
         (sum.untried > 0 ? ", " + std::to_string(sum.untried) + " of them expected" : "") + "\n";
  return out;
}

}  // namespace lockstep::conformance
