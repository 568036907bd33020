#include "gpu/readiness.h"

#include <algorithm>
#include <cerrno>

#include <lockstep/error.h>

namespace lockstep::gpu {
namespace {

std::string layer_of(int err) {
  switch (err) {
    case EROFS:
      return "a read-only mount (EROFS)";
    case ENOENT:
      return "a missing path (ENOENT)";
    case EPERM:
      return "seccomp or a missing capability (EPERM)";
    case EACCES:
      return "file permissions or another security module (EACCES)";
    default:
      return errno_name(err);
  }
}

bool is_comm(const Step& step) {
  return step.operation == Operation::comm_open;
}

std::string grant_path(const Step& step) {
  if (is_comm(step)) return "/proc";
  const std::string& path = step.path;
  return step.operation == Operation::connect_unix ? path.substr(0, path.rfind('/')) : path;
}

// Whether so many of the group work that the others are only themselves missing.
bool enough_work(StepGroup group, const std::vector<Step>& steps, const std::vector<StepAnswer>& answers) {
  if (group == StepGroup::none) return false;
  std::size_t members = 0, working = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].group != group) continue;
    ++members;
    working += answers[i].tried && answers[i].under == 0 ? 1 : 0;
  }
  return working >= std::min(needed(group), members);
}

DeniedStep denied(const Step& step, const StepAnswer& answer, Importance importance) {
  DeniedStep out{step.id,
                 is_comm(step) ? "/proc/<pid>/task/<tid>/comm" : step.path,
                 importance,
                 step.certainty,
                 std::string(step.breaks),
                 {},
                 answer.control != 0,
                 answer.missing,
                 grant_path(step)};
  if (out.elsewhere)
    out.what = step.id + ": " + layer_of(answer.control) + " on " + out.path;
  else if (answer.landlock)
    out.what = step.id + " needs " + join_names(answer.missing) + " on " + out.path;
  else
    out.what = step.id + " got " + errno_name(answer.under) + " on " + out.path;
  return out;
}

}  // namespace

ReadinessVerdict conclude(const std::vector<Step>& steps, const std::vector<StepAnswer>& answers,
                          bool promoted_on_gpu_hosts) {
  ReadinessVerdict out;
  std::string unknown;  // the first step that nobody could try
  std::string also;     // what the policy blocks besides, where something else blocks first
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    const StepAnswer& answer = answers[i];
    const bool enough = enough_work(step.group, steps, answers);
    const Importance importance =
        enough && step.importance == Importance::fatal ? Importance::degraded : step.importance;
    if (!answer.tried) {
      if (unknown.empty() && !enough && importance != Importance::harmless)
        unknown = step.id + " could not be tried" + (step.path.empty() ? "" : ": " + step.path);
      continue;
    }
    // The socket of a server that quit stays behind, and is as good as none.
    const bool gone =
        answer.control == ENOENT || (answer.control == ECONNREFUSED && step.operation == Operation::connect_unix);
    if (answer.under == 0 || (gone && step.optional)) continue;
    const DeniedStep failed = denied(step, answer, importance);
    const bool excused = promoted_on_gpu_hosts && is_comm(step);
    if (!excused) out.denied.push_back(failed);
    if (importance == Importance::harmless) continue;
    const Readiness is = importance == Importance::degraded ? Readiness::degraded
                         : failed.elsewhere                 ? Readiness::blocked_elsewhere
                                                            : Readiness::blocked;
    if (is == Readiness::blocked && also.empty() && !excused) also = failed.what;
    if (out.is == Readiness::ready || (out.is == Readiness::degraded && is != Readiness::degraded)) {
      out.is = is;
      out.why = failed.what;
    }
  }
  if (out.is == Readiness::blocked_elsewhere && !also.empty()) out.why += "; and by the policy: " + also;
  if (!unknown.empty() && (out.is == Readiness::ready || out.is == Readiness::degraded)) {
    out.is = Readiness::unknown;
    out.why = unknown;
  }
  return out;
}

std::string_view name(Readiness readiness) {
  switch (readiness) {
    case Readiness::ready:
      return "ready";
    case Readiness::degraded:
      return "degraded";
    case Readiness::blocked:
      return "blocked";
    case Readiness::unknown:
      return "unknown";
    case Readiness::blocked_elsewhere:
      break;
  }
  return "blocked-elsewhere";
}

std::optional<Readiness> readiness_from_name(std::string_view text) {
  for (Readiness each : {Readiness::ready, Readiness::degraded, Readiness::blocked, Readiness::blocked_elsewhere})
    if (name(each) == text) return each;
  return std::nullopt;
}

}  // namespace lockstep::gpu
