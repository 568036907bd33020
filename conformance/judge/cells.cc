#include "conformance/judge/cells.h"

#include <algorithm>
#include <map>
#include <set>

#include "conformance/judge/host_tree.h"
#include "gpu/steps.h"

namespace lockstep::conformance::judge {
namespace {

std::string below(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

class Planner {
 public:
  Planner(const Case& each, const EffectivePolicy& effective)
      : case_(each), effective_(effective), tree_(each.context.host) {}

  Result<CellPlan> plan();

 private:
  bool real() const { return case_.context.host.real; }
  void make(wire::TreeKind kind, const std::string& path, const std::string& target = {}, bool executable = false) {
    tree_.make(kind, path, target, executable);
  }
  bool add(wire::CellRequest cell, CellInfo info = {});
  void add(Operation operation, const std::string& path, const std::string& path2 = {}, Mode mode = Mode::plain,
           Actor actor = Actor::self);
  Result<void> add_expectations();
  Result<void> check_server(const Expectation& expectation, const std::string& path) const;
  std::vector<std::string> sweep_sites() const;
  void sweep(const std::string& site);
  void sweep_pairs(const std::vector<std::string>& sites);
  void sweep_rules();
  void sweep_devices();
  void sweep_comm();
  void sweep_cuda();
  void sweep_too_wide();
  void sweep_restrictions();

  const Case& case_;
  const EffectivePolicy& effective_;
  HostTree tree_;
  CellPlan out_;
  std::map<std::string, std::size_t> cell_names_;  // to the index in out_.cells
  std::set<std::string> changed_;                  // paths of destructive cells
};

bool Planner::add(wire::CellRequest cell, CellInfo info) {
  const bool socket = operand(cell.operation) == Operand::port || cell.operation == Operation::connect_abstract;
  out_.network = out_.network || (socket && !real());
  if (!cell_names_.emplace(cell_name(cell), out_.cells.size()).second) return false;
  out_.cells.push_back(std::move(cell));
  out_.info.push_back(std::move(info));
  return true;
}

void Planner::add(Operation operation, const std::string& path, const std::string& path2, Mode mode, Actor actor) {
  wire::CellRequest cell;
  cell.operation = operation;
  cell.mode = mode;
  cell.actor = actor;
  cell.path = path;
  cell.path2 = path2;
  add(std::move(cell));
}

Result<void> Planner::check_server(const Expectation& expectation, const std::string& path) const {
  if (!expectation.server || tree_.type_of(path) == expectation.server) return {};
  return input_error(
      case_.file, expectation.line,
      "server: " + printable(path) +
          " is not of this type, or nothing of ours: the host has it, or an expectation before this one");
}

Result<void> Planner::add_expectations() {
  for (std::size_t index = 0; index < case_.expectations.size(); ++index) {
    const Expectation& expectation = case_.expectations[index];
    wire::CellRequest cell = expectation.cell;
    if (!real()) {
      for (std::string* path : {&cell.path, &cell.path2})
        if (path->starts_with("$scratch")) path->replace(0, sizeof("$scratch") - 1, simulated_scratch);
    }
    const bool destructive = is_destructive(cell);
    const bool in_scratch =
        cell.path.starts_with("$scratch") && (cell.path2.empty() || cell.path2.starts_with("$scratch"));
    if (destructive && real() && !in_scratch)
      return input_error(case_.file, expectation.line,
                         "on a real host a destructive operation must stay below $scratch");
    const std::string name = cell_name(cell);
    if (const auto known = cell_names_.find(name);
        known != cell_names_.end()) {  // the same cell at another ABI or identity
      LOCKSTEP_CHECK(check_server(expectation, cell.path));
      out_.info[known->second].expectations.push_back(static_cast<int>(index));
      continue;
    }
    for (const std::string* path : {&cell.path, &cell.path2}) {
      if (path->empty()) continue;
      const bool shared =
          changed_.count(*path) > 0 ||
          (destructive && std::any_of(out_.cells.begin(), out_.cells.end(), [&](const wire::CellRequest& other) {
             return other.path == *path || other.path2 == *path;
           }));
      if (shared)
        return input_error(case_.file, expectation.line,
                           printable(*path) + " is used by another cell that changes it: give it a path of its own");
      if (destructive) changed_.insert(*path);
    }
    tree_.make_target(cell, expectation.server.value_or(wire::SocketType::stream));
    LOCKSTEP_CHECK(check_server(expectation, cell.path));
    CellInfo info;
    info.expectations.push_back(static_cast<int>(index));
    add(std::move(cell), std::move(info));
  }
  return {};
}

// One directory for each kind of grant the policy has, and one that nobody granted.
std::vector<std::string> Planner::sweep_sites() const {
  std::vector<std::string> sites;
  if (real()) return {"$scratch"};
  const auto usable = [&](const EffectiveRule& rule) {
    return rule.path != "/" && !tree_.is_kernel_path(rule.path) && tree_.has(rule.path) &&
           tree_.kind_of(rule.path) == NodeKind::directory;
  };
  for (Access access : {Access::read_only, Access::read_write}) {
    for (const EffectiveRule& rule : effective_.rules) {
      if (rule.access != access || !usable(rule)) continue;
      sites.push_back(rule.path);
      break;
    }
  }
  for (const EffectiveRule& rule : effective_.rules)
    if (rule.access == Access::grant && usable(rule) && sites.size() < 4) sites.push_back(rule.path);
  sites.emplace_back(outside_directory);
  return sites;
}

void Planner::sweep(const std::string& site) {
  const std::string base = below(site, "sweep");
  make(wire::TreeKind::directory, base);
  int next = 0;
  const auto fresh = [&] { return base + "/" + std::to_string(next++); };
  const auto file = [&](bool executable = false) {
    const std::string path = fresh();
    make(wire::TreeKind::file, path, {}, executable);
    return path;
  };
  const auto folder = [&] {
    const std::string path = fresh();
    make(wire::TreeKind::directory, path);
    return path;
  };
  const std::string shared = file();
  for (Operation operation : {Operation::open_r, Operation::open_w, Operation::open_rw, Operation::open_path,
                              Operation::stat, Operation::reopen_fd})
    add(operation, shared);
  for (Actor actor : {Actor::thread, Actor::child, Actor::grandchild, Actor::exec})
    add(Operation::open_rw, shared, {}, Mode::plain, actor);
  add(Operation::opendir, base);
  add(Operation::tmpfile, base);
  add(Operation::open_r, folder());
  for (Operation operation :
       {Operation::open_trunc, Operation::truncate, Operation::ftruncate, Operation::chmod, Operation::unlink})
    add(operation, file());
  add(Operation::ftruncate, file(), {}, Mode::before);
  add(Operation::reopen_fd, file(), {}, Mode::before);
  for (Operation operation : {Operation::create, Operation::mkdir, Operation::mkfifo, Operation::mknod_chr,
                              Operation::mknod_blk, Operation::mksock, Operation::symlink})
    add(operation, fresh());
  add(Operation::rmdir, folder());
  add(Operation::unlink, folder());  // EISDIR, but Landlock answers first
  add(Operation::rmdir, file());     // ENOTDIR, the same
  add(Operation::exec, file(true));
  const std::string link = fresh();
  make(wire::TreeKind::symlink, link, "target");
  add(Operation::readlink, link);
  const std::string socket = fresh();
  make(wire::TreeKind::socket, socket);
  add(Operation::connect_unix, socket);
  for (Operation operation : {Operation::rename, Operation::link}) {
    const std::string from = file();
    add(operation, from, fresh());
  }
  const std::string from = folder();
  add(Operation::rename, from, fresh());
  const std::string one = file();
  add(Operation::exchange, one, file());
  add(Operation::open_r, base + "/missing");
}

// Moves and links from every site to every other: where refer is decided.
void Planner::sweep_pairs(const std::vector<std::string>& sites) {
  int next = 0;
  for (const std::string& from : sites) {
    for (const std::string& to : sites) {
      if (from == to) continue;
      for (Operation operation : {Operation::rename, Operation::link, Operation::exchange}) {
        const std::string source = below(from, "sweep/p" + std::to_string(next));
        const std::string target = below(to, "sweep/q" + std::to_string(next));
        ++next;
        make(wire::TreeKind::file, source);
        if (operation == Operation::exchange) make(wire::TreeKind::file, target);
        add(operation, source, target);
      }
    }
  }
}

// Each rule's own path, and a neighbour beside it that a rule on the parent would cover too.
void Planner::sweep_rules() {
  for (const EffectiveRule& rule : effective_.rules) {
    if (tree_.is_kernel_path(rule.path)) {
      add(Operation::opendir, rule.path);
      continue;
    }
    if (!real() && !tree_.has(rule.path)) continue;
    switch (tree_.kind_of(rule.path)) {
      case NodeKind::directory:
        add(Operation::opendir, rule.path);
        break;
      case NodeKind::socket:
        add(Operation::connect_unix, rule.path);
        break;
      default:
        add(Operation::open_r, rule.path);
        add(Operation::open_w, rule.path);
    }
    if (real() || parent_of(rule.path) == "/") continue;
    const std::string neighbour = below(parent_of(rule.path), "neighbour");
    make(tree_.kind_of(rule.path) == NodeKind::character ? wire::TreeKind::character : wire::TreeKind::file, neighbour);
    add(Operation::open_r, neighbour);
    add(Operation::open_w, neighbour);
  }
}

void Planner::sweep_devices() {
  for (const HostEntry& entry : case_.context.host.present) {
    if (entry.kind != NodeKind::character || (!real() && !tree_.has(entry.path))) continue;
    add(Operation::open_rw, entry.path);
    if (entry.path == "/dev/null" || entry.path == "/dev/zero") continue;  // they know no ioctl
    add(Operation::ioctl, entry.path);
    if (!real()) add(Operation::ioctl, entry.path, {}, Mode::before);
  }
}

void Planner::sweep_comm() {
  for (Actor actor : {Actor::self, Actor::thread, Actor::child, Actor::grandchild, Actor::exec}) {
    const auto comm = [&](Mode mode, Target target) {
      wire::CellRequest cell;
      cell.operation = Operation::comm_open;
      cell.mode = mode;
      cell.target = target;
      cell.actor = actor;
      if (target == Target::other_process) cell.path = "/proc/$sibling/comm";
      add(std::move(cell));
    };
    for (Mode mode : {Mode::rdwr, Mode::wronly, Mode::trunc, Mode::setname}) comm(mode, Target::other_thread);
    comm(Mode::prctl, Target::own);
    comm(Mode::rdwr, Target::own);
    comm(Mode::rdwr, Target::numeric);
    comm(Mode::wronly, Target::other_process);
  }
}

void Planner::sweep_cuda() {
  for (const gpu::Step& step : gpu::steps_of(case_.context.host)) {
    wire::CellRequest cell;
    cell.operation = step.operation;
    cell.mode = step.mode;
    cell.actor = step.actor;
    cell.target = step.target;
    cell.path = step.path;
    CellInfo info;
    info.step = step.id;
    // Where the sweep has the cell already, it answers for the step as well.
    if (!add(cell, info)) out_.info[cell_names_.at(cell_name(cell))].step = step.id;
  }
}

void Planner::sweep_too_wide() {
  for (const char* path :
       {"/proc/self/oom_score_adj", "/proc/self/coredump_filter", "/proc/self/clear_refs", "/proc/self/attr/current",
        "/proc/self/mem", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/$sibling/oom_score_adj",
        "/proc/$sibling/clear_refs", "/proc/1/comm"}) {
    wire::CellRequest cell;
    cell.operation = Operation::open_w;
    cell.path = path;
    CellInfo info;
    info.too_wide = true;
    add(std::move(cell), std::move(info));
  }
}

void Planner::sweep_restrictions() {
  for (wire::CellRequest& cell : restriction_cells(effective_.restrictions)) {
    tree_.make_target(cell);
    add(std::move(cell));
  }
}

Result<CellPlan> Planner::plan() {
  LOCKSTEP_CHECK(add_expectations());
  const std::vector<std::string> sites = sweep_sites();
  for (const std::string& site : sites) sweep(site);
  sweep_pairs(sites);
  sweep_rules();
  sweep_devices();
  sweep_comm();
  sweep_cuda();
  sweep_too_wide();
  // A simulated host has no driver behind its nodes.
  if (real()) add(Operation::cu_init, "");
  sweep_restrictions();
  out_.bind_sys = tree_.bind_sys();
  out_.tree = tree_.take();
  return std::move(out_);
}

}  // namespace

Result<CellPlan> plan_cells(const Case& each, const EffectivePolicy& effective) {
  return Planner(each, effective).plan();
}

}  // namespace lockstep::conformance::judge
