#include "conformance/report/findings.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "conformance/report/untried.h"

namespace lockstep::conformance::report {
namespace {

bool meets(gpu::Readiness is, gpu::Readiness required) {
  return static_cast<int>(is) <= static_cast<int>(required);
}

// A row that was skipped, or refused as its case claims, has shown nothing: it cannot be what is required.
std::string missed(const judge::RowVerdict& verdict, gpu::Readiness required) {
  const std::string wanted = std::string(gpu::name(required)) + " is required, and ";
  if (verdict.by_model)
    return wanted + "by the model alone the row is " + std::string(gpu::name(verdict.by_model->is)) +
           (verdict.by_model->why.empty() ? "" : ": " + verdict.by_model->why);
  if (verdict.outcome == judge::RowOutcome::skip) return wanted + "the row was skipped: " + verdict.message;
  if (verdict.cells.empty()) return wanted + "the policy is refused";
  if (verdict.outcome == judge::RowOutcome::agree && meets(verdict.readiness.is, required)) return "";
  return wanted + "the row is " + std::string(gpu::name(verdict.readiness.is)) +
         (verdict.readiness.why.empty() ? "" : ": " + verdict.readiness.why);
}

void add_rows(const Run& run, const Required& required, std::vector<Finding>* out) {
  for (const JudgedRow& judged : run.rows) {
    const judge::RowVerdict& verdict = judged.verdict;
    const int code = verdict.outcome == judge::RowOutcome::error      ? 4
                     : verdict.outcome == judge::RowOutcome::refused  ? 2
                     : verdict.outcome == judge::RowOutcome::disagree ? 1
                                                                      : 0;
    if (code != 0)
      out->push_back({judged.row.name(), code,
                      std::string(judge::name(verdict.outcome)) +
                          (verdict.message.empty() ? "" : ": " + verdict.message) +
                          (code == 1 ? " (" + std::to_string(verdict.disagreed) + " cells disagree)" : "")});
    if (!required.readiness) continue;
    // What the model alone says can miss a requirement, and never meet it.
    const bool untried = verdict.by_model && meets(verdict.by_model->is, *required.readiness);
    if (std::string why = missed(verdict, *required.readiness); !why.empty())
      out->push_back({judged.row.name(), untried ? 3 : 1, std::move(why)});
  }
}

std::string percent(std::size_t part, std::size_t whole) {
  return std::to_string(whole == 0 ? 0 : part * 100 / whole) + "%";
}

std::string counted(std::size_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

// "0.9" as "90%".
std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g%%", share * 100);
  return text.data();
}

std::string untried_text(const Run& run) {
  std::map<std::string, std::size_t> causes;
  for (const JudgedRow& judged : run.rows)
    if (judged.verdict.outcome == judge::RowOutcome::skip && judged.verdict.why_skipped == judge::SkipReason::here)
      ++causes[cause_of(run, judged)];
  std::vector<std::pair<std::size_t, std::string>> sorted;
  for (const auto& [cause, rows] : causes) sorted.emplace_back(rows, cause);
  std::sort(sorted.rbegin(), sorted.rend());
  constexpr std::size_t shown = 2;
  std::string out;
  std::size_t rest = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i < shown) out += "; not tried: " + counted(sorted[i].first, "row") + ": " + printable(sorted[i].second);
    if (i >= shown) rest += sorted[i].first;
  }
  return out + (rest > 0 ? "; and " + counted(rest, "row") + " more for other reasons (above)" : "");
}

}  // namespace

Tried tried(const Run& run) {
  Tried out;
  for (const JudgedRow& judged : run.rows) {
    const bool skipped = judged.verdict.outcome == judge::RowOutcome::skip;
    if (skipped && judged.verdict.why_skipped == judge::SkipReason::plan_refused) {
      ++out.refused_plans;
    } else if (skipped && judged.verdict.why_skipped == judge::SkipReason::identity) {
      ++out.without_identity;
    } else {
      ++out.planned;
      out.judged += skipped ? 0 : 1;
    }
  }
  return out;
}

