#include "conformance/measure/surface.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>

#include <lockstep/abi.h>

#include "conformance/judge/row.h"
#include "syntax/json.h"

namespace lockstep::conformance::measure {
namespace {

constexpr const char* directories[] = {"/proc/self", "/proc/$child", "/proc/1", "/proc/sys"};

struct Naming {
  const char* name;
  Mode mode;
  Target target;
  Actor actor;
};
constexpr Naming namings[] = {
    {"own-thread", Mode::rdwr, Target::other_thread, Actor::self},
    {"own-thread-write-only", Mode::wronly, Target::other_thread, Actor::self},
    {"own-thread-truncating", Mode::trunc, Target::other_thread, Actor::self},
    {"in-child", Mode::rdwr, Target::other_thread, Actor::child},
    {"in-program", Mode::rdwr, Target::other_thread, Actor::exec},
    {"other-process", Mode::wronly, Target::other_process, Actor::self},
};

judge::CellPlan surface_cells() {
  judge::CellPlan out;
  for (const char* directory : directories) {
    wire::CellRequest cell;
    cell.operation = Operation::open_w;
    cell.mode = Mode::before;
    cell.survey = true;
    cell.path = directory;
    out.cells.push_back(std::move(cell));
  }
  for (const Naming& naming : namings) {
    wire::CellRequest cell;
    cell.operation = Operation::comm_open;
    cell.mode = naming.mode;
    cell.target = naming.target;
    cell.actor = naming.actor;
    if (naming.target == Target::other_process) cell.path = "/proc/$sibling/comm";
    out.cells.push_back(std::move(cell));
  }
  out.info.resize(out.cells.size());
  return out;
}

std::string hexadecimal(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

Result<Json> entry(const std::string& way, wire::IdentityKind identity, const wire::ChildReply& child) {
  if (child.outcome != wire::ChildOutcome::completed)
    return internal_error(way + "/" + std::string(wire::name(identity)) + ": " +
                          std::string(wire::name(child.outcome)) + " " + printable(child.message));
  Json out = {{"way", way}, {"identity", wire::name(identity)}, {"opened", Json::object()}, {"naming", Json::object()}};
  std::size_t i = 0;
  for (const char* directory : directories) {
    const wire::CellReply& cell = child.cells[i++];
    // Where it could not be listed (hidepid, say) there is no count, and none is made up.
    if (cell.state == wire::CellState::unsupported) {
      out["opened"][directory] = nullptr;
      continue;
    }
    out["opened"][directory] = {{"opened", cell.ret}, {"tried", cell.aux}, {"set", hexadecimal(cell.after)}};
  }
  for (const Naming& naming : namings) {
    const wire::CellReply& cell = child.cells[i++];
    out["naming"][naming.name] = cell.err == 0 ? "allow" : errno_name(cell.err);
  }
  return out;
}

}  // namespace

Result<judge::Case> case_of_way(const std::string& way, const std::string& fixtures) {
  judge::Case out;
  out.file = fixtures + "/policies/gpu/" + way + ".yaml";
  out.name = way;
  LOCKSTEP_ASSIGN(out.policy, load_policy(out.file));
  out.context.host.real = true;
  out.context.gpu = Toggle::off;
  out.context.proxy = Toggle::off;
  out.identities = {wire::IdentityKind::user, wire::IdentityKind::container_root, wire::IdentityKind::root};
  return out;
}

std::string kernel_version() {
  utsname names{};
  ::uname(&names);
  const std::string_view release = names.release;
  return std::string(release.substr(0, release.find_first_not_of("0123456789.")));
}

Result<std::string> measure_surface(harness::Workers& workers, const KernelLandlock& kernel,
                                    const std::string& fixtures) {
  const int plan_abi = std::min(kernel.abi, newest_abi);
  std::vector<judge::CaseRun> runs;
  for (const char* way : comm_ways) {
    LOCKSTEP_ASSIGN(judge::Case source, case_of_way(way, fixtures));
    LOCKSTEP_ASSIGN(judge::CaseRun run, judge::prepare_case(std::move(source)));
    run.cells = surface_cells();
    runs.push_back(std::move(run));
  }
  judge::AbiSet abis;
  abis.add(plan_abi);
  std::vector<judge::Row> rows;
  std::vector<wire::RowRequest> requests;
  for (const judge::CaseRun& run : runs) {
    for (const judge::Row& row : judge::rows_of(run, abis, workers.hello().identities)) {
      LOCKSTEP_ASSIGN(wire::RowRequest request, judge::make_request(row, judge::Subject{}));
      rows.push_back(row);
      requests.push_back(std::move(request));
    }
  }
  std::vector<wire::RowReply> replies(requests.size());
  LOCKSTEP_CHECK(workers.run(requests, [&](std::size_t i, wire::RowReply reply) { replies[i] = std::move(reply); }));

  Json out = {{"schema", "lockstep.surface/1"},
              {"kernel", kernel_version()},
              {"kernel_abi", kernel.abi},
              {"plan_abi", plan_abi},
              {"rows", Json::array()}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].run != &runs.front()) continue;
    LOCKSTEP_ASSIGN(Json row, entry("none", rows[i].identity, replies[i].control));
    out["rows"].push_back(std::move(row));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    LOCKSTEP_ASSIGN(Json row, entry(rows[i].run->source.name, rows[i].identity, replies[i].restricted));
    out["rows"].push_back(std::move(row));
  }
  return out.dump(1) + "\n";
}

}  // namespace lockstep::conformance::measure
