// The report as a person reads it.
#include <cstdio>

#include <lockstep/effective.h>

#include "conformance/doctor/report.h"

namespace lockstep::conformance::doctor {
namespace {

std::string pad(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text + " ";
}

void line(std::string& out, const std::string& title, const std::string& text) {
  out += pad(title, 11) + text + "\n";
}

std::string seccomp_word(int mode) {
  return mode == 0 ? "none" : mode == 1 ? "strict" : mode == 2 ? "a filter" : "not known";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& each : words) out += (out.empty() ? "" : ", ") + each;
  return out.empty() ? "none" : out;
}

std::string describe(const Node& node) {
  char text[96];
  std::snprintf(text, sizeof(text), "%c %04o %u:%u", node.kind, node.mode, node.uid, node.gid);
  std::string out = pad(node.path, 26) + text;
  if (node.kind == 'c') out += ", device " + std::to_string(node.major) + ":" + std::to_string(node.minor);
  if (!node.is_nvidias()) out += ", not NVIDIA's device";
  return out + (node.opens == 0 ? ", opens" : ", does not open: " + errno_name(node.opens));
}

void machine_text(const Machine& machine, std::string& out) {
  line(out, "machine",
       "Linux " + machine.kernel + " " + machine.architecture + ", " +
           (machine.host.kernel ? "Landlock ABI " + std::to_string(machine.host.kernel->abi) + ", errata " +
                                      std::to_string(machine.host.kernel->errata)
                                : "no Landlock: " + machine.no_landlock));
  line(out, "modules",
       machine.security_modules.empty() ? "not known: /sys/kernel/security/lsm cannot be read"
                                        : machine.security_modules);
  line(out, "around us",
       (machine.layers ? std::to_string(*machine.layers) + " Landlock layers" : std::string("Landlock layers")) + " (" +
           machine.layers_how + "); seccomp: " + seccomp_word(machine.seccomp) +
           (machine.filtered.empty() ? "" : ", which denies " + joined(machine.filtered)) +
           "; no_new_privs: " + (machine.no_new_privs ? "yes" : "no") +
           "; confined by: " + (machine.confined_by.empty() ? "nothing that says so" : machine.confined_by));
  line(out, "identity",
       "uid " + std::to_string(machine.uid) + ", gid " + std::to_string(machine.gid) + ", capabilities " +
           machine.capabilities + " of " + machine.bounding +
           (machine.first_user_namespace ? "" : ", in a user namespace") + "; a user namespace " +
           machine.user_namespace);
  line(out, "procfs",
       (machine.procfs.empty() ? "not mounted on /proc" : machine.procfs) +
           (machine.own_procfs.kind == ProcfsKind::own
                ? ""
                : "; " + std::string(name(machine.own_procfs.kind)) + ": " + machine.own_procfs.why) +
           (machine.procfs_covered.empty() ? "" : "; over it: " + joined(machine.procfs_covered)));
  line(out, "container", joined(machine.container) + (machine.cgroup.empty() ? "" : "; cgroup " + machine.cgroup));
  line(out, "gpu",
       std::string(name(machine.host.gpu)) + ", driver " + (machine.driver.empty() ? "none" : machine.driver) +
           ", libcuda " +
           (machine.libcuda.empty() ? "none" : printable(machine.libcuda) + " (" + machine.libcuda_by + ")"));
  line(out, "beside it",
       "MIG: " + joined(machine.mig) + "; CDI: " + joined(machine.cdi) +
           "; NUMA nodes: " + std::to_string(machine.numa_nodes));
  for (const Node& node : machine.nodes) line(out, "node", describe(node));
  for (const std::string& each : unseen(machine)) line(out, "not seen", each);
}

bool is_judged(const Diagnosis& row) {
  return row.outcome == judge::RowOutcome::agree || row.outcome == judge::RowOutcome::disagree;
}

// One line for each identity.
std::string row_line(const Diagnosis& row, const Machine& machine) {
  std::string out = "  " + pad(std::string(wire::name(row.identity)), 15) + pad(word(row, machine), 9);
  if (!is_judged(row)) return out + printable(row.message) + "\n";
  out += std::to_string(row.steps_passed) + " steps of CUDA's start-up pass, " + std::to_string(row.steps.size()) +
         " fail";
  if (row.cuda.called)
    out += "; CUDA itself: " + row.cuda.without.text + " without the policy, " + row.cuda.under.text + " under it";
  return out + "\n";
}

std::string finding_text(const Finding& finding) {
  std::string layers;
  for (const Layer layer : finding.layers) layers += (layers.empty() ? "" : " or ") + std::string(name(layer));
  return layers + ": " + finding.sentence + "\n" +
         (finding.remedy.empty() ? "" : "          -> " + finding.remedy + "\n");
}

// What fails, below it. What nobody is known to miss is only counted: the JSON has it whole.
std::string steps_text(const Diagnosis& row) {
  std::string out, harmless, last, also;
  const auto end_of_step = [&] {
    if (!also.empty()) out += "          the same: " + also + "\n";
    also.clear();
  };
  for (const StepDiagnosis& step : row.steps) {
    if (step.step.importance == gpu::Importance::harmless) {
      harmless += (harmless.empty() ? "" : ", ") + step.step.id;
      continue;
    }
    const std::string said = finding_text(step.finding);
    if (said == last) {  // one cause, several ways to meet it
      also += (also.empty() ? "" : ", ") + step.step.id;
      continue;
    }
    end_of_step();
    last = said;
    out += "      " + pad(step.step.id, 24) + pad(errno_name(step.control != 0 ? step.control : step.observed), 7) +
           pad(std::string(gpu::name(step.step.importance)), 8) + said;
  }
  end_of_step();
  if (row.cuda.finding) out += "      " + pad("CUDA itself", 40) + finding_text(*row.cuda.finding);
  if (!harmless.empty()) out += "      no failure is known without: " + harmless + "\n";
  for (const std::string& each : row.disagreements) out += "      disagree  " + each + "\n";
  return out;
}

// Identities that fail in the same steps for the same reasons share what is said of them.
void policy_text(const PolicyReport& policy, const Machine& machine, std::string& out) {
  out += "\npolicy " + printable(policy.name) + "\n";
  for (const std::string& each : policy.notices) out += "  notice: " + each + "\n";
  for (std::size_t i = 0; i < policy.rows.size(); ++i) {
    out += row_line(policy.rows[i], machine);
    const std::string steps = steps_text(policy.rows[i]);
    if (i + 1 == policy.rows.size() || steps_text(policy.rows[i + 1]) != steps) out += steps;
  }
}

}  // namespace

