// What a person sees: one line a policy, a column an ABI, then what needs attention and nothing else.
#include <algorithm>
#include <map>
#include <set>

#include <lockstep/abi.h>

#include "conformance/report/ranges.h"
#include "conformance/report/report.h"
#include "conformance/report/upgrades.h"

namespace lockstep::conformance::report {
namespace {

constexpr std::size_t disagreements_shown = 20;

std::string answer(const std::optional<int>& err) {
  return !err ? "-" : *err == 0 ? "allow" : errno_name(*err);
}

const char* advice(judge::Witness lone) {
  switch (lone) {
    case judge::Witness::observed:
      return "the kernel did something else than both: the enforcement or the kernel is at fault";
    case judge::Witness::predicted:
      return "the model is alone: the model is wrong, or a kernel quirk is not in it yet";
    case judge::Witness::expected:
      return "the case is alone: its expectation is wrong";
    default:
      return "nobody can be named: write the expectation down in a case";
  }
}

void render_disagreements(const Run& run, std::string& out) {
  std::size_t shown = 0, hidden = 0;
  for (const JudgedRow& judged : run.rows) {
    const judge::RowVerdict& verdict = judged.verdict;
    if (verdict.outcome == judge::RowOutcome::error)
      out += "error     " + printable(judged.row.name()) + "  " + printable(verdict.message) + "\n";
    if (verdict.outcome != judge::RowOutcome::disagree) continue;
    if (!verdict.message.empty())
      out += "disagree  " + printable(judged.row.name()) + "  " + printable(verdict.message) + "\n";
    for (std::size_t i = 0; i < verdict.cells.size(); ++i) {
      const judge::CellVerdict& cell = verdict.cells[i];
      if (cell.verdict != judge::Verdict::disagree) continue;
      if (++shown > disagreements_shown) {
        ++hidden;
        continue;
      }
      if (judged.row.run->cells.cells[i].operation == Operation::cu_init) {
        out += "disagree  " + printable(judged.row.name()) + "  cu-init  " + printable(cell.decided.text()) + "\n";
        continue;
      }
      out += "disagree  " + printable(judged.row.name()) + "  " +
             printable(judge::cell_name(judged.row.run->cells.cells[i])) + "  expected " + answer(cell.expected) +
             ", predicted " + answer(cell.predicted) + ", observed " + answer(cell.observed) + " (control " +
             answer(cell.control) + ")  alone: " + std::string(judge::name(cell.lone)) + "; " + cell.decided.text() +
             "; " + advice(cell.lone) + "\n";
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
  if (const std::size_t at = path.find(sibling); at != std::string::npos)
    path.replace(at, sibling.size(), "<another pid>");
  return printable(path);
}

// Of a user's own policy, at the newest plan ABI that was run: what was left out of it, and what it opens that nobody
// needs.
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
    if (judged.verdict.outcome == judge::RowOutcome::refused) say("refused   " + judged.verdict.message);
    const EffectivePolicy& effective = judged.row.run->effective;
    for (const Notice& notice : effective.notices)
      say((notice.level == Notice::Level::info ? "notice    " : "warning   ") + file + ": " + notice.message);
    if (const Result<Plan> plan = compile(effective, newest); plan.ok())
      for (const Promotion& each : plan->promotions) say("notice    " + file + ": " + promotion_text(each, plan->abi));
    for (const PolicyWarning& warning : effective.warnings)
      say("warning   " + file + ":" + std::to_string(warning.line) + ": " + warning.message);
    if (const Result<Plan> plan = compile(effective, newest); plan.ok())
      for (const Missing& each : plan->dropped)
        say("dropped   " + file + ": " + std::string(each.feature->name) +
            (each.path.empty() ? "" : " on " + printable(each.path)) + " is of ABI " +
            std::to_string(each.feature->first_abi) + ", the plan of ABI " + std::to_string(newest) + ": " +
            std::string(each.feature->unprotected));
    for (const SkippedPath& skipped : judged.verdict.skipped_paths)
      say("warning   " + file + ":" + std::to_string(skipped.line) + ": " + printable(skipped.path) +
          " cannot be opened (" + skipped.reason + "): nothing below it is granted");
    std::string wide;
    for (std::size_t i = 0; i < judged.verdict.cells.size(); ++i)
      if (judged.row.run->cells.info[i].too_wide && judged.verdict.cells[i].observed == 0)
        wide += (wide.empty() ? "" : ", ") + shown_path(judged.row.run->cells.cells[i].path);
    if (!wide.empty())
      say("too wide  " + file + ": " + std::string(wire::name(judged.row.identity)) +
          " opens for writing, and CUDA needs none of it: " + wide);
  }
}

// What the real cuInit gave, a line for each answer of each case.
void render_cuda(const Run& run, std::string& out) {
  std::map<std::string, std::size_t> answers;
  for (const JudgedRow& judged : run.rows) {
    const std::vector<judge::CellVerdict>& cells = judged.verdict.cells;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (judged.row.run->cells.cells[i].operation != Operation::cu_init ||
          cells[i].verdict == judge::Verdict::disagree)
        continue;
      const bool skipped = cells[i].verdict == judge::Verdict::skip;
      ++answers[(skipped ? "skipped   cu-init: " : "cu-init   " + judged.row.run->source.name + ": ") +
                cells[i].decided.text()];
    }
  }
  for (const auto& [answer, rows] : answers) out += printable(answer) + ", " + std::to_string(rows) + " rows\n";
}

// What somebody wrote down and nobody could try, in rows that stand by their other cells.
void render_untried(const Run& run, std::string& out) {
  std::map<std::string, std::size_t> untried;
  for (const JudgedRow& judged : run.rows) {
    const std::vector<judge::CellVerdict>& cells = judged.verdict.cells;
    for (std::size_t i = 0; i < cells.size() && judged.verdict.outcome != judge::RowOutcome::skip; ++i)
      if (cells[i].verdict == judge::Verdict::skip && cells[i].expected)
        ++untried[judged.row.run->source.name + ": " + judge::cell_name(judged.row.run->cells.cells[i]) +
                  ": expected " + answer(cells[i].expected) + ", " + cells[i].decided.text()];
  }
  for (const auto& [what, rows] : untried)
    out += "untried   " + printable(what) + ", " + std::to_string(rows) + " rows\n";
}

// Of hosts that could not be laid out here: what the model says instead, by case. Of the fixtures that is no answer
// anybody asked for.
void render_by_model(const Run& run, std::string& out) {
  std::map<std::string, std::map<std::string, std::set<int>>> said;
  for (const JudgedRow& judged : run.rows) {
    if (!judged.verdict.by_model || !judged.row.run->source.own_policy) continue;
    const gpu::ReadinessVerdict& is = *judged.verdict.by_model;
    said[judged.row.run->source.name][std::string(gpu::name(is.is)) + (is.why.empty() ? "" : ": " + is.why)].insert(
        judged.row.plan_abi);
  }
  for (const auto& [case_name, answers] : said)
    for (const auto& [answer, abis] : answers)
      out += "by model  " + printable(case_name) + " in plan " + ranges(abis) + ": " + printable(answer) +
             " (no kernel was asked: the host cannot be laid out here)\n";
}

}  // namespace

