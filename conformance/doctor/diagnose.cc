#include "conformance/doctor/diagnose.h"

#include <algorithm>
#include <cerrno>

#include <lockstep/abi.h>

#include "conformance/doctor/examine.h"
#include "conformance/harness/identity.h"
#include "host/context_flags.h"

namespace lockstep::conformance::doctor {
namespace {

std::string shown_path(const wire::CellRequest& cell) {
  return cell.operation == Operation::comm_open ? "/proc/<pid>/task/<tid>/comm" : cell.path;
}

}  // namespace

Surroundings surroundings_of(const Machine& machine) {
  Surroundings out{machine.layers, machine.seccomp, machine.confined_by, !machine.container.empty()};
  out.first_user_namespace = machine.first_user_namespace;
  out.gpu = machine.host.gpu;
  out.numbers = machine.numbers;
  return out;
}

namespace {

bool same_call_worked(const judge::CellPlan& plan, const std::vector<judge::CellVerdict>& cells, Operation operation) {
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (plan.cells[i].operation == operation && cells[i].verdict != judge::Verdict::skip && cells[i].control == 0)
      return true;
  return false;
}

// The kernel's record of what the model says is lacking, where there is one: of comm, by whatever pid.
std::optional<DenialRecord> record_of(const std::vector<DenialRecord>& records, const wire::CellRequest& cell,
                                      AccessSet missing) {
  for (const DenialRecord& record : records) {
    const bool comm = record.path.starts_with("/proc/") && record.path.find("/task/") != std::string::npos &&
                      record.path.ends_with("/comm");
    if (cell.operation == Operation::comm_open ? !comm : record.path != cell.path) continue;
    const std::vector<std::string> lacking = names(missing);
    const std::string blockers = "," + record.blockers + ",";
    if (std::all_of(lacking.begin(), lacking.end(),
                    [&](const std::string& each) { return blockers.find(",fs." + each + ",") != std::string::npos; }))
      return record;
  }
  return std::nullopt;
}

void read_cuda(const judge::CellPlan& plan, const wire::RowReply& reply, const Machine& machine, const Denials& denials,
               Diagnosis& out) {
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (plan.cells[i].operation != Operation::cu_init) continue;
    CudaEvidence seen;
    seen.without = cuda_answer(reply.control.cells[i], reply.control.message);
    seen.under = cuda_answer(reply.restricted.cells[i], reply.restricted.message);
    seen.records = denials.of_cuda();
    seen.libcuda = machine.libcuda;
    seen.around = surroundings_of(machine);
    for (const StepDiagnosis& step : out.steps)
      if (step.step.importance == gpu::Importance::fatal) seen.failing.push_back(step.finding);
    out.cuda.without = seen.without;
    out.cuda.under = seen.under;
    out.cuda.called = seen.without.loaded || seen.under.loaded;
    if (out.cuda.called && !(seen.without.succeeded && seen.under.succeeded)) out.cuda.finding = attribute_cuda(seen);
  }
}

// Steps that fail without the policy need a look at their paths, with the eyes of the identity.
Result<void> look(wire::IdentityKind identity, std::vector<Evidence>& evidence) {
  std::vector<PathQuestion> questions;
  for (const Evidence& each : evidence)
    questions.push_back({each.operation == Operation::comm_open ? own_comm : each.path, wants_of(each.operation)});
  if (questions.empty()) return {};
  LOCKSTEP_ASSIGN(const Identity who, harness::identity_of(identity, harness::first_user));
  LOCKSTEP_ASSIGN(std::vector<PathFacts> facts,
                  examine(questions, identity == wire::IdentityKind::self ? nullptr : &who));
  for (std::size_t i = 0; i < facts.size(); ++i) evidence[i].facts = std::move(facts[i]);
  return {};
}

Result<void> read_steps(const judge::CaseRun& run, const wire::RowReply& reply, const judge::RowVerdict& verdict,
                        const Machine& machine, const Denials& denials, Diagnosis& out) {
  const judge::CellPlan& plan = run.cells;
  std::vector<Evidence> evidence;
  for (const gpu::Step& step : gpu::steps_of(run.source.context.host)) {
    for (std::size_t i = 0; i < verdict.cells.size(); ++i) {
      const judge::CellVerdict& cell = verdict.cells[i];
      if (plan.info[i].step != step.id || cell.verdict == judge::Verdict::skip) continue;
      if (cell.observed == 0) ++out.steps_passed;
      if (cell.observed == 0 || (step.optional && cell.control == ENOENT)) continue;
      Evidence seen;
      seen.step = step.id;
      seen.operation = plan.cells[i].operation;
      seen.path = shown_path(plan.cells[i]);
      seen.control = cell.control;
      seen.observed = cell.observed;
      seen.failed_step = reply.control.cells[i].aux;
      seen.missing = cell.missing;
      seen.decided = cell.decided.text();
      seen.same_call_worked = same_call_worked(plan, verdict.cells, seen.operation);
      seen.around = surroundings_of(machine);
      if (!seen.missing.empty()) seen.record = record_of(denials.of_probes(), plan.cells[i], seen.missing);
      evidence.push_back(seen);
      out.steps.push_back({step, seen.path, cell.control, cell.observed, {}});
    }
  }
  LOCKSTEP_CHECK(look(out.identity, evidence));
  for (std::size_t i = 0; i < evidence.size(); ++i) out.steps[i].finding = attribute(evidence[i]);
  return {};
}

}  // namespace

