#include "conformance/verify/trials.h"

#include <algorithm>
#include <set>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "conformance/judge/cells.h"

namespace lockstep::conformance::verify {
namespace {

bool is_kernel_path(const std::string& path) {
  return is_below(path, "/proc") || is_below(path, "/sys");
}

class Planner {
 public:
  explicit Planner(const Host& host) : host_(host) {}
  void add_path(const std::string& path);
  void add_restrictions(const Restrictions& restrictions);
  TrialPlan out;

 private:
  void add(Operation operation, AccessSet needs, const std::string& path, const std::string& path2 = {});
  std::string make(wire::TreeKind kind, const std::string& name, bool executable = false) {
    const std::string path = base_ + "/" + name;
    out.tree.push_back({kind, path, {}, 16, executable});
    return path;
  }
  void add_directory();
  void add_file(NodeKind kind);
  void add_kernel_path();

  const Host& host_;
  std::string path_;  // the one at hand
  std::string base_;
};

void Planner::add(Operation operation, AccessSet needs, const std::string& path, const std::string& path2) {
  wire::CellRequest cell;
  cell.operation = operation;
  cell.path = path;
  cell.path2 = path2;
  out.cells.push_back(std::move(cell));
  out.trials.push_back({path_, needs});
}

// Each operation needs as few rights as the kernel lets it.
void Planner::add_directory() {
  base_ = (path_ == "/" ? "" : path_) + "/lockstep-trial";
  out.tree.push_back({wire::TreeKind::directory, base_, {}, 0, false});
  add(Operation::exec, Right::execute | Right::read_file, make(wire::TreeKind::file, "program", true));
  const std::string file = make(wire::TreeKind::file, "file");
  add(Operation::open_w, Right::write_file, file);
  add(Operation::open_r, Right::read_file, file);
  add(Operation::opendir, Right::read_dir, base_);
  add(Operation::rmdir, Right::remove_dir, make(wire::TreeKind::directory, "empty"));
  add(Operation::unlink, Right::remove_file, make(wire::TreeKind::file, "gone"));
  add(Operation::mknod_chr, Right::make_char, base_ + "/chr");
  add(Operation::mkdir, Right::make_dir, base_ + "/dir");
  add(Operation::link, Right::make_reg, make(wire::TreeKind::file, "linked"), base_ + "/link");
  add(Operation::mksock, Right::make_sock, base_ + "/sock");
  add(Operation::mkfifo, Right::make_fifo, base_ + "/fifo");
  add(Operation::mknod_blk, Right::make_block, base_ + "/blk");
  add(Operation::symlink, Right::make_sym, base_ + "/sym");
  make(wire::TreeKind::directory, "to");
  add(Operation::link, Right::make_reg | Right::refer, make(wire::TreeKind::file, "from"), base_ + "/to/link");
  add(Operation::truncate, Right::truncate, make(wire::TreeKind::file, "short"));
  add(Operation::ioctl, Right::read_file | Right::write_file | Right::ioctl_dev,
      make(wire::TreeKind::character, "device"));
  add(Operation::connect_unix, Right::resolve_unix, make(wire::TreeKind::socket, "server"));
}

void Planner::add_file(NodeKind kind) {
  if (kind == NodeKind::socket) return add(Operation::connect_unix, Right::resolve_unix, path_);
  add(Operation::open_r, Right::read_file, path_);
  add(Operation::open_w, Right::write_file, path_);
  if (kind == NodeKind::character)
    return add(Operation::ioctl, Right::read_file | Right::write_file | Right::ioctl_dev, path_);
  add(Operation::exec, Right::execute | Right::read_file, path_);
  add(Operation::truncate, Right::truncate, path_);
}

// The machine's own: nothing can be made there, and only what every process may is opened.
void Planner::add_kernel_path() {
  if (path_ != "/proc" && (path_ != "/sys" || !host_.exists("/sys"))) return;
  add(Operation::opendir, Right::read_dir, path_);
  if (path_ == "/sys") return;
  add(Operation::open_r, Right::read_file, "/proc/self/status");
  add(Operation::open_w, Right::write_file, "/proc/self/comm");
  add(Operation::open_trunc, Right::write_file | Right::truncate, "/proc/self/comm");  // as drivers do
}

void Planner::add_path(const std::string& path) {
  path_ = path;
  if (is_kernel_path(path)) return add_kernel_path();
  for (const HostEntry& entry : host_.present) {
    if (entry.path != path) continue;
    if (entry.kind == NodeKind::link) return;  // what it leads to is mentioned, or is not
    if (entry.kind != NodeKind::directory) return add_file(entry.kind);
  }
  if (host_.exists(path)) add_directory();
}

void Planner::add_restrictions(const Restrictions& restrictions) {
  path_.clear();
  for (wire::CellRequest& cell : judge::restriction_cells(restrictions)) {
    const auto serve = [&](wire::TreeKind kind, const std::string& name) {
      out.tree.push_back({kind, name, {}, 0, false, cell.port});
    };
    if (cell.mode == Mode::own_server) continue;  // inside: always allowed
    const bool served = std::any_of(out.cells.begin(), out.cells.end(), [&](const wire::CellRequest& other) {
      return other.operation == cell.operation && other.port == cell.port;
    });
    if (cell.operation == Operation::connect_tcp) serve(wire::TreeKind::tcp_server, {});
    if (cell.operation == Operation::send_udp && !served) serve(wire::TreeKind::udp_server, {});
    if (cell.operation == Operation::connect_abstract) serve(wire::TreeKind::abstract_server, cell.path);
    out.network = out.network || cell.operation != Operation::signal;
    out.cells.push_back(std::move(cell));
    out.trials.emplace_back();
  }
}

}  // namespace

void add_paths(const EffectivePolicy& policy, Host* host) {
  const std::vector<std::string_view> baseline = baseline_paths();
  for (const EffectiveRule& rule : policy.rules) {
    const bool changes_host =
        std::find(baseline.begin(), baseline.end(), rule.path) != baseline.end() || is_gpu_node(rule.path);
    if (rule.path == "/" || is_kernel_path(rule.path) || changes_host || host->exists(rule.path)) continue;
    const bool below_a_file = std::any_of(host->present.begin(), host->present.end(), [&](const HostEntry& entry) {
      return entry.kind != NodeKind::directory && rule.path.starts_with(entry.path + "/");
    });
    if (below_a_file) continue;
    host->present.push_back({rule.path, NodeKind::directory, {}});
  }
}

TrialPlan plan_trials(const Host& host, const std::vector<const EffectivePolicy*>& policies) {
  std::set<std::string> paths;
  Restrictions both;
  for (const EffectivePolicy* policy : policies) {
    for (const EffectiveRule& rule : policy->rules) paths.insert(rule.path);
    both.net |= policy->restrictions.net;
    both.scopes |= policy->restrictions.scopes;
    both.ports.insert(both.ports.end(), policy->restrictions.ports.begin(), policy->restrictions.ports.end());
  }
  std::sort(both.ports.begin(), both.ports.end());
  both.ports.erase(std::unique(both.ports.begin(), both.ports.end()), both.ports.end());
  Planner planner(host);
  for (const std::string& path : paths) planner.add_path(path);
  planner.add_restrictions(both);
  return std::move(planner.out);
}

Sight look_for(const std::string& path, Right right, bool gained, const std::vector<Trial>& trials,
               const std::vector<Flip>& flips, int abi) {
  Sight out;
  if (const int first = feature_info(right).first_abi; first > abi) {
    out.unseen = std::string(name(right)) + " comes with ABI " + std::to_string(first) + ", this kernel has " +
                 std::to_string(abi);
    return out;
  }
  bool any = false, all_out_of_sight = true;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    if (trial.path != path || !trial.needs.contains(right)) continue;
    any = true;
    if (flips[i] == (gained ? Flip::gained : Flip::lost)) {
      out.shown = true;
      return out;
    }
    // Together with others that stay denied, it shows nothing; and that they do is itself observed.
    const AccessSet others = trial.needs - AccessSet(right);
    const bool hidden = std::any_of(trials.begin(), trials.end(), [&](const Trial& other) {
      const Flip flip = flips[static_cast<std::size_t>(&other - trials.data())];
      const bool denied_where_it_counts = flip == Flip::both_deny || flip == (gained ? Flip::lost : Flip::gained);
      return other.path == path && other.needs.size() == 1 && others.intersects(other.needs) && denied_where_it_counts;
    });
    if (flips[i] == Flip::unknown) {
      out.unseen = std::string(name(right)) + " cannot be tried here by this identity";
    } else if (hidden) {
      out.unseen = std::string(name(right)) + " allows nothing without " + join_names(others, ", ");
    } else {
      all_out_of_sight = false;
      out.tried = "an operation that needs " + join_names(trial.needs, ", ") + " is " +
                  (flips[i] == Flip::both_allow ? "allowed" : "denied") + " under both";
    }
  }
  if (!any) out.unseen = std::string(name(right)) + ": nothing can be made here to try it on";
  if (any && !all_out_of_sight) out.unseen.clear();
  return out;
}

}  // namespace lockstep::conformance::verify
