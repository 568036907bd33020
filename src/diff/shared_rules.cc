#include "diff/shared_rules.h"

#include <algorithm>

namespace lockstep::diff {

std::unordered_set<std::string> paths_of_baselines(const std::vector<Situation>& situations) {
  std::unordered_set<std::string> out;
  for (const std::string_view path : baseline_paths()) out.emplace(path);
  for (const std::string_view path : cdi_baseline_paths()) out.emplace(path);
  // An empty policy is what the situation adds by itself.
  Policy nothing;
  nothing.include_workdir = true;
  for (const Situation& each : situations) {
    Context context = each.context;
    context.proxy = Toggle::on;
    if (context.workdir) out.insert(normalise_path(*context.workdir));
    for (const std::string& node : context.host.gpu_nodes) out.insert(node);
    if (context.cdi)
      for (const CdiPath& path : context.cdi->paths) out.insert(path.path);
    const Result<EffectivePolicy> added = enrich(nothing, context);
    if (!added.ok()) continue;  // its work directory: no policy that includes it runs there either
    for (const EffectiveRule& rule : added->rules) out.insert(rule.path);
    for (const SkippedPath& path : added->skipped) out.insert(path.path);
  }
  return out;
}

SharedRules split(const Policy& policy, const std::unordered_set<std::string>& of_a_baseline) {
  SharedRules out{{}, policy};
  std::unordered_set<std::string> writable;
  const auto take = [&](std::vector<PathEntry>& list, Access access) {
    std::erase_if(list, [&](PathEntry& entry) {
      if (of_a_baseline.contains(entry.path)) return false;
      if (access == Access::read_write) writable.insert(entry.path);
      // In both lists, read_write alone counts.
      if (access == Access::read_write || !writable.contains(entry.path))
        out.shared.push_back({entry.path, access, {}, Origin::policy, {}, std::nullopt, entry.line});
      return true;
    });
  };
  take(out.rest.read_write, Access::read_write);
  take(out.rest.read_only, Access::read_only);
  std::erase_if(out.rest.grants, [&](const Grant& grant) {
    if (of_a_baseline.contains(grant.entry.path)) return false;
    out.shared.push_back({grant.entry.path,
                          Access::grant,
                          grant.access,
                          Origin::policy,
                          {},
                          std::nullopt,
                          grant.entry.line,
                          grant.quiet});
    return true;
  });
  return out;
}

}  // namespace lockstep::diff
