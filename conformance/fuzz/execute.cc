#include "conformance/fuzz/execute.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <thread>

#include "base/fork.h"
#include "conformance/fuzz/executed.h"
#include "conformance/fuzz/layers.h"
#include "conformance/fuzz/oracle.h"
#include "conformance/probes/keeper.h"
#include "conformance/probes/probe.h"
#include "conformance/probes/spawn.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::fuzz {
namespace {

constexpr unsigned nobody = 65534;

// One side of a case, in the process or thread that will be restricted.
class SideRun {
 public:
  SideRun(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting, Board& board, bool restricted,
          int keeper)
      : case_(fuzz_case),
        tree_(tree),
        setting_(setting),
        board_(board),
        side_(board.sides[restricted ? 0 : 1]),
        restricted_(restricted),
        keeper_(keeper) {}

  void run() {
    if (!prepare() || !become()) return;
    if (restricted_ && case_.identity == Identity::user) forget_refused();
    if (!restrict() || !take_back()) return;
    const bool ran = run_actors() || fail("running an actor");
    side_.done = (peer_.end() || fail("the peer")) && ran ? 1 : 0;
  }

 private:
  struct Ready {
    probes::Probe probe;
    std::string first, second;
    int directory;
  };

  bool fail(const char* call) {
    side_.err = errno;
    std::strncpy(side_.failed, call, sizeof side_.failed - 1);
    return false;
  }
  bool fail(const std::string& call, int err) { return errno = err, fail(call.c_str()); }

  // Descriptors, rule sets and the model's answers: everything that needs the tree as root sees it.
  bool prepare() {
    if (restricted_ && !prepare_rules()) return false;
    for (std::size_t i = 0; i < case_.operations.size(); ++i) {
      const OperationSpec& operation = case_.operations[i];
      Ready ready{};
      if (!resolve(operation, ready)) return fail("no such hold: " + one_line(operation), EINVAL);
      ready.probe = {operation.operation,
                     operation.mode,
                     operation.actor,
                     operation.mode == Mode::setname ? Target::other_thread : Target::own,
                     false,
                     nullptr,
                     nullptr,
                     -1,
                     operation.port};
      if (restricted_ && !case_.reclaim) oracle_.decide(operation, board_.cells[i]);
      if (operation.mode == Mode::before) {
        if (::fchdir(ready.directory) != 0) return fail("fchdir");
        probes::Probe opener = ready.probe;
        opener.path = ready.first.c_str();
        ready.probe.before_fd = probes::open_before(opener);
      }
      ready_.push_back(std::move(ready));
    }
    return restricted_ ? walked_alike() : true;
  }

  bool walked_alike() { return oracle_.differs().empty() || fail("two ways to walk " + oracle_.differs(), EIO); }

  bool resolve(const OperationSpec& operation, Ready& ready) const {
    const auto first = tree_.resolve(operation.path), second = tree_.resolve(operation.path2);
    if (!first || !second) return false;
    ready.directory = first->dir;
    ready.first = first->text;
    const bool near = second->dir == first->dir || second->text.starts_with('/');
    ready.second = near ? second->text : tree_.anywhere(operation.path2);
    if (!case_.chroot.empty()) {
      const std::string prefix = "./" + case_.chroot;
      for (std::string* text : {&ready.first, &ready.second})
        if (text->starts_with(prefix + "/")) text->erase(0, prefix.size());
    }
    return true;
  }

  bool prepare_rules() {
    for (const LayerSpec& layer : case_.layers) {
      Result<ReadyLayer> ready = make_layer(layer, case_, tree_, setting_.kernel.abi, setting_.fault);
      if (!ready) return fail(ready.error().message, ready.error().err);
      layers_.push_back(std::move(ready).value());
    }
    oracle_.tell(layers_);
    return true;
  }

  // Under the layers: the machine's procfs entries go, and the model is asked only then.
  bool take_back() {
    constexpr int rounds = 20;
    if (!case_.reclaim || !restricted_) return true;
    if (setting_.drop_caches < 0) return fail("this setting drops no caches", EPERM);
    for (int round = 0; round == 0 || (round < rounds && entries_left()); ++round) {
      for (const Item& item : case_.items)
        if (item.kind == ItemKind::proc) fill(tree_.anywhere(item.path));
      if (!reclaim(setting_.drop_caches)) return fail("write(drop_caches)");
    }
    for (ReadyLayer& layer : layers_) side_.not_reclaimed += static_cast<std::uint32_t>(forget_lost(layer, tree_));
    oracle_.tell(layers_);
    for (std::size_t i = 0; i < case_.operations.size(); ++i) oracle_.decide(case_.operations[i], board_.cells[i]);
    return walked_alike();
  }

  bool entries_left() const {
    return std::any_of(layers_.begin(), layers_.end(), [&](const ReadyLayer& layer) { return any_left(layer, tree_); });
  }

