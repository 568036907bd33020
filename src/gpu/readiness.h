// Readiness: whether the GPU's runtime would start under a policy, from what each step of its start-up answered.
//
//   ReadinessVerdict verdict = conclude(steps_of(host), answers, false);
//   verdict.is == Readiness::blocked;  verdict.why;  // "comm needs write_file on /proc/<pid>/task/<tid>/comm"
//   for (const DeniedStep& step : verdict.denied) ... step.breaks ...
//
// The first fatal step that fails is the one that blocks. A step that could not be tried leaves readiness unknown,
// unless a fatal step fails anyway: nothing unknown is ready. Pure: the answers may be the kernel's or the model's.
#ifndef LOCKSTEP_GPU_READINESS_H_
#define LOCKSTEP_GPU_READINESS_H_

#include <optional>
#include <string>
#include <vector>

#include <lockstep/access_set.h>

#include "gpu/steps.h"

namespace lockstep::gpu {

enum class Readiness { ready, degraded, blocked, blocked_elsewhere, unknown };
std::string_view name(Readiness readiness);
// Empty for "unknown" too: nobody can claim or require that.
std::optional<Readiness> readiness_from_name(std::string_view name);

// What one step answered, as errnos; 0: it worked.
struct StepAnswer {
  bool tried = false;
  int control = 0;        // without the policy
  int under = 0;          // under it
  bool landlock = false;  // the model denies it: `missing` says what is lacking
  AccessSet missing;
};

// A step that fails, and what breaks by it.
struct DeniedStep {
  std::string id;
  std::string path;
  Importance importance = Importance::fatal;  // here: the loss of one GPU among others is degraded
  Certainty certainty = Certainty::source;
  std::string breaks;
  std::string what;        // "comm needs write_file on /proc/..."
  bool elsewhere = false;  // it fails without the policy as well
  AccessSet missing;
  std::string grant_path;  // where a policy grants what is missing: a socket's directory, /proc for comm, else the path
};

struct ReadinessVerdict {
  Readiness is = Readiness::ready;
  std::string why;  // empty where ready
  std::optional<Readiness> expected;
  std::vector<DeniedStep> denied = {};  // harmless ones too
};

// What the model says of a plan ABI that this kernel is too old to enforce.
struct PredictedReadiness {
  int plan_abi = 0;
  ReadinessVerdict verdict;
};

// `answers` is parallel to `steps`. `promoted_on_gpu_hosts`: this host has no GPU, and on a host with one enrichment
// would make /proc writable. A denied comm write is then not the policy's fault.
ReadinessVerdict conclude(const std::vector<Step>& steps, const std::vector<StepAnswer>& answers,
                          bool promoted_on_gpu_hosts);

}  // namespace lockstep::gpu

#endif  // LOCKSTEP_GPU_READINESS_H_