std::string word(const Diagnosis& row, const Machine& machine) {
  switch (row.outcome) {
    case judge::RowOutcome::error:
      return "ERROR";
    case judge::RowOutcome::disagree:
      return "DISAGREE";
    case judge::RowOutcome::refused:
      return "refused";
    case judge::RowOutcome::skip:
      return "skip";
    case judge::RowOutcome::agree:
      break;
  }
  if (row.readiness.is != gpu::Readiness::blocked_elsewhere) return std::string(gpu::name(row.readiness.is));
  return machine.has_gpu() ? "elsewhere" : "no GPU";
}

std::string to_text(const DoctorReport& report) {
  std::string out;
  machine_text(report.machine, out);
  line(out, "audit",
       report.no_records.empty() ? "the kernel's records of denials are heard"
                                 : "not heard, the model answers instead: " + report.no_records);
  for (const Finding& each : report.findings)
    line(out, "finding", finding_text(each).substr(0, finding_text(each).size() - 1));
  for (const std::string& each : report.appeared)
    line(out, "appeared", each + ", while CUDA was called: nobody knows by whom; it is left as it is");
  if (!report.no_rows.empty()) line(out, "not tried", "no policy: " + printable(report.no_rows));
  for (const std::string& each : report.missing_identities) line(out, "not run", each);
  for (const PolicyReport& policy : report.policies) policy_text(policy, report.machine, out);
  if (report.require)
    out += "\nrequired: " + std::string(gpu::name(*report.require)) +
           (meets(report, *report.require) ? ", and every row is\n" : ", and not every row is\n");
  return out;
}

}  // namespace lockstep::conformance::doctor
