// What the doctor says: the machine once, then each policy as each identity. Text and JSON (lockstep.doctor/1) of the
// same values.
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_REPORT_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "conformance/doctor/diagnose.h"
#include "conformance/doctor/facts.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::doctor {

struct PolicyReport {
  std::string name;                  // the file as given, or "(built-in default)"
  std::vector<std::string> notices;  // what was done to the policy that its author did not write
  std::vector<Diagnosis> rows;
};

struct DoctorReport {
  Machine machine;
  std::string no_rows;                // why no policy could be tried at all; empty: they were
  std::vector<Finding> findings;      // of the machine, whatever the policy
  std::vector<std::string> appeared;  // nodes of NVIDIA's that came to be while CUDA was called
  std::string no_records;             // why the kernel's audit records could not be heard; empty: they were
  std::vector<PolicyReport> policies;
  std::vector<std::string> missing_identities;  // "container-root cannot be had: ..."
  std::optional<gpu::Readiness> require;
};

// What stops CUDA here under any policy, and without one.
std::vector<Finding> machine_findings(const Machine& machine);

// 0, 1 (a disagreement, a missed requirement), 2 (a policy refused), 3 (nothing could be shown), 4 (a row
// failed).
int exit_code(const DoctorReport& report);
bool meets(const DoctorReport& report, gpu::Readiness required);

std::string to_text(const DoctorReport& report);
std::string to_json(const DoctorReport& report);

// One word for a row: ready, degraded, blocked, elsewhere, no GPU, refused, skip, DISAGREE, ERROR.
std::string word(const Diagnosis& row, const Machine& machine);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_REPORT_H_
