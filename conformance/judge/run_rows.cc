#include "conformance/judge/run_rows.h"

#include "conformance/judge/by_model.h"

namespace lockstep::conformance::judge {
namespace {

// How many rows a worker's requests are built for at once: bounds the memory, not the speed.
constexpr std::size_t batch_rows = 32;

}  // namespace

Result<std::vector<RowVerdict>> run_rows(harness::Workers& workers, const std::vector<Row>& rows,
                                         const Subject& subject, const KernelLandlock& kernel,
                                         const std::function<void()>& done) {
  std::vector<RowVerdict> verdicts(rows.size());
  for (std::size_t start = 0; start < rows.size(); start += batch_rows) {
    std::vector<wire::RowRequest> requests;
    std::vector<std::size_t> indices;
    for (std::size_t i = start; i < rows.size() && i < start + batch_rows; ++i) {
      Result<wire::RowRequest> request = make_request(rows[i], subject);
      if (!request.ok()) {
        // hard_requirement at an ABI that lacks a right: a refusal, as the policy asks. Shown, never a pass.
        verdicts[i].outcome = request.error().kind == ErrorKind::unsupported ? RowOutcome::skip : RowOutcome::error;
        verdicts[i].message = "refused: " + request.error().message;
        if (verdicts[i].outcome == RowOutcome::skip) verdicts[i].why_skipped = SkipReason::plan_refused;
        done();
        continue;
      }
      requests.push_back(std::move(request).value());
      indices.push_back(i);
    }
    LOCKSTEP_CHECK(workers.run(requests, [&](std::size_t i, const wire::RowReply& reply) {
      RowVerdict& verdict = verdicts[indices[i]] = judge(rows[indices[i]], reply, kernel);
      const bool nobody = !workers.hello().identities.missing_for(rows[indices[i]].identity).empty();
      if (verdict.outcome == RowOutcome::skip) verdict.why_skipped = nobody ? SkipReason::identity : SkipReason::here;
      if (verdict.why_skipped == SkipReason::here && verdict.cells.empty())
        verdict.by_model = readiness_by_model(rows[indices[i]], kernel);
      done();
    }));
  }
  return verdicts;
}

}  // namespace lockstep::conformance::judge
