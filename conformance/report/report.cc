#include "conformance/report/report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

#include "conformance/report/findings.h"
#include "conformance/report/upgrades.h"
#include "conformance/report/write_file.h"
#include "gpu/platforms.h"
#include "syntax/json.h"

namespace lockstep::conformance::report {
namespace {

std::string read_line(const char* path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return printable(line);
}

// The options the machine's /proc is mounted with: hidepid and subset decide what a probe can see.
std::string procfs_options() {
  std::ifstream in("/proc/self/mounts");
  std::string device, target, type, options, rest, found;
  while (in >> device >> target >> type >> options && std::getline(in, rest))
    if (target == "/proc" && type == "proc") found = options;
  return printable(found);
}

Json host_json(const Run& run) {
  utsname names{};
  ::uname(&names);
  Json out;
  out["kernel"] = names.release;
  out["machine"] = names.machine;
  out["kernel_abi"] = run.kernel.abi;
  out["errata"] = run.kernel.errata;
  out["lsm"] = read_line("/sys/kernel/security/lsm");
  out["uid"] = ::getuid();
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("CapEff:\t")) out["capabilities"] = line.substr(8);
  out["procfs"] = procfs_options();
  out["nvidia_driver"] = read_line("/sys/module/nvidia/version");
  return out;
}

std::string answer(const std::optional<int>& err) {
  return !err ? "none" : *err == 0 ? "allow" : errno_name(*err);
}

Json cell_json(const wire::CellRequest& request, const judge::CellInfo& info, const judge::CellVerdict& cell,
               const judge::SpecialAnswer& special) {
  Json out;
  out["op"] = request.survey ? "survey" : std::string(name(request.operation));
  if (request.mode != Mode::plain) out["mode"] = name(request.mode);
  out["actor"] = name(request.actor);
  if (request.operation == Operation::comm_open) out["target"] = lockstep::name(request.target);
  const Operand about = operand(request.operation);
  if (about == Operand::port) out["port"] = request.port;
  if (!request.path.empty() && (about != Operand::none || request.operation == Operation::comm_open))
    out["path"] = printable(request.path);
  if (!request.path2.empty()) out["path2"] = printable(request.path2);
  if (!info.step.empty()) out["step"] = info.step;
  if (info.too_wide) out["too_wide"] = cell.observed == 0;
  const bool cuda = request.operation == Operation::cu_init;
  out["control"] = cuda ? printable(special.control_word) : answer(cell.control);
  if (cell.expected) out["expected"] = answer(cell.expected);
  if (cell.predicted) out["predicted"] = answer(cell.predicted);
  out["observed"] = cuda ? printable(special.observed_word) : answer(cell.observed);
  if (cuda && special.aux != 0) out["cuda_driver"] = special.aux & 0xffffffffU, out["devices"] = special.aux >> 32;
  if (request.survey) out["opened"] = special.ret, out["tried"] = special.aux;
  out["verdict"] = judge::name(cell.verdict);
  out["witnesses"] = int{cell.witnesses};
  if (cell.lone != judge::Witness::none) out["lone"] = judge::name(cell.lone);
  if (!cell.decided.empty()) out["decided"] = printable(cell.decided.text());
  return out;
}

Json step_json(const gpu::DeniedStep& step) {
  return {{"step", printable(step.id)},
          {"path", printable(step.path)},
          {"importance", gpu::name(step.importance)},
          {"certainty", gpu::name(step.certainty)},
          {"by", step.elsewhere ? "elsewhere" : "policy"},
          {"missing", names(step.missing)},
          {"breaks", step.breaks}};
}

Json readiness_json(const gpu::ReadinessVerdict& readiness, std::string_view word) {
  Json out = {{"is", word}, {"why", printable(readiness.why)}};
  if (readiness.expected) out["expected"] = gpu::name(*readiness.expected);
  for (const gpu::DeniedStep& step : readiness.denied) out["denied"].push_back(step_json(step));
  return out;
}

Json upgrade_json(const Upgrade& upgrade) {
  Json out = {{"case", printable(upgrade.run->source.name)},
              {"from", upgrade.from},
              {"to", upgrade.to},
              {"predicted", upgrade.predicted},
              {"identities", Json::array()},
              {"before", gpu::name(upgrade.before)},
              {"after", gpu::name(upgrade.after)}};
  for (const wire::IdentityKind identity : upgrade.identities) out["identities"].push_back(wire::name(identity));
  for (const gpu::DeniedStep& step : upgrade.lost) out["lost"].push_back(step_json(step));
  for (const Fix& fix : upgrade.fixes)
    out["fix"].push_back({{"path", printable(fix.path)}, {"access", names(fix.access)}});
  return out;
}

Json row_json(const JudgedRow& judged, int kernel_abi) {
  const judge::Row& row = judged.row;
  const judge::RowVerdict& verdict = judged.verdict;
  Json out;
  out["row"] = printable(row.name());
  out["case"] = printable(row.run->source.name);
  out["plan_abi"] = row.plan_abi;
  out["kernel_abi"] = kernel_abi;
  out["identity"] = wire::name(row.identity);
  out["host"] = row.run->source.context.host.real ? "real" : "simulated";
  if (const std::vector<std::string> are = gpu::platforms(row.run->source.context.host); !are.empty())
    out["platforms"] = are;
  out["outcome"] = judge::name(verdict.outcome);
  if (!verdict.message.empty()) out["message"] = printable(verdict.message);
  if (verdict.outcome == judge::RowOutcome::skip) out["skipped"] = judge::name(verdict.why_skipped);
  // A row without cells has shown nothing of it.
  const std::string_view readiness = !verdict.cells.empty() ? gpu::name(verdict.readiness.is)
                                     : verdict.outcome == judge::RowOutcome::agree
                                         ? judge::name(judge::RowOutcome::refused)
                                         : judge::name(verdict.outcome);
  out["readiness"] = readiness_json(verdict.readiness, readiness);
  if (verdict.by_model) out["by_model"] = readiness_json(*verdict.by_model, gpu::name(verdict.by_model->is));
  for (const gpu::PredictedReadiness& each : verdict.beyond) {
    out["predicted"].push_back(readiness_json(each.verdict, gpu::name(each.verdict.is)));
    out["predicted"].back()["plan_abi"] = each.plan_abi;
  }
  for (const SkippedPath& skipped : verdict.skipped_paths)
    out["skipped_paths"].push_back(
        {{"path", printable(skipped.path)}, {"reason", skipped.reason}, {"line", skipped.line}});
  out["cells"] = Json::array();
  for (std::size_t i = 0; i < verdict.cells.size(); ++i) {
    const auto special = verdict.special.find(i);
    out["cells"].push_back(cell_json(row.run->cells.cells[i], row.run->cells.info[i], verdict.cells[i],
                                     special != verdict.special.end() ? special->second : judge::SpecialAnswer()));
  }
  return out;
}

Json totals_json(const Totals& sum) {
  return {{"rows", sum.rows},
          {"rows_agree", sum.rows_agree},
          {"rows_disagree", sum.rows_disagree},
          {"rows_skipped", sum.rows_skipped},
          {"rows_error", sum.rows_error},
          {"rows_refused", sum.rows_refused},
          {"cells", sum.cells},
          {"agree", sum.agree},
          {"disagree", sum.disagree},
          {"not_comparable", sum.not_comparable},
          {"skipped", sum.skipped},
          {"untried", sum.untried},
          {"three_witnesses", sum.three_witnesses}};
}

}  // namespace

