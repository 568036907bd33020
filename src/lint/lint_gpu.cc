// Whether the GPU's runtime starts under the policy: the steps of gpu/steps.h, asked of the policy as readiness asks the kernel.
#include <algorithm>
#include <cerrno>

#include <lockstep/abi.h>

#include "gpu/readiness.h"
#include "lint/lint_subject.h"
#include "model/model.h"

namespace lockstep::lint::find {
namespace {

// The line of what the author wrote there.
int line_of(const Subject& subject, const std::string& path) {
  for (const Entry& entry : subject.entries)
    if (entry.path() == path) return entry.line();
  return subject.policy.filesystem_line;
}

model::FileType type_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::character:
      return model::FileType::character;
    case NodeKind::socket:
      return model::FileType::socket;
    case NodeKind::file:
      return model::FileType::regular;
    default:
      return model::FileType::directory;
  }
}

// What the model says that a step needs of an object.
AccessSet needs(const gpu::Step& step, NodeKind kind) {
  model::Model model({.abi = newest_abi});
  model.add_layer(model::rights_of_abi(newest_abi), {});
  const model::Walk walk{{{1, 2, type_of(kind)}, {1, 1, model::FileType::directory}}};
  return model.decide({.operation = step.operation, .mode = step.mode, .first = &walk}).needed;
}

// The policy on one host, by what its paths lead to.
class Ground {
 public:
  Ground(const EffectivePolicy& effective, const Host& host) : host_(host) {
    for (const EffectiveRule& rule : effective.rules)
      if (const Place place = at(rule.path); place.exists)
        rights_.add(place.leads_to, rule.rights(abi_info(newest_abi)->fs));
  }

  gpu::StepAnswer ask(const gpu::Step& step) const {
    const bool comm = step.operation == Operation::comm_open;  // of whatever process: a rule below /proc is for one
    Place place = at(comm ? "/proc" : step.path);
    if (!place.exists) return {true, ENOENT, ENOENT, false, {}};
    if (comm) place.kind = NodeKind::file;
    const AccessSet missing = needs(step, place.kind) - rights_.at(place.leads_to);
    return {true, 0, missing.empty() ? 0 : EACCES, !missing.empty(), missing};
  }

 private:
  // No host file lists what procfs has, nor sysfs where it names that alone.
  bool of_the_machine(const std::string& path) const {
    const auto below_sys = [](const HostEntry& each) { return each.path.starts_with("/sys/"); };
    return !host_.real &&
           (is_below(path, "/proc") || (is_below(path, "/sys") && host_.exists("/sys") &&
                                        std::none_of(host_.present.begin(), host_.present.end(), below_sys)));
  }
  Place at(const std::string& path) const {
    Place out = place_of(path, host_);
    if (out.exists || !of_the_machine(path)) return out;
    out.exists = true;
    return out;
  }

  const Host& host_;
  RightsByPath rights_;
};

const char* runtime_of(const Host& host) {
  return host.gpu == GpuKind::amd ? "ROCm" : host.gpu == GpuKind::intel ? "Intel" : "CUDA";
}

}  // namespace

void cuda_blocked(const Subject& subject, Report& report) {
  const Context& context = subject.options.context;
  if (context.gpu == Toggle::off) return;
  // A GPU that no baseline knows is there all the same, where it was not left out of the devices chosen.
  const bool here = subject.effective.gpu || (!context.cdi && context.host.gpu != GpuKind::none);
  if (!here && subject.refused_there) {
    report.add(subject.refused_there->line, "",
               "on a GPU host the policy is refused: " + subject.refused_there->message);
    return;
  }
  const Host host = here ? context.host : complete_host(subject.policy);
  const Ground ground(here ? subject.effective : *subject.complete, host);
  const std::vector<gpu::Step> steps = gpu::steps_of(host);
  std::vector<gpu::StepAnswer> answers;
  for (const gpu::Step& step : steps) answers.push_back(ground.ask(step));

  // One finding for each path, and one for the devices of which some must work.
  struct Blocked {
    const gpu::Step* step = nullptr;
    std::string path;
    AccessSet missing;
  };
  std::vector<Blocked> all;
  for (const gpu::DeniedStep& denied : gpu::conclude(steps, answers, false).denied) {
    if (denied.importance != gpu::Importance::fatal || denied.elsewhere) continue;
    const auto step =
        std::find_if(steps.begin(), steps.end(), [&](const gpu::Step& each) { return each.id == denied.id; });
    const auto same = std::find_if(all.begin(), all.end(), [&](const Blocked& each) {
      return each.path == denied.grant_path || (step->group != gpu::StepGroup::none && step->group == each.step->group);
    });
    if (same == all.end())
      all.push_back({&*step, denied.grant_path, denied.missing});
    else if (same->path == denied.grant_path)
      same->missing |= denied.missing;
  }
  for (const Blocked& each : all)
    report
        .add(line_of(subject, each.path), each.path,
             (here ? std::string() : "on a GPU host ") + runtime_of(host) + "'s step " + each.step->id +
                 " is denied: " + printable(each.path) + " lacks " + join_names(each.missing, ", ") + "; " +
                 (each.step->group == gpu::StepGroup::gpu ? "no device is left" : std::string(each.step->breaks)))
        .severity = here ? Severity::error : Severity::warning;
}

}  // namespace lockstep::lint::find
