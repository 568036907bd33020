#include "conformance/golden/golden_shown.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include <lockstep/abi.h>
#include <lockstep/plan.h>

#include "conformance/golden/golden_settings.h"

namespace lockstep::conformance::golden {
namespace {

constexpr char refused[] = "refused: ";

// The answer that is kept of a cell. Of a survey how many files opened is the machine's: whether any did is not.
std::string answer_of(const wire::CellRequest& request, const judge::RowVerdict& verdict, std::size_t i) {
  if (request.survey) {
    const auto special = verdict.special.find(i);
    return special != verdict.special.end() && special->second.ret > 0 ? "some" : "none";
  }
  const judge::CellVerdict& cell = verdict.cells[i];
  return cell.observed == 0 ? "allow" : errno_name(cell.observed);
}

bool is_of_the_kernel(const wire::CellRequest& request) {
  return is_below(request.path, "/proc") || is_below(request.path, "/sys");
}

// Whether the answer is the machine's: what its procfs and sysfs lack or keep closed, and what an identity may not do
// there anyway (a device node made in a user namespace, say). The policy decides nothing then.
bool is_the_machines(const wire::CellRequest& request, const judge::CellVerdict& cell) {
  if (is_of_the_kernel(request)) return cell.control != 0;
  return cell.control == EPERM || cell.control == EACCES || cell.control == EROFS;
}

// What stands for a row's cells where nobody was restricted because the policy, or its plan, is refused; else nothing.
std::string refusal_of(const report::JudgedRow& judged) {
  const judge::RowVerdict& verdict = judged.verdict;
  if (!verdict.cells.empty()) return "";
  if (verdict.outcome == judge::RowOutcome::agree && judged.row.run->source.refusal)
    return refused + printable(*judged.row.run->source.refusal);
  if (verdict.outcome == judge::RowOutcome::refused) {
    // Not the line: a comment above it is no change.
    const std::string place = judged.row.run->source.policy.file + ":";
    const std::size_t says =
        verdict.message.starts_with(place) ? verdict.message.find(": ", place.size() - 1) : std::string::npos;
    return refused + printable(says == std::string::npos ? verdict.message : verdict.message.substr(says + 2));
  }
  return verdict.outcome == judge::RowOutcome::skip && verdict.message.starts_with(refused) ? verdict.message : "";
}

// An ordinary user in a namespace of its own is one; of a case that has none, it is nobody else.
std::string identity_of(const report::JudgedRow& judged) {
  const std::vector<wire::IdentityKind>& has = judged.row.run->source.identities;
  const bool stands_in = judged.row.identity == wire::IdentityKind::self &&
                         std::count(has.begin(), has.end(), wire::IdentityKind::user) > 0;
  return std::string(wire::name(stands_in ? wire::IdentityKind::user : judged.row.identity));
}

// A sweep's own file is of its directory; that, of the rule that covers it.
std::string place_of(const wire::CellRequest& request, const EffectivePolicy& policy) {
  if (request.path.empty()) return printable(judge::cell_name(request));
  const std::string path = request.path.substr(0, request.path.find("/sweep"));
  std::string best;
  for (const EffectiveRule& rule : policy.rules)
    if (rule.path.size() > best.size() && is_below(path, rule.path)) best = rule.path;
  return printable(best.empty() ? path : best);
}

ShownCell shown_cell(const wire::CellRequest& request, const EffectivePolicy& policy) {
  const std::string full = printable(judge::cell_name(request));
  std::string what(name(request.operation));
  if (request.actor != Actor::self) what += " by " + std::string(name(request.actor));
  return {is_of_the_kernel(request), place_of(request, policy), request.path.empty() ? full : what};
}

// A case whose claim is an error has no rows: enrichment refuses it, or the plan does, whatever the kernel is.
void add_claimed_refusal(const judge::CaseRun& run, Shown* shown) {
  shown->name = run.source.name;
  shown->run = &run;
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
    for (const wire::IdentityKind identity : run.source.identities)
      shown->golden.answers[{std::string(wire::name(identity)), readiness_cell}][abi] =
          refused + (as_claimed ? printable(*run.source.error) : error->message);
  }
}

// What a run has of one case.
struct OfCase {
  std::vector<const report::JudgedRow*> rows;
  std::vector<const judge::CaseRun*> claims;  // of refusals
};

void add_answers(const report::JudgedRow& judged, const std::vector<std::string>& names, Shown* shown) {
  const judge::RowVerdict& verdict = judged.verdict;
  const std::string identity = identity_of(judged);
  const int abi = judged.row.plan_abi;
  shown->tests[{identity, abi}] = judged.row.name();
  std::string& readiness = shown->golden.answers[{identity, readiness_cell}][abi];
  readiness = refusal_of(judged);
  if (!readiness.empty()) return;
  const std::string why = verdict.readiness.why.empty() ? "" : ": " + printable(verdict.readiness.why);
  readiness = std::string(gpu::name(verdict.readiness.is)) + why;
  for (std::size_t i = 0; i < verdict.cells.size(); ++i) {
    const judge::CellVerdict& cell = verdict.cells[i];
    if (cell.verdict == judge::Verdict::skip || cell.verdict == judge::Verdict::error) continue;
    const wire::CellRequest& request = judged.row.run->cells.cells[i];
    if (is_the_machines(request, cell)) continue;
    const GoldenKey key{identity, names[i]};
    shown->golden.answers[key][abi] = answer_of(request, verdict, i);
    shown->rights[key][abi] = cell.observed == 0 ? cell.needed : cell.missing;
  }
}

Shown shown_of(const OfCase& of) {
  Shown out;
  std::vector<std::string> names;  // of the cells
  for (const report::JudgedRow* judged : of.rows) {
    const judge::CaseRun& each = *judged->row.run;
    if (out.run != &each) {
      names.clear();
      for (const wire::CellRequest& request : each.cells.cells) names.push_back(printable(judge::cell_name(request)));
      out.golden.settings = settings_of(each.effective);
    }
    if (out.run == nullptr)
      for (std::size_t i = 0; i < names.size(); ++i)
        out.cells.emplace(names[i], shown_cell(each.cells.cells[i], each.effective));
    out.name = each.source.name;
    out.run = &each;
    add_answers(*judged, names, &out);
  }
  for (const judge::CaseRun* each : of.claims) add_claimed_refusal(*each, &out);
  return out;
}

}  // namespace