Result<std::vector<Diagnosis>> diagnose(harness::Workers& workers, const judge::CaseRun& run, const Machine& machine,
                                        const std::vector<wire::IdentityKind>& identities, Denials& denials) {
  std::vector<Diagnosis> out;
  const KernelLandlock& kernel = *machine.host.kernel;
  for (const wire::IdentityKind identity : identities) {
    Diagnosis each;
    each.identity = identity;
    each.plan_abi = std::min(kernel.abi, newest_abi);
    const judge::Row row{&run, each.plan_abi, identity};
    Result<wire::RowRequest> request = judge::make_request(row, judge::Subject{});
    if (!request.ok()) {  // hard_requirement that this kernel cannot meet
      if (request.error().kind != ErrorKind::unsupported) return std::move(request).error();
      each.outcome = judge::RowOutcome::skip;
      each.message = "refused: " + request.error().message;
      out.push_back(std::move(each));
      continue;
    }
    wire::RowReply reply;
    denials.start_row();
    LOCKSTEP_CHECK(workers.run({*request}, [&](std::size_t, wire::RowReply said) { reply = std::move(said); }));
    denials.end_row();
    const judge::RowVerdict verdict = judge::judge(row, reply, kernel);
    each.outcome = verdict.outcome;
    each.message = verdict.message;
    each.readiness = verdict.readiness;
    if (!verdict.cells.empty()) {
      LOCKSTEP_CHECK(read_steps(run, reply, verdict, machine, denials, each));
      read_cuda(run.cells, reply, machine, denials, each);
    }
    for (std::size_t i = 0; i < verdict.cells.size(); ++i)
      if (verdict.cells[i].verdict == judge::Verdict::disagree)
        each.disagreements.push_back(judge::cell_name(run.cells.cells[i]) + ": " + verdict.cells[i].decided.text());
    out.push_back(std::move(each));
  }
  return out;
}

Result<judge::CaseRun> policy_on_this_machine(const std::string& file, const ContextFlags& flags) {
  judge::Case source;
  if (file.empty()) {
    source.own_policy = true;
    source.name = "default";
    source.policy = builtin_default_policy();
    LOCKSTEP_ASSIGN(source.context, make_context(flags));
    source.context.source = Source::default_policy;
  } else {
    LOCKSTEP_ASSIGN(source, judge::case_for_policy(file, flags));
  }
  LOCKSTEP_ASSIGN(judge::CaseRun run, judge::prepare_case(std::move(source)));
  // All the way to a kernel's result, where the suite asks cuInit(0) alone.
  for (wire::CellRequest& cell : run.cells.cells)
    if (cell.operation == Operation::cu_init) cell.mode = Mode::work;
  return run;
}

}  // namespace lockstep::conformance::doctor
