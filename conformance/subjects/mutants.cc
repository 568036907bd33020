#include "conformance/subjects/mutants.h"

#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep::conformance::subjects {
namespace {

Mutant on_plan(const char* name, const char* what, std::function<void(Plan&)> change) {
  Mutant out;
  out.subject.name = name;
  out.subject.after_compile = std::move(change);
  out.what = what;
  return out;
}

Mutant on_stacked(const char* name, const char* what, std::function<void(Plan&)> change) {
  Mutant out;
  out.subject.name = name;
  out.subject.after_compile_of_stacked = std::move(change);
  out.what = what;
  return out;
}

Mutant on_effective(const char* name, const char* what, std::function<void(EffectivePolicy&)> change) {
  Mutant out;
  out.subject.name = name;
  out.subject.after_enrich = std::move(change);
  out.what = what;
  return out;
}

Mutant on_model(const char* name, const char* what, std::function<void(EffectivePolicy&)> takes) {
  Mutant out;
  out.subject.name = name;
  out.model_takes = std::move(takes);
  out.what = what;
  return out;
}

Mutant on_enforcement(const char* name, const char* what, wire::Enforcement enforcement) {
  Mutant out;
  out.subject.name = name;
  out.subject.enforcement = enforcement;
  out.what = what;
  return out;
}

// Names the row and the cell that must catch it.
Mutant caught_by(Mutant mutant, const char* case_name, int needs_abi, const char* cell) {
  mutant.case_name = case_name;
  mutant.needs_abi = needs_abi;
  mutant.cell = cell;
  return mutant;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

void drop_right(Plan& plan, Right right) {
  for (PlanRule& rule : plan.rules) rule.rights = rule.rights - right;
}

void unhandle(Plan& plan, Right right) {
  plan.handled = plan.handled - right;
  drop_right(plan, right);
}

// What the plan's own ABI brought is left out.
void to_older_abi(Plan& plan) {
  const AbiInfo &known = *abi_info(plan.abi), &older = *abi_info(plan.abi - 1);
  for (int bit = 0; bit < right_count; ++bit)
    if (const auto right = static_cast<Right>(bit); known.fs.contains(right) && !older.fs.contains(right))
      unhandle(plan, right);
}

template <typename Keep>
void keep_rules(Plan& plan, Keep keep) {
  plan.rules.erase(
      std::remove_if(plan.rules.begin(), plan.rules.end(), [&](const PlanRule& rule) { return !keep(rule); }),
      plan.rules.end());
}

// Rules on what is not handled are EINVAL.
void keep_ports(Plan& plan) {
  plan.ports.erase(std::remove_if(plan.ports.begin(), plan.ports.end(),
                                  [&](const PortRule& rule) { return !plan.handled_net.contains(rule.right); }),
                   plan.ports.end());
}

// What the words of a policy mean, with one of them forgotten.
void take_read_write_for_read_only(EffectivePolicy& effective) {
  for (EffectiveRule& rule : effective.rules)
    if (rule.access == Access::read_write) rule.access = Access::read_only;
}

bool is_device(const PlanRule& rule) {
  return rule.path.starts_with("/dev/nvidia") || rule.path == "/dev/dxg";
}

}  // namespace

std::vector<Mutant> mutants() {
  constexpr const char* gpu = "gpu-enrichment-without-network-policy-promotes-proc";
  constexpr const char* rights = "rights-read-only-and-read-write";
  std::vector<Mutant> out;
  out.push_back(
      caught_by(on_enforcement("no-restriction", "the rule set is built and never enforced", wire::Enforcement::none),
                rights, 1, "open-w /scratch/ro/file"));
  out.push_back(caught_by(
      on_enforcement("one-thread", "another thread than the caller is restricted", wire::Enforcement::other_thread),
      rights, 1, "create /outside/new"));
  out.push_back(caught_by(on_plan("write-on-read", "read_only grants write_file as well",
                                  [](Plan& plan) {
                                    for (PlanRule& rule : plan.rules)
                                      if (rule.rights.contains(Right::read_file)) rule.rights |= Right::write_file;
                                  }),
                          rights, 1, "open-w /scratch/ro/file"));
  out.push_back(
      caught_by(on_plan("no-read-dir", "read_dir is lost", [](Plan& plan) { drop_right(plan, Right::read_dir); }),
                rights, 1, "opendir /scratch/ro/dir"));
  out.push_back(
      caught_by(on_plan("no-execute", "execute is lost", [](Plan& plan) { drop_right(plan, Right::execute); }), rights,
                1, "exec /scratch/ro/tool"));
  out.push_back(caught_by(on_effective("read-write-as-read-only", "the library takes read_write for read_only",
                                       take_read_write_for_read_only),
                          rights, 1, "open-w /scratch/rw/file"));
  out.push_back(
      caught_by(on_model("model-write-as-read", "the model takes read_write for read_only, the library does not",
                         take_read_write_for_read_only),
                rights, 1, "open-w /scratch/rw/file"));
  out.push_back(caught_by(on_plan("parent-rule", "each rule is made on the parent directory",
                                  [](Plan& plan) {
                                    for (PlanRule& rule : plan.rules)
                                      if (rule.path.starts_with("/scratch/")) rule.path = parent_of(rule.path);
                                  }),
                          rights, 1, "open-r /scratch/other/file"));
  out.push_back(caught_by(
      on_plan("truncate-unhandled", "truncate is not handled", [](Plan& plan) { unhandle(plan, Right::truncate); }),
      rights, 3, "truncate /scratch/ro/truncated"));
  out.push_back(caught_by(
      on_plan("ioctl-unhandled", "ioctl_dev is not handled", [](Plan& plan) { unhandle(plan, Right::ioctl_dev); }),
      "gpu-node-by-grant-without-ioctl", 5, "ioctl /dev/nvidia0"));
  out.push_back(caught_by(on_plan("refer-everywhere", "refer is granted by every rule",
                                  [](Plan& plan) {
                                    for (PlanRule& rule : plan.rules) rule.rights |= Right::refer;
                                  }),
                          "refer-needs-both-directories", 2, "link /scratch/a/file /scratch/b/linked"));
  out.push_back(caught_by(
      on_plan("path-skipped", "the last path of the author is left out",
              [](Plan& plan) { keep_rules(plan, [](const PlanRule& rule) { return rule.path != "/scratch/rw"; }); }),
      rights, 1, "open-w /scratch/rw/file"));
  out.push_back(
      caught_by(on_enforcement("errors-swallowed", "best_effort: a missing path costs the whole restriction, silently",
                               wire::Enforcement::none_if_skipped),
                "a-missing-path-of-the-author-costs-only-itself", 1, "open-w /outside/file"));
  out.push_back(caught_by(on_plan("hard-as-best-effort", "hard_requirement goes on without a path that is missing",
                                  [](Plan& plan) { plan.compatibility = Compatibility::best_effort; }),
                          "a-missing-path-refuses-a-hard-requirement", 1, "refusal"));
  out.push_back(caught_by(on_effective("proc-not-promoted", "/proc stays read_only on a GPU host",
                                       [](EffectivePolicy& effective) {
                                         for (EffectiveRule& rule : effective.rules)
                                           if (rule.path == "/proc") rule.access = Access::read_only;
                                       }),
                          gpu, 1, "comm-open rdwr other-thread by grandchild"));
  out.push_back(caught_by(on_effective("promotion-unreported", "/proc is promoted without a notice",
                                       [](EffectivePolicy& effective) { effective.notices.clear(); }),
                          gpu, 0, "notices"));
  out.push_back(
      caught_by(on_plan("devices-lost", "the GPU's nodes are not granted",
                        [](Plan& plan) { keep_rules(plan, [](const PlanRule& rule) { return !is_device(rule); }); }),
                gpu, 1, "open-rw /dev/nvidia0"));
  out.push_back(caught_by(on_plan("device-neighbour", "a device rule covers the whole of /dev",
                                  [](Plan& plan) {
                                    for (PlanRule& rule : plan.rules)
                                      if (is_device(rule)) rule.path = "/dev";
                                  }),
                          gpu, 1, "open-rw /dev/other"));
  constexpr const char* stacked = "a-second-policy-narrows-the-first";
  out.push_back(caught_by(on_enforcement("second-layer-lost", "nothing is stacked on the first policy",
                                         wire::Enforcement::first_layer_alone),
                          stacked, 1, "open-w /scratch/rw/file"));
  out.push_back(caught_by(on_stacked("right-lost-at-stacking", "a policy that is stacked does not handle write_file",
                                     [](Plan& plan) { unhandle(plan, Right::write_file); }),
                          stacked, 1, "open-w /scratch/rw/file"));
  out.push_back(caught_by(
      on_enforcement("answered-and-not-done", "a filter answers in the kernel's place that the restriction is in force",
                     wire::Enforcement::answered),
      rights, 1, "open-w /scratch/ro/file"));
  Mutant older = caught_by(on_plan("abi-one-less", "the kernel is taken for one of an ABI less", to_older_abi),
                           "gpu-node-by-grant-without-ioctl", 5, "ioctl /dev/nvidia0");
  older.plan_abi = 5;
  out.push_back(std::move(older));
  constexpr const char* ports = "ports-are-those-named";
  out.push_back(caught_by(on_plan("ports-unhandled", "ports are left out of the rule set",
                                  [](Plan& plan) {
                                    plan.handled_net = {};
                                    plan.ports.clear();
                                  }),
                          ports, 4, "connect-tcp 8080"));
  out.push_back(caught_by(on_plan("port-lost", "the first port named is not allowed",
                                  [](Plan& plan) { plan.ports.erase(plan.ports.begin()); }),
                          ports, 4, "bind-tcp 8080"));
  out.push_back(caught_by(
      on_plan("scope-lost", "signals may leave", [](Plan& plan) { plan.scoped = plan.scoped - Scope::signal; }),
      "scopes-keep-signals-and-abstract-sockets-inside", 6, "signal"));
  out.push_back(caught_by(on_plan("sockets-unhandled", "resolve_unix is not handled",
                                  [](Plan& plan) { unhandle(plan, Right::resolve_unix); }),
                          "sockets-persistenced-needs-resolve-unix-at-abi-9", 9,
                          "connect-unix /run/nvidia-persistenced/socket"));
  out.push_back(caught_by(on_plan("udp-unhandled", "UDP is left out of the rule set",
                                  [](Plan& plan) {
                                    plan.handled_net =
                                        plan.handled_net & (NetSet(NetRight::bind_tcp) | NetRight::connect_tcp);
                                    keep_ports(plan);
                                  }),
                          ports, 10, "send-udp 54"));
  out.push_back(caught_by(on_plan("threads-left", "one thread is restricted where all are to be",
                                  [](Plan& plan) { plan.all_threads = false; }),
                          "threads-all-binds-those-that-run-already", 8, "open-r /outside/file by early-thread"));
  return out;
}

}  // namespace lockstep::conformance::subjects