std::vector<Finding> findings_of(const Run& run, const Required& required) {
  std::vector<Finding> out;
  add_rows(run, required, &out);
  for (const JudgedClaims& claims : run.claims)
    for (const std::string& difference : claims.differences)
      out.push_back({judge::claims_test(*claims.run), 1, difference});
  // What a refused row shows is the refusal itself; and claims can fail without any row.
  const bool shown = std::any_of(run.rows.begin(), run.rows.end(), [](const JudgedRow& judged) {
    const judge::RowVerdict& verdict = judged.verdict;
    return verdict.outcome != judge::RowOutcome::skip &&
           (verdict.cells.empty() || verdict.agreed + verdict.disagreed > 0);
  });
  const Tried share = tried(run);
  if (!shown && (!run.rows.empty() || run.claims.empty() || required.readiness)) {
    out.push_back({tried_test, 3, "nothing was shown: no row could be tried"});
  } else if (!share.enough(required.tried)) {
    out.push_back({tried_test, 3,
                   counted(share.judged, "row") + " of " + std::to_string(share.planned) + " tried, " +
                       percent(share.judged, share.planned) + " of them: --min-tried asks " + percent(required.tried)});
  }
  return out;
}

int exit_code(const std::vector<Finding>& findings) {
  for (const int code : {4, 2, 1, 3})
    if (std::any_of(findings.begin(), findings.end(), [code](const Finding& each) { return each.code == code; }))
      return code;
  return 0;
}

std::string conclusion(const Run& run, const Required& required, const std::vector<Finding>& findings) {
  const int code = exit_code(findings);
  const Tried share = tried(run);
  const Totals sum = totals(run);
  std::string out =
      "verdict   " + (code == 0 ? std::string("green") : "not green, exit " + std::to_string(code)) + ": ";
  out += std::to_string(share.judged) + " of " + counted(share.planned, "row") + " tried";
  if (share.judged < share.planned)
    out += " (" + percent(share.judged, share.planned) + ", " + percent(required.tried) + " required)";
  std::size_t claims = 0;
  for (const JudgedClaims& each : run.claims) claims += each.differences.empty() ? 0 : 1;
  const std::array<std::pair<std::size_t, const char*>, 4> kinds = {{{sum.rows_disagree, "disagree"},
                                                                     {sum.rows_error, "failed in the harness"},
                                                                     {sum.rows_refused, "refused"},
                                                                     {claims, "cases not as claimed"}}};
  if (share.judged > 0 && sum.rows_agree == share.judged) out += share.judged == 1 ? ", it agrees" : ", all agree";
  for (const auto& [number, what] : kinds)
    if (number > 0) out += ", " + std::to_string(number) + " " + what;
  if (required.readiness) {
    const auto misses = [&](const JudgedRow& judged) { return !missed(judged.verdict, *required.readiness).empty(); };
    const auto number = static_cast<std::size_t>(std::count_if(run.rows.begin(), run.rows.end(), misses));
    out += "; required " + std::string(gpu::name(*required.readiness)) + ": ";
    out += run.rows.empty() ? "no row" : number == 0 ? "met" : "missed by " + counted(number, "row");
    // A policy that asks for more than an old plan ABI has.
    const auto untried = [&](const JudgedRow& judged) {
      return judged.verdict.by_model && meets(judged.verdict.by_model->is, *required.readiness);
    };
    if (const auto by_model = std::count_if(run.rows.begin(), run.rows.end(), untried); by_model > 0)
      out += " (" + std::to_string(by_model) + " of them so by the model alone)";
    if (number > 0 && share.refused_plans > 0)
      out += " (a plan that is refused is not: --abi native asks about this kernel's own)";
  }
  out += untried_text(run);
  if (share.without_identity > 0)
    out += "; not planned: " + counted(share.without_identity, "row") + " as somebody who cannot be had here";
  if (share.refused_plans > 0)
    out += "; " + counted(share.refused_plans, "row") + " of plans that the policy itself refuses";
  // The first of each: the others stand above.
  std::set<std::string> told = {tried_test};
  for (const Finding& each : findings)
    if (each.test.starts_with(std::string(run_suite) + ".") && told.insert(each.test).second)
      out += "; " + printable(each.message);
  return out;
}

}  // namespace lockstep::conformance::report
