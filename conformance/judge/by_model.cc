#include "conformance/judge/by_model.h"

#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <string>

#include "conformance/judge/compose.h"
#include "conformance/judge/predict.h"

namespace lockstep::conformance::judge {
namespace {

// What the tree of a case would be.
class Tree {
 public:
  explicit Tree(const CaseRun& run) : own_sys_(!run.cells.bind_sys) {
    for (const wire::TreeItem& item : run.cells.tree)
      if (!item.path.empty()) add(item);
  }

  model::RawWalk walk(const std::string& path, bool follow) {
    model::RawWalk out{};
    std::string at = resolve(path, follow, 0);
    if (at.empty()) {
      out.error = ELOOP;
      return out;
    }
    if (!exists(at)) {
      out.missing = 1;
      at = parent(at);
      if (!exists(at)) out.error = ENOENT;
    }
    for (; out.error == 0; at = parent(at)) {
      if (out.count == model::RawWalk::max_links) out.error = E2BIG;
      if (out.error == 0) out.links[out.count++] = link(at);
      if (at == "/") break;
    }
    return out;
  }

 private:
  static std::string parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
  }
  void add(const wire::TreeItem& item) {
    for (std::string at = parent(item.path); !items_.contains(at); at = parent(at))
      items_[at] = {wire::TreeKind::directory, at, {}, 0, false, 0};
    items_[item.path] = item;
  }
  bool of_the_machine(const std::string& path) const {
    return is_below(path, "/proc") || (!own_sys_ && is_below(path, "/sys"));
  }
  bool exists(const std::string& path) const { return path == "/" || items_.contains(path) || of_the_machine(path); }

  // The path without its links; empty: too many.
  std::string resolve(const std::string& path, bool follow, int depth) const {
    constexpr int most = 40;
    if (depth > most) return "";
    std::string at;
    for (std::size_t start = 1; start <= path.size();) {
      const std::size_t end = std::min(path.find('/', start), path.size());
      const std::string word = path.substr(start, end - start);
      start = end + 1;
      if (word.empty() || word == ".") continue;
      if (word == "..") {
        at = at.substr(0, at.rfind('/') == std::string::npos ? 0 : at.rfind('/'));
        continue;
      }
      at += "/" + word;
      const auto item = items_.find(at);
      const bool last = start > path.size();
      if (item == items_.end() || item->second.kind != wire::TreeKind::symlink || (last && !follow)) continue;
      const std::string& target = item->second.target;
      const std::string rest = last ? "" : path.substr(end);
      return resolve((target.starts_with('/') ? target : parent(at) + "/" + target) + rest, follow, depth + 1);
    }
    return at.empty() ? "/" : at;
  }

  model::RawLink link(const std::string& path) {
    const auto item = items_.find(path);
    const wire::TreeKind kind = item == items_.end() ? wire::TreeKind::directory : item->second.kind;
    const bool other_name = kind == wire::TreeKind::hard_link || kind == wire::TreeKind::bind;
    const std::string object = other_name ? item->second.target : path;
    const auto found = items_.find(object);
    const wire::TreeKind is = found == items_.end() ? wire::TreeKind::directory : found->second.kind;
    return {1, numbers_.emplace(object, numbers_.size() + 1).first->second, mode(is),
            kind == wire::TreeKind::bind || path == "/" ? 1U : 0U};
  }
  static std::uint32_t mode(wire::TreeKind kind) {
    switch (kind) {
      case wire::TreeKind::file:
      case wire::TreeKind::hard_link:
        return S_IFREG;
      case wire::TreeKind::character:
        return S_IFCHR;
      case wire::TreeKind::fifo:
        return S_IFIFO;
      case wire::TreeKind::socket:
        return S_IFSOCK;
      case wire::TreeKind::symlink:
        return S_IFLNK;
      default:
        return S_IFDIR;
    }
  }

  bool own_sys_;
  std::map<std::string, wire::TreeItem> items_;
  std::map<std::string, std::uint64_t> numbers_;
};

}  // namespace

std::optional<gpu::ReadinessVerdict> readiness_by_model(const Row& row, const KernelLandlock& kernel) {
  const CaseRun& run = *row.run;
  if (run.source.context.host.real) return std::nullopt;
  for (const EffectiveRule& rule : run.effective.rules)
    if (rule.path.starts_with("/proc/")) return std::nullopt;
  if (!compile(run.effective, row.plan_abi).ok()) return std::nullopt;
  Tree tree(run);
  wire::RowReply reply;
  const auto walk_rules = [&](const EffectivePolicy& effective) {
    for (const EffectiveRule& rule : effective.rules) {
      model::RawWalk walk = tree.walk(rule.path, true);
      if (walk.missing != 0) walk.error = ENOENT;
      reply.control.view_walks.add(walk);
    }
  };
  walk_rules(run.effective);
  for (const EffectivePolicy& more : run.stacked) walk_rules(more);
  for (const wire::CellRequest& cell : run.cells.cells) {
    // Whose comm it is does not matter where no rule is below /proc.
    const std::string path = cell.operation == Operation::comm_open ? "/proc/1/task/1/comm" : cell.path;
    const bool follow = follows_last_symlink(cell.operation);
    model::RawWalk walk = path.starts_with('/') ? tree.walk(path, follow) : model::RawWalk{};
    // Of what is not in the tree only the operation says what it is.
    if (walk.missing == 0 && walk.count > 0 && is_below(path, "/proc"))
      walk.links[0].mode = wants_directory(cell.operation) ? S_IFDIR : S_IFREG;
    reply.control.first_walks.add(walk);
    reply.control.second_walks.add(cell.path2.starts_with('/') ? tree.walk(cell.path2, follow) : model::RawWalk{});
    wire::CellReply answer;
    answer.state = wire::CellState::done;
    answer.err = walk.error != 0 ? walk.error : walk.missing != 0 && !makes_name(cell.operation) ? ENOENT : 0;
    reply.control.cells.push_back(answer);
    reply.restricted.cells.push_back(answer);
  }
  const model::Model model = build_model(row, reply, kernel, row.plan_abi);
  std::vector<model::Decision> decisions;
  RowVerdict out;
  for (std::size_t i = 0; i < run.cells.cells.size(); ++i) {
    decisions.push_back(decide(row, model, i, reply));
    out.cells.emplace_back();
    out.cells.back().observed = compose(run.cells.cells[i].operation, run.cells.cells[i].mode,
                                        Control{reply.control.cells[i].err}, decisions[i])
                                    .err;
  }
  read_readiness(row, reply, kernel, decisions, out);
  out.readiness.expected.reset();
  return out.readiness;
}

}  // namespace lockstep::conformance::judge
