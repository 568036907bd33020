#include "conformance/prove/worker.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <lockstep/plan.h>

#include "conformance/fuzz/shrink.h"
#include "conformance/fuzz/worker.h"
#include "conformance/prove/also.h"
#include "conformance/prove/later.h"

namespace lockstep::conformance::prove {

constexpr int held_descriptor = 99;

struct Worker::Stand {
  Stand() = default;
  Stand(const Stand&) = delete;
  Stand& operator=(const Stand&) = delete;
  ~Stand() { (void)::chdir("/"), ::close(held_descriptor); }

  Result<void> clear() {
    if (::umount2(tree_root, MNT_DETACH) != 0)
      return system_error(errno, "umount2(\"" + std::string(tree_root) + "\")");
    return tree.clear();
  }

  fuzz::Tree tree{tree_root};
  std::optional<Names> names;
  std::vector<Attempt> attempts;
  bool nodes = false;
  Also also;
};

namespace {

// A policy as it would be enforced here, or why it is not.
struct Compiled {
  std::optional<Plan> plan;
  std::string refused;
};

Result<Compiled> compiled(const Policy& policy, const Context& context, int abi) {
  Result<EffectivePolicy> effective = enrich(policy, context);
  if (!effective.ok() && effective.error().kind == ErrorKind::input) return Compiled{{}, effective.error().to_string()};
  if (!effective.ok()) return effective.error();
  Result<Plan> plan = compile(*effective, abi);
  const bool no = !plan.ok() && (plan.error().kind == ErrorKind::input || plan.error().kind == ErrorKind::unsupported);
  if (no) return Compiled{{}, plan.error().to_string()};
  if (!plan.ok()) return plan.error();
  return Compiled{std::move(plan).value(), {}};
}

bool names_one_process(const Policies& pair) {
  bool out = false;
  for (const Policy* policy : {&pair.before, &pair.after}) {
    for (const auto* list : {&policy->read_only, &policy->read_write})
      for (const PathEntry& entry : *list) out = out || of_one_process(entry.path);
    for (const Grant& grant : policy->grants) out = out || of_one_process(grant.entry.path);
  }
  return out;
}

}  // namespace

Result<void> Worker::start() {
  ::umask(0);
  LOCKSTEP_CHECK(fuzz::enter_namespace());
  if (::mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0777") != 0)
    return unsupported_error(errno, "no tmpfs can be mounted here: " + errno_name(errno));
  return {};
}

Result<void> Worker::stand(Stand& out, const std::vector<fuzz::Item>& items) {
  // On a mount of its own, which takes everything on it along, devices that are bound where none may be made
  // among them.
  if ((::mkdir(tree_root, 0777) != 0 && errno != EEXIST) || ::mount("tmpfs", tree_root, "tmpfs", 0, "mode=0777") != 0)
    return system_error(errno, "mkdir, mount(\"" + std::string(tree_root) + "\")");
  for (const fuzz::Item& item : items) LOCKSTEP_CHECK(out.tree.make(item));
  // Where /proc/self/cwd and /proc/self/fd/99 lead to, in the children as well.
  const auto first =
      std::find_if(items.begin(), items.end(), [](const fuzz::Item& item) { return item.kind == fuzz::ItemKind::dir; });
  const std::string inside = std::string(tree_root) + (first == items.end() ? "" : "/" + first->path);
  const UniqueFd held(::open(inside.c_str(), O_PATH | O_CLOEXEC));
  if (::chdir(inside.c_str()) != 0 || !held || ::dup2(held.get(), held_descriptor) < 0)
    return system_error(errno, "chdir, open(\"" + inside + "\")");
  out.also.accepted = inside;
  out.also.listed = std::none_of(items.begin(), items.end(), [](const fuzz::Item& item) {
    return item.kind == fuzz::ItemKind::link || item.kind == fuzz::ItemKind::bind;
  });
  LOCKSTEP_ASSIGN(out.nodes, plant(tree_root));
  LOCKSTEP_ASSIGN(out.names, Names::read(tree_root));
  out.attempts = attempts_of(*out.names);
  LOCKSTEP_CHECK(make_victims(out.attempts));
  return observer_.keep_possible(&out.attempts);
}

Result<Judged> Worker::ask(const Stand& stand, const fuzz::FuzzCase& pair) {
  beats_->fetch_add(1);
  LOCKSTEP_ASSIGN(const Policies policies, policies_of(pair, tree_root));
  const Result<diff::Diff> diff = options_.lie != nullptr ? options_.lie->answer(policies) : answer(policies);
  if (!diff.ok() && diff.error().kind != ErrorKind::input) return diff.error();
  Judged out;
  if (!diff.ok()) {  // exit 2 is no pass
    ++out.unseen["the diff does not answer: what a path leads to cannot be looked up"];
    return out;
  }
  Compiled plans[2];
  Observation seen[2];
  for (const bool after : {false, true}) {
    LOCKSTEP_ASSIGN(plans[after], compiled(after ? policies.after : policies.before, policies.context, kernel_.abi));
    seen[after].refused = plans[after].refused;
    if (!plans[after].plan) continue;
    LOCKSTEP_ASSIGN(seen[after], observer_.run(stand.attempts, &*plans[after].plan));
  }
  const Evidence evidence{
      *stand.names, stand.attempts, seen[0], seen[1], *diff, kernel_.abi, names_one_process(policies)};
  out = judge(evidence);
  if (options_.lie != nullptr || !seen[0].refused.empty() || !seen[1].refused.empty()) return out;
  LOCKSTEP_CHECK(judge_also(evidence, policies, stand.also, &out));
  LOCKSTEP_CHECK(judge_later(observer_, *plans[0].plan, *plans[1].plan, policies, *diff, &out));
  return out;
}

Result<Judged> Worker::once(const fuzz::FuzzCase& pair) {
  Stand now;
  Result<void> stood = stand(now, pair.items);
  Result<Judged> out = stood.ok() ? ask(now, pair) : Result<Judged>(stood.error());
  LOCKSTEP_CHECK(now.clear());
  return out;
}

Found Worker::describe(const fuzz::FuzzCase& pair, const Judged& judged) const {
  Found out{judged.fault, judged.words, {}, fuzz::to_json(pair)};
  out.text = "tree, below " + std::string(tree_root) + ":\n";
  for (const fuzz::Item& item : pair.items)
    out.text += "  " + std::string(fuzz::name(item.kind)) + " " + item.path +
                (item.target.empty() ? "" : " -> " + item.target) + "\n";
  for (const bool after : {false, true})
    out.text += (after ? "NEW:\n" : "OLD:\n") + policy_text(*pair.layers[after ? 1 : 0].policy, tree_root);
  return out;
}

Result<Found> Worker::cut_down(fuzz::FuzzCase pair, const Judged& first, const std::string& why) {
  const auto fails = [&](const fuzz::FuzzCase& each) {
    if (!is_pair(each)) return false;
    const Result<Judged> judged = once(each);
    return judged.ok() && judged->fault == first.fault;
  };
  const bool again = fails(pair);
  if (again) pair = fuzz::shrink(std::move(pair), fails);
  LOCKSTEP_ASSIGN(Judged judged, once(pair));
  if (judged.fault != first.fault) judged = first, judged.words += "; not again in a tree of its own";
  pair.why = why + ": " + std::string(name(judged.fault)) + ": " + judged.words;
  return describe(pair, judged);
}

Result<Tally> Worker::run_tree(std::uint64_t index, std::uint64_t pairs) {
  Generator generator(options_.seed, index, tree_root, kernel_.abi);
  Tally out;
  out.trees = 1;
  std::vector<std::pair<fuzz::FuzzCase, Judged>> faulty;
  {
    Stand now;
    LOCKSTEP_CHECK(stand(now, generator.items()));
    if (!now.nodes)
      out.not_tried.insert("device nodes that a policy names a directory of: mknod() is not permitted here");
    if (!now.names->find("/proc/self/comm") && !now.names->find("/proc/version"))
      out.not_tried.insert("procfs: /proc is not this process' own");
    const std::string was = now.names->fingerprint();
    for (std::uint64_t i = 0; i < pairs; ++i) {
      const Pair pair = generator.next();
      LOCKSTEP_ASSIGN(const Judged judged, ask(now, pair.of));
      ++out.pairs;
      out.attempts += now.attempts.size();
      ++out.observed[static_cast<std::size_t>(judged.observed)];
      ++out.changes[static_cast<std::size_t>(pair.change)];
      out.confirmed += judged.confirmed;
      for (const auto& [why, count] : judged.unseen) out.unseen[why] += count;
      if (judged.fault != Fault::none) faulty.emplace_back(pair.of, judged);
    }
    LOCKSTEP_ASSIGN(const Names is, Names::read(tree_root));
    if (is.fingerprint() != was) return internal_error("a tree is not as it was made");
    LOCKSTEP_CHECK(now.clear());
  }
  for (auto& [pair, judged] : faulty) {
    LOCKSTEP_ASSIGN(Found found, cut_down(std::move(pair), judged,
                                          "seed " + std::to_string(options_.seed) + ", tree " + std::to_string(index)));
    out.found.push_back(std::move(found));
    if (out.found.size() >= options_.faults) break;
  }
  return out;
}

}  // namespace lockstep::conformance::prove
