// The report as a program reads it, and its exit code.
#include "syntax/json.h"

#include <algorithm>

#include "conformance/doctor/remedies.h"
#include "conformance/doctor/report.h"

namespace lockstep::conformance::doctor {
namespace {

Json node_json(const Node& node) {
  Json out = {{"path", printable(node.path)},
              {"kind", std::string(1, node.kind)},
              {"mode", node.mode},
              {"uid", node.uid},
              {"gid", node.gid}};
  if (node.kind == 'c') out["major"] = node.major, out["minor"] = node.minor, out["nvidias"] = node.is_nvidias();
  out["opens"] = node.opens == 0 ? "yes" : errno_name(node.opens);
  return out;
}

Json machine_json(const Machine& machine) {
  Json out;
  out["kernel"] = machine.kernel;
  out["architecture"] = machine.architecture;
  if (machine.host.kernel)
    out["landlock"] = {{"abi", machine.host.kernel->abi}, {"errata", machine.host.kernel->errata}};
  else
    out["landlock"] = {{"abi", 0}, {"why", machine.no_landlock}};
  out["security_modules"] = machine.security_modules.empty() ? Json() : Json(machine.security_modules);
  out["layers_around"] = {{"count", machine.layers ? Json(*machine.layers) : Json()}, {"how", machine.layers_how}};
  out["no_new_privs"] = machine.no_new_privs;
  out["seccomp"] = machine.seccomp < 0 ? Json() : Json(machine.seccomp);
  out["seccomp_denies"] = machine.filtered;
  out["confined_by"] = machine.confined_by;
  out["uid"] = machine.uid;
  out["gid"] = machine.gid;
  out["capabilities"] = machine.capabilities;
  out["bounding"] = machine.bounding;
  out["first_user_namespace"] = machine.first_user_namespace;
  out["user_namespace"] = machine.user_namespace;
  out["procfs"] = machine.procfs;
  out["procfs_is"] = {{"kind", name(machine.own_procfs.kind)}, {"why", printable(machine.own_procfs.why)}};
  out["procfs_covered"] = machine.procfs_covered;
  out["container"] = machine.container;
  out["cgroup"] = machine.cgroup;
  out["gpu"] = name(machine.host.gpu);
  out["driver"] = machine.driver.empty() ? Json() : Json(machine.driver);
  out["libcuda"] =
      machine.libcuda.empty() ? Json() : Json({{"path", printable(machine.libcuda)}, {"by", machine.libcuda_by}});
  out["mig"] = machine.mig;
  out["cdi"] = machine.cdi;
  out["numa_nodes"] = machine.numa_nodes;
  out["nodes"] = Json::array();
  for (const Node& node : machine.nodes) out["nodes"].push_back(node_json(node));
  out["not_seen"] = unseen(machine);
  return out;
}

Json finding_json(const Finding& finding) {
  Json layers = Json::array();
  for (const Layer layer : finding.layers) layers.push_back(name(layer));
  return {{"layers", layers},
          {"why", printable(finding.sentence)},
          {"remedy", printable(finding.remedy)},
          {"by", finding.by}};
}

Json step_json(const StepDiagnosis& step) {
  const auto answer = [](int err) { return err == 0 ? std::string("allow") : errno_name(err); };
  Json out = {{"step", step.step.id},
              {"op", name(step.step.operation)},
              {"actor", name(step.step.actor)},
              {"path", printable(step.path)},
              {"importance", gpu::name(step.step.importance)},
              {"breaks", step.step.breaks},
              {"without", answer(step.control)},
              {"under", answer(step.observed)}};
  out.update(finding_json(step.finding));
  return out;
}

Json answer_json(const CudaAnswer& answer) {
  Json out = {{"succeeded", answer.succeeded}, {"said", printable(answer.text)}, {"stage", answer.stage}};
  if (answer.result >= 0) out["result"] = answer.result;
  if (answer.driver_version != 0) out["driver_version"] = answer.driver_version;
  if (answer.succeeded) out["devices"] = answer.devices;
  return out;
}

Json row_json(const Diagnosis& row) {
  Json out;
  out["identity"] = wire::name(row.identity);
  out["plan_abi"] = row.plan_abi;
  out["host"] = "real";
  out["outcome"] = judge::name(row.outcome);
  if (!row.message.empty()) out["message"] = printable(row.message);
  const bool judged = row.outcome == judge::RowOutcome::agree || row.outcome == judge::RowOutcome::disagree;
  if (judged) out["readiness"] = {{"is", gpu::name(row.readiness.is)}, {"why", printable(row.readiness.why)}};
  out["steps_passed"] = row.steps_passed;
  out["steps_failed"] = Json::array();
  for (const StepDiagnosis& step : row.steps) out["steps_failed"].push_back(step_json(step));
  out["cuda"] = {{"called", row.cuda.called}};
  if (row.cuda.called)
    out["cuda"].update({{"without", answer_json(row.cuda.without)}, {"under", answer_json(row.cuda.under)}});
  if (row.cuda.finding) out["cuda"].update(finding_json(*row.cuda.finding));
  out["disagreements"] = Json::array();
  for (const std::string& each : row.disagreements) out["disagreements"].push_back(printable(each));
  return out;
}

bool is_met(const Diagnosis& row, gpu::Readiness required) {
  return row.outcome == judge::RowOutcome::agree && static_cast<int>(row.readiness.is) <= static_cast<int>(required);
}

}  // namespace

std::vector<Finding> machine_findings(const Machine& machine) {
  std::vector<Finding> out;
  if (std::optional<Finding> procfs = of_procfs(machine.own_procfs)) out.push_back(std::move(*procfs));
  return out;
}

bool meets(const DoctorReport& report, gpu::Readiness required) {
  std::size_t rows = 0;
  for (const PolicyReport& policy : report.policies) {
    for (const Diagnosis& row : policy.rows) {
      ++rows;
      if (!is_met(row, required)) return false;
    }
  }
  return rows > 0;
}

int exit_code(const DoctorReport& report) {
  const auto any = [&](judge::RowOutcome outcome) {
    return std::any_of(report.policies.begin(), report.policies.end(), [&](const PolicyReport& policy) {
      return std::any_of(policy.rows.begin(), policy.rows.end(),
                         [&](const Diagnosis& row) { return row.outcome == outcome; });
    });
  };
  if (!report.machine.host.kernel || !report.no_rows.empty()) return 3;
  if (any(judge::RowOutcome::error)) return 4;
  if (any(judge::RowOutcome::refused)) return 2;
  if (any(judge::RowOutcome::disagree) || (report.require && !meets(report, *report.require))) return 1;
  return any(judge::RowOutcome::agree) && !any(judge::RowOutcome::skip) ? 0 : 3;
}

std::string to_json(const DoctorReport& report) {
  Json out;
  out["schema"] = "lockstep.doctor/1";
  out["machine"] = machine_json(report.machine);
  out["not_tried"] = report.no_rows.empty() ? Json() : Json(printable(report.no_rows));
  out["findings"] = Json::array();
  for (const Finding& finding : report.findings) out["findings"].push_back(finding_json(finding));
  out["appeared"] = report.appeared;
  out["audit"] = {{"heard", report.no_records.empty()}, {"why_not", printable(report.no_records)}};
  out["identities_missing"] = Json::array();
  for (const std::string& each : report.missing_identities) out["identities_missing"].push_back(printable(each));
  out["policies"] = Json::array();
  for (const PolicyReport& policy : report.policies) {
    Json rows = Json::array();
    for (const Diagnosis& row : policy.rows) rows.push_back(row_json(row));
    out["policies"].push_back({{"policy", printable(policy.name)}, {"notices", policy.notices}, {"rows", rows}});
  }
  if (report.require) out["require"] = {{"level", gpu::name(*report.require)}, {"met", meets(report, *report.require)}};
  out["exit"] = exit_code(report);
  return out.dump(2) + "\n";
}

}  // namespace lockstep::conformance::doctor