Totals totals(const Run& run) {
  Totals sum;
  for (const JudgedRow& judged : run.rows) {
    const judge::RowVerdict& verdict = judged.verdict;
    ++sum.rows;
    switch (verdict.outcome) {
      case judge::RowOutcome::agree:
        ++sum.rows_agree;
        break;
      case judge::RowOutcome::disagree:
        ++sum.rows_disagree;
        break;
      case judge::RowOutcome::skip:
        ++sum.rows_skipped;
        break;
      case judge::RowOutcome::error:
        ++sum.rows_error;
        break;
      case judge::RowOutcome::refused:
        ++sum.rows_refused;
        break;
    }
    sum.cells += verdict.cells.size();
    sum.agree += verdict.agreed;
    sum.disagree += verdict.disagreed;
    sum.not_comparable += verdict.not_comparable;
    sum.skipped += verdict.skipped;
    sum.untried += verdict.untried;
    for (const judge::CellVerdict& cell : verdict.cells) sum.three_witnesses += cell.witnesses == 3 ? 1 : 0;
  }
  return sum;
}

Result<void> write_report(const Run& run, const std::string& path) {
  Json out;
  out["schema"] = "lockstep.report/1";
  out["subject"] = run.subject;
  out["seed"] = run.seed;
  out["seconds"] = run.seconds;
  out["host"] = host_json(run);
  out["totals"] = totals_json(totals(run));
  out["exit_code"] = exit_code(run.findings);
  const Tried share = tried(run);
  out["tried"] = {{"planned", share.planned}, {"judged", share.judged}};
  out["findings"] = Json::array();
  for (const Finding& each : run.findings)
    out["findings"].push_back(
        {{"test", printable(each.test)}, {"code", each.code}, {"message", printable(each.message)}});
  out["claims"] = Json::array();
  for (const JudgedClaims& claims : run.claims) {
    Json each = {{"case", printable(claims.run->source.name)}, {"differences", Json::array()}};
    for (const std::string& difference : claims.differences) each["differences"].push_back(printable(difference));
    out["claims"].push_back(std::move(each));
  }
  out["upgrades"] = Json::array();
  for (const Upgrade& upgrade : find_upgrades(run)) out["upgrades"].push_back(upgrade_json(upgrade));
  // The rows last, one by one: all of them as one value take seven times the memory of their text.
  return write_file(path, [&](const Sink& sink) -> Result<void> {
    std::string text = out.dump(1);
    text.resize(text.size() - 2);  // without its end
    LOCKSTEP_CHECK(sink(text + ",\n \"rows\": ["));
    for (const JudgedRow& judged : run.rows)
      LOCKSTEP_CHECK(
          sink((&judged == &run.rows.front() ? "\n  " : ",\n  ") + row_json(judged, run.kernel.abi).dump(1, false, 2)));
    return sink(run.rows.empty() ? "]\n}\n" : "\n ]\n}\n");
  });
}

}  // namespace lockstep::conformance::report
