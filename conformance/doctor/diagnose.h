// One policy on this machine, as every identity that can be had: runs its rows through the workers, reads readiness and
// cells from the judge, and names the layer behind each step that fails.
//
//   LOCKSTEP_ASSIGN(std::vector<Diagnosis> all, diagnose(workers, run, machine, identities, denials));
//   all[0].readiness.is; all[0].steps[0].finding.remedy;
//
// It decides nothing about a policy itself: a step passes where the row says so.
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_DIAGNOSE_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_DIAGNOSE_H_

#include <optional>
#include <string>
#include <vector>

#include <lockstep/error.h>

#include "conformance/doctor/cuda.h"
#include "conformance/doctor/denials.h"
#include "conformance/doctor/facts.h"
#include "conformance/doctor/layers.h"
#include "conformance/harness/workers.h"
#include "conformance/judge/row.h"
#include "conformance/judge/verdict.h"
#include "gpu/steps.h"

namespace lockstep {
struct ContextFlags;
}

namespace lockstep::conformance::doctor {

struct StepDiagnosis {
  gpu::Step step;
  std::string path;
  int control = 0, observed = 0;
  Finding finding;
};

struct CudaDiagnosis {
  bool called = false;  // libcuda.so.1 was found by at least one of the two children
  CudaAnswer without, under;
  std::optional<Finding> finding;  // where one of them failed
};

struct Diagnosis {
  wire::IdentityKind identity = wire::IdentityKind::user;
  int plan_abi = 0;
  judge::RowOutcome outcome = judge::RowOutcome::error;
  std::string message;
  gpu::ReadinessVerdict readiness;
  std::size_t steps_passed = 0;
  std::vector<StepDiagnosis> steps;  // those that fail, in the order of the start-up
  CudaDiagnosis cuda;
  std::vector<std::string> disagreements;  // cells in which the witnesses differ
};

Surroundings surroundings_of(const Machine& machine);

Result<std::vector<Diagnosis>> diagnose(harness::Workers& workers, const judge::CaseRun& run, const Machine& machine,
                                        const std::vector<wire::IdentityKind>& identities, Denials& denials);

// A policy on this machine; an empty file is the built-in default.
Result<judge::CaseRun> policy_on_this_machine(const std::string& file, const ContextFlags& flags);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_DIAGNOSE_H_