  bool become() {
    if (!case_.chroot.empty() && (::fchdir(tree_.resolve(".")->dir) != 0 || ::chroot(case_.chroot.c_str()) != 0))
      return fail("chroot");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail("prctl(PR_SET_NO_NEW_PRIVS)");
    if (case_.identity == Identity::root) return true;
    // The calls themselves: the library's wrappers change every thread.
    if (setting_.real_root &&
        (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, nobody, nobody, nobody) != 0 ||
         ::syscall(SYS_setresuid, nobody, nobody, nobody) != 0))
      return fail("setresuid");
    // The new uid has cleared it.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail("prctl(PR_SET_PDEATHSIG)");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2] = {};
    return ::syscall(SYS_capset, &header, none) == 0 || fail("capset");
  }

  // A path that the user may not look up is never asked about. (The walks were read by root, who may.)
  void forget_refused() {
    const auto refused = [](int directory, const std::string& path, bool follow) {
      struct stat st;
      return ::fstatat(directory, path.c_str(), &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0 && errno == EACCES;
    };
    for (std::size_t i = 0; i < ready_.size(); ++i) {
      const Ready& ready = ready_[i];
      const bool follow = follows_last_symlink(ready.probe.operation);
      if (board_.cells[i].err == 0 || ready.probe.mode == Mode::before || !has_path(ready.probe.operation)) continue;
      if (!refused(ready.directory, ready.first, follow) &&
          !(takes_two_paths(ready.probe.operation) && refused(ready.directory, ready.second, follow)))
        continue;
      board_.cells[i].err = 0;
      board_.cells[i].needed = 0;
    }
  }

  bool restrict() {
    bool wanted = false;
    for (const OperationSpec& each : case_.operations)
      wanted = wanted || (!has_path(each.operation) && each.path == peer_word);
    for (std::size_t i = 0; i <= case_.layers.size(); ++i) {
      if (wanted && i == peer_layers(case_) && !peer_.start(case_.peer_executed ? setting_.helper : -1))
        return fail("the peer");
      if (const int err = i < layers_.size() ? restrict_by(layers_[i]) : 0; err != 0)
        return fail("landlock_restrict_self", err);
    }
    return true;
  }

  bool run_actors() {
    for (const Actor actor : {Actor::self, Actor::thread, Actor::child, Actor::grandchild, Actor::exec}) {
      bool any = false;
      for (const OperationSpec& operation : case_.operations) any = any || operation.actor == actor;
      if (!any) continue;
      if (actor == Actor::self) {
        run_cells(actor);
      } else if (actor == Actor::thread) {
        std::thread([&] { run_cells(actor); }).join();
      } else if (actor == Actor::exec) {
        if (!run_program()) return false;
      } else if (!run_descendant(actor, actor == Actor::child ? 1 : 2)) {
        return false;
      }
    }
    return true;
  }

  // The program has one directory to start in: it is executed once for each that is needed.
  bool run_program() {
    std::map<int, std::vector<std::size_t>> by_directory;
    for (std::size_t i = 0; i < ready_.size(); ++i)
      if (ready_[i].probe.actor == Actor::exec) {
        const bool can = has_path(ready_[i].probe.operation) || setting_.outside != nullptr;
        if (can && ready_[i].probe.mode != Mode::before)
          by_directory[ready_[i].directory].push_back(i);
        else
          slot_of(i).state = static_cast<std::uint32_t>(wire::CellState::unsupported);
      }
    for (const auto& [directory, cells] : by_directory) {
      ExecutedRun run{setting_.helper, case_.chroot.empty() ? directory : -1, {}, keeper_};
      for (const std::size_t i : cells) {
        if (!has_path(ready_[i].probe.operation)) name_other_side(case_.operations[i], ready_[i]);
        const probes::Probe& probe = ready_[i].probe;
        run.cells.push_back({probe.operation, probe.mode, probe.actor, probe.target, false, ready_[i].first,
                             ready_[i].second, probe.port});
        run.walks = run.walks || (restricted_ && probe.operation == Operation::comm_open);
      }
      if (!run_executed(run)) return false;
      for (std::size_t k = 0; k < cells.size(); ++k) {
        slot_of(cells[k]) = run.replies[k];
        if (run.walks && run.cells[k].operation == Operation::comm_open)
          oracle_.decide_walked(case_.operations[cells[k]], run.walked[k], board_.cells[cells[k]]);
      }
    }
    return true;
  }

  wire::SlotCell& slot_of(std::size_t i) const {
    return restricted_ ? board_.cells[i].restricted : board_.cells[i].control;
  }

  // A child, or its child. It borrows this process's memory, of which a fork would copy the tables: but not where it
  // starts a thread, which only a process with memory of its own may.
  bool run_descendant(Actor actor, int depth) {
    struct Descendant {
      SideRun* side;
      Actor actor;
      int depth;
    } descendant{this, actor, depth};
    const auto live = [](void* it) {
      const auto* self = static_cast<const Descendant*>(it);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const bool ok = self->depth == 1 || self->side->run_descendant(self->actor, self->depth - 1);
      if (self->depth == 1) self->side->run_cells(self->actor);
      ::_exit(ok ? 42 : 1);
    };
    if (depth > 1 || !names_thread(actor)) return came_to_its_end(probes::lend_to_child(live, &descendant));
    const pid_t pid = fork_process();
    if (pid == 0) live(&descendant);
    return came_to_its_end(pid);
  }

  bool names_thread(Actor actor) const {
    return std::any_of(ready_.begin(), ready_.end(), [&](const Ready& each) {
      return each.probe.actor == actor && each.probe.operation == Operation::comm_open &&
             each.probe.target == Target::other_thread;
    });
  }

  void run_cells(Actor actor) {
    directory_ = -1;  // a descendant's may be another one
    probes::NamedThread other(keeper_);
    for (std::size_t i = 0; i < ready_.size(); ++i) {
      if (ready_[i].probe.actor != actor) continue;
      wire::SlotCell& slot = slot_of(i);
      if (!has_path(ready_[i].probe.operation)) name_other_side(case_.operations[i], ready_[i]);
      run_cell(i, slot, other);
      if (slot.state == static_cast<std::uint32_t>(wire::CellState::unset))
        slot.state = static_cast<std::uint32_t>(wire::CellState::done);
    }
  }

  void name_other_side(const OperationSpec& operation, Ready& ready) const {
    ready.first = operation.path;
    if (operation.operation != Operation::signal || setting_.outside == nullptr) return;
    ready.first = std::to_string(operation.path == peer_word ? peer_.process() : setting_.outside->process());
  }

  void run_cell(std::size_t i, wire::SlotCell& slot, probes::NamedThread& other) {
    Ready& ready = ready_[i];
    if (!has_path(ready.probe.operation) && setting_.outside == nullptr) {
      slot.state = static_cast<std::uint32_t>(wire::CellState::unsupported);
      return;
    }
    if (case_.chroot.empty() && ready.directory != directory_ && ::fchdir(ready.directory) != 0) {
      slot.state = static_cast<std::uint32_t>(wire::CellState::unsupported);
      return;
    }
    directory_ = ready.directory;
    probes::Probe& probe = ready.probe;
    probe.path = ready.first.c_str();
    probe.path2 = ready.second.c_str();
    if (probe.operation == Operation::comm_open) {
      model::RawWalk raw{};
      probes::probe_comm(probe, &slot, restricted_ ? &raw : nullptr, other);
      if (restricted_) oracle_.decide_walked(case_.operations[i], raw, board_.cells[i]);
    } else if (probe.operation == Operation::exec) {
      // In place, for speed: the file is no program, so that nobody is replaced.
      char* arguments[] = {ready.first.data(), nullptr};
      char* environment[] = {nullptr};
      ::execve(probe.path, arguments, environment);
      slot.err = errno, slot.aux = 2;  // as probe_exec() says it
      if (probes::is_of_interpreter(slot.err, probe.path)) slot.ret = wire::errno_is_late;
    } else {
      probes::run_probe(probe, &slot);
    }
  }

  const FuzzCase& case_;
  const Tree& tree_;
  const Setting& setting_;
  Board& board_;
  Board::Side& side_;
  const bool restricted_;
  const int keeper_;
  Oracle oracle_{case_, tree_, setting_};
  std::vector<ReadyLayer> layers_;
  Peer peer_;
  std::vector<Ready> ready_;
  int directory_ = -1;
};

// In a thread of its own working directory, or in a child; false where that did not end as it should.
bool run_side(Tier tier, SideRun& side) {
  if (tier == Tier::thread) {
    std::thread([&] {
      if (::unshare(CLONE_FS) == 0) side.run();
    }).join();
    return true;
  }
  const pid_t pid = fork_process();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    side.run();
    ::_exit(42);
  }
  return came_to_its_end(pid);
}