std::string render(const Run& run, bool color, bool steps, std::size_t width) {
  std::string out = render_table(run, color, width) + "\n";
  std::map<std::string, std::size_t> skips;
  for (const JudgedRow& judged : run.rows)
    if (judged.verdict.outcome == judge::RowOutcome::skip) ++skips[judged.verdict.message];
  render_own_policies(run, out);
  out += render_steps(run, steps);
  out += render_upgrades(run, steps);
  render_by_model(run, out);
  render_disagreements(run, out);
  render_cuda(run, out);
  render_untried(run, out);
  for (const auto& [reason, rows] : skips)
    out += "skipped   " + std::to_string(rows) + " rows: " + printable(reason) + "\n";
  const Totals sum = totals(run);
  out += std::to_string(sum.rows) + " rows: " + std::to_string(sum.rows_agree) + " agree, " +
         std::to_string(sum.rows_disagree) + " disagree, " + std::to_string(sum.rows_skipped) + " skipped, " +
         std::to_string(sum.rows_error) + " errors" +
         (sum.rows_refused > 0 ? ", " + std::to_string(sum.rows_refused) + " refused" : "") + "; " +
         std::to_string(sum.cells) + " cells: " + std::to_string(sum.agree) + " agree (" +
         std::to_string(sum.three_witnesses) + " with three witnesses), " + std::to_string(sum.disagree) +
         " disagree, " + std::to_string(sum.not_comparable) + " not comparable, " + std::to_string(sum.skipped) +
         " unsupported" + (sum.untried > 0 ? ", " + std::to_string(sum.untried) + " of them expected" : "") + "\n";
  return out;
}

}  // namespace lockstep::conformance::report
