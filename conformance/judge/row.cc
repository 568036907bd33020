#include "conformance/judge/row.h"

#include <algorithm>

#include <lockstep/abi.h>

namespace lockstep::conformance::judge {
namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string out = "[";
  for (const std::string& part : parts) out += (out.size() > 1 ? " " : "") + printable(part);
  return out + "]";
}

void compare(const char* what, const std::vector<std::string>& expected, const std::vector<std::string>& observed,
             std::vector<std::string>& out) {
  if (expected != observed)
    out.push_back(std::string(what) + ": expected " + join(expected) + ", got " + join(observed));
}

Result<EffectivePolicy> enrich_as(const Case& source, const Subject& subject) {
  LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(source.policy, source.context));
  if (subject.after_enrich) subject.after_enrich(effective);
  return effective;
}

}  // namespace

Result<CaseRun> prepare_case(Case source) {
  CaseRun out;
  Result<EffectivePolicy> effective = enrich(source.policy, source.context);
  out.source = std::move(source);
  if (!effective.ok()) {
    // A refusal nobody expects is bad input; one the case claims is checked as a claim.
    if (!out.source.error) return std::move(effective).error();
    out.error = std::move(effective).error();
    return out;
  }
  out.effective = std::move(effective).value();
  for (const Policy& policy : out.source.stacked) {
    LOCKSTEP_ASSIGN(EffectivePolicy more, enrich(policy, out.source.context));
    out.stacked.push_back(std::move(more));
  }
  LOCKSTEP_ASSIGN(out.cells, plan_cells(out.source, out.effective));
  return out;
}

// In GoogleTest's filters a hyphen starts what is left out, and a colon stands between two.
std::string test_name(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '-', '_');
  std::replace(out.begin(), out.end(), ':', '_');
  return out;
}

std::string claims_test(const CaseRun& run) {
  return test_name(run.source.name) + ".claims";
}

std::string Row::name() const {
  return test_name(run->source.name) + ".abi" + std::to_string(plan_abi) + "/" + test_name(wire::name(identity));
}

wire::IdentityKind stand_in_for(wire::IdentityKind wanted, const wire::Identities& here) {
  const bool no_user = wanted == wire::IdentityKind::user && !here.missing_for(wanted).empty();
  return !here.privileged || no_user ? wire::IdentityKind::self : wanted;
}

std::vector<Row> rows_of(const CaseRun& run, AbiSet abis, const wire::Identities& here) {
  std::vector<Row> rows;
  if (run.source.error) return rows;  // its claim is a refusal: nothing to restrict
  std::vector<wire::IdentityKind> identities = run.source.identities;
  if (!here.privileged) identities.clear();
  const bool has_user =
      std::count(run.source.identities.begin(), run.source.identities.end(), wire::IdentityKind::user) > 0;
  const bool has_self = std::count(identities.begin(), identities.end(), wire::IdentityKind::self) > 0;
  if (!here.privileged ||
      (has_user && !has_self && stand_in_for(wire::IdentityKind::user, here) == wire::IdentityKind::self))
    identities.push_back(wire::IdentityKind::self);
  for (int abi = oldest_abi; abi <= newest_abi; ++abi) {
    if (!abis.contains(abi) || !run.source.plan_abis.contains(abi)) continue;
    for (wire::IdentityKind identity : identities) rows.push_back({&run, abi, identity});
  }
  return rows;
}

Result<wire::RowRequest> make_request(const Row& row, const Subject& subject) {
  const CaseRun& run = *row.run;
  LOCKSTEP_ASSIGN(const EffectivePolicy effective, enrich_as(run.source, subject));
  LOCKSTEP_ASSIGN(Plan plan, compile(effective, row.plan_abi));
  if (subject.after_compile) subject.after_compile(plan);

  wire::RowRequest request;
  request.name = row.name();
  request.id = stable_hash(request.name);
  request.identity = row.identity;
  request.simulated = !run.source.context.host.real;
  request.bind_sys = run.cells.bind_sys;
  request.tree = run.cells.tree;
  request.network = run.cells.network;
  request.plans.push_back(std::move(plan));
  for (const EffectiveRule& rule : run.effective.rules) request.view_paths.push_back(rule.path);
  for (const EffectivePolicy& more : run.stacked) {
    LOCKSTEP_ASSIGN(Plan on_top, compile(more, row.plan_abi));
    if (subject.after_compile_of_stacked) subject.after_compile_of_stacked(on_top);
    request.plans.push_back(std::move(on_top));
    for (const EffectiveRule& rule : more.rules) request.view_paths.push_back(rule.path);
  }
  request.cells = run.cells.cells;
  request.enforcement = subject.enforcement;
  return request;
}

std::vector<std::string> check_claims(const CaseRun& run, const Subject& subject) {
  std::vector<std::string> out;
  const Case& source = run.source;
  const Result<EffectivePolicy> effective = enrich_as(source, subject);
  if (source.error) {
    std::optional<Error> refusal;
    if (!effective.ok()) {
      refusal = effective.error();
    } else {
      for (int abi = oldest_abi; abi <= newest_abi && !refusal; ++abi) {
        if (!source.plan_abis.contains(abi)) continue;
        if (Result<Plan> plan = compile(*effective, abi); !plan.ok()) refusal = plan.error();
      }
    }
    if (!refusal) {
      out.push_back("expected a refusal with \"" + *source.error + "\", got none");
    } else if (refusal->to_string().find(*source.error) == std::string::npos) {
      out.push_back("expected a refusal with \"" + *source.error + "\", got: " + refusal->to_string());
    }
    return out;
  }
  if (!effective.ok()) return {"refused: " + effective.error().to_string()};
  if (source.read_only) compare("read_only", *source.read_only, effective->read_only(), out);
  if (source.read_write) compare("read_write", *source.read_write, effective->read_write(), out);
  if (source.notices) {
    std::vector<std::string> codes;
    for (const Notice& notice : effective->notices) codes.push_back(notice.code);
    std::sort(codes.begin(), codes.end());
    std::vector<std::string> expected = *source.notices;
    std::sort(expected.begin(), expected.end());
    compare("notices", expected, codes, out);
  }
  // The law that holds for every case: enriching the result again changes nothing.
  const Result<EffectivePolicy> again = enrich(as_policy(*effective), source.context);
  if (!again.ok()) {
    out.push_back("enriching twice fails: " + again.error().to_string());
  } else {
    compare("read_only after enriching twice", effective->read_only(), again->read_only(), out);
    compare("read_write after enriching twice", effective->read_write(), again->read_write(), out);
  }
  return out;
}

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace lockstep::conformance::judge