Result<void> for_each_shown(const report::Run& run, const std::function<Result<void>(const Shown&)>& see) {
  std::map<std::string, OfCase> cases;
  for (const report::JudgedRow& judged : run.rows)
    if (!judged.row.run->source.context.host.real && (!judged.verdict.cells.empty() || !refusal_of(judged).empty()))
      cases[judge::test_name(judged.row.run->source.name)].rows.push_back(&judged);
  for (const report::JudgedClaims& claims : run.claims)
    if (const judge::CaseRun& each = *claims.run; each.source.error && !each.source.context.host.real)
      cases[judge::test_name(each.source.name)].claims.push_back(&each);
  for (const auto& [key, of] : cases) LOCKSTEP_CHECK(see(shown_of(of)));
  return {};
}

bool is_refused(const Golden& golden, const std::string& identity, int abi) {
  const auto words = golden.answers.find({identity, readiness_cell});
  if (words == golden.answers.end()) return false;
  const auto word = words->second.find(abi);
  return word != words->second.end() && word->second.starts_with(refused);
}

bool has_row(const judge::Case& source, const std::string& identity, int abi) {
  const auto same = [&](wire::IdentityKind kind) { return wire::name(kind) == identity; };
  return (same(wire::IdentityKind::self) || std::any_of(source.identities.begin(), source.identities.end(), same)) &&
         source.plan_abis.contains(abi);
}

}  // namespace lockstep::conformance::golden
