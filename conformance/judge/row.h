// Rows: a case at one plan ABI as one identity, and the request that makes a worker run it.
//
//   std::vector<CaseRun> runs = ...prepare_case(each)...;
//   Row row{&run, 3, IdentityKind::user};
//   row.name();                                        // "gpu_default.abi3/user"
//   LOCKSTEP_ASSIGN(RowRequest request, make_request(row, subject));
//
// The subject decides what is enforced. The cells, and the walks that the model needs, come from the unbroken effective
// policy, whatever the subject is.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_ROW_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_ROW_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lockstep/error.h>
#include <lockstep/plan.h>

#include "conformance/judge/case.h"
#include "conformance/judge/cells.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::judge {

// Who is on trial: this library, or a mutant that transforms the output of one of its stages.
struct Subject {
  std::string name = "lockstep";
  std::function<void(EffectivePolicy&)> after_enrich;
  std::function<void(Plan&)> after_compile;
  std::function<void(Plan&)> after_compile_of_stacked;
  wire::Enforcement enforcement = wire::Enforcement::faithful;
};

// A case made ready: enriched once, its cells planned. Where enrichment refuses, `error` says so and there are no rows.
struct CaseRun {
  Case source;
  EffectivePolicy effective;
  std::vector<EffectivePolicy> stacked;
  std::optional<Error> error;
  CellPlan cells;
};

// Fails where the case itself is at fault (an expectation that cannot be run).
Result<CaseRun> prepare_case(Case source);

// A fixture's name, written so that GoogleTest's filters can take it.
std::string test_name(std::string_view text);

// The name of the GoogleTest test for what a case claims of enrichment.
std::string claims_test(const CaseRun& run);

struct Row {
  const CaseRun* run = nullptr;
  int plan_abi = 0;
  wire::IdentityKind identity = wire::IdentityKind::user;
  std::string name() const;
};

// Every row of the case among `abis`. An unprivileged run has the one identity `self`, which stands in for those of the
// case. Where root cannot become an ordinary user, `self` (root's number without its capabilities) stands in for
// `user`; the rows of `user` are then skipped, with what is missing.
std::vector<Row> rows_of(const CaseRun& run, AbiSet abis, const wire::Identities& here);
wire::IdentityKind stand_in_for(wire::IdentityKind wanted, const wire::Identities& here);

// The refusal of a plan (hard_requirement at too low an ABI) is the error.
Result<wire::RowRequest> make_request(const Row& row, const Subject& subject);

// Holds what the case claims of enrichment (expect_effective, expect_notices, expect_error) against what `subject`
// gives. One line for each difference; empty: all as claimed.
std::vector<std::string> check_claims(const CaseRun& run, const Subject& subject);

// FNV-1a: which shard a row is in does not depend on the other rows.
std::uint64_t stable_hash(std::string_view text);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_ROW_H_