Result<void> try_side(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting, Board& board,
                      bool restricted) {
  Board::Side& report = board.sides[restricted ? 0 : 1];
  report = {};
  if (setting.outside != nullptr) setting.outside->drain();
  const probes::Keeper keeper;
  SideRun side(fuzz_case, tree, setting, board, restricted, keeper.fd());
  if (run_side(setting.tier, side) && report.done == 1) return {};
  const std::string who = restricted ? "the restricted side: " : "the control side: ";
  if (report.err == EINVAL) return input_error("", 0, who + report.failed);
  if (report.failed[0] != '\0') return internal_error(who + report.failed + ": " + errno_name(report.err));
  return internal_error(who + "did not come to its end");
}

}  // namespace

Result<void> try_control(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting, Board& board) {
  if (fuzz_case.operations.size() > board.size) return internal_error("more operations than cells");
  std::fill_n(board.cells, fuzz_case.operations.size(), Cell{});
  return try_side(fuzz_case, tree, setting, board, false);
}

Result<void> try_restricted(const FuzzCase& fuzz_case, const Tree& tree, const Setting& setting, Board& board) {
  if (fuzz_case.operations.size() > board.size) return internal_error("more operations than cells");
  for (std::size_t i = 0; i < fuzz_case.operations.size(); ++i) {
    const wire::SlotCell control = board.cells[i].control;
    board.cells[i] = {};
    board.cells[i].control = control;
  }
  return try_side(fuzz_case, tree, setting, board, true);
}

}  // namespace lockstep::conformance::fuzz
