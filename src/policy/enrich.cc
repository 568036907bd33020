// What comes into an effective policy, and in which order: the author's entries, the work directory, the baselines, the
// devices chosen by CDI.
#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "policy/check.h"
#include "policy/enricher.h"

namespace lockstep {

Result<void> Enricher::add_author() {
  for (const PathEntry& entry : policy_.read_only)
    lists_[entry.path] = {entry.path,   Access::read_only, {}, Origin::policy, "written in the policy",
                          std::nullopt, entry.line};
  for (const PathEntry& entry : policy_.read_write) {
    if (const auto both = lists_.find(entry.path); both != lists_.end() && both->second.access == Access::read_only) {
      const std::string message =
          printable(entry.path) + " stands in read_only and in read_write: read_write wins, Landlock cannot subtract";
      notice(Notice::Level::warning, "both-lists", entry.path, message);
      out_.warnings.push_back({entry.line, message});
    }
    lists_[entry.path] = {entry.path,   Access::read_write, {}, Origin::policy, "written in the policy",
                          std::nullopt, entry.line};
  }
  for (const Grant& grant : policy_.grants)
    out_.rules.push_back({grant.entry.path, Access::grant, grant.access, Origin::policy,
                          grant.reason.empty() ? "granted in the policy" : grant.reason, std::nullopt, grant.entry.line,
                          grant.quiet});
  return {};
}

Result<void> Enricher::add_workdir() {
  if (!policy_.include_workdir || !context_.workdir) return {};
  const std::string& written = *context_.workdir;
  const std::string path = normalise_path(written);
  if (!written.starts_with('/') || written.find("/../") != std::string::npos || written.ends_with("/.."))
    return input_error(policy_.file, 0,
                       "the work directory must be an absolute path without ..: " + printable(written));
  const bool control = std::any_of(written.begin(), written.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (written.size() > 4096 || control || !is_valid_utf8(written))
    return input_error(policy_.file, 0,
                       "the work directory must be UTF-8 text without control characters, at most 4096 bytes: " +
                           printable(written.substr(0, 80)));
  if (path == "/")
    return input_error(policy_.file, 0,
                       "the work directory is the root: it would be granted for writing; choose a directory below it");
  const auto author = lists_.find(path);
  if (author == lists_.end()) {
    lists_[path] = {path, Access::read_write, {}, Origin::workdir, "include_workdir", std::nullopt, 0};
  } else if (author->second.access == Access::read_only) {
    promote(author->second, Origin::workdir, "include_workdir");
    notice(Notice::Level::warning, "both-lists", path,
           printable(path) + " is read_only in the policy, and read_write as the work directory");
  }
  return {};
}

// Landlock joins the rights of all parents: an author's narrower entry below what the baseline made read-write is
// read-write.
void Enricher::note_widened() {
  std::vector<const EffectiveRule*> added;  // a few, where the author's can be thousands
  for (const auto& [path, rule] : lists_)
    if (rule.access == Access::read_write && rule.origin != Origin::policy) added.push_back(&rule);
  for (const auto& [path, rule] : lists_) {
    if (rule.access != Access::read_only || rule.origin != Origin::policy) continue;
    for (const EffectiveRule* wider : added)
      if (path.starts_with(wider->path + "/"))
        notice(Notice::Level::warning, "widened", path,
               printable(path) + " is read_only in the policy but lies below " + printable(wider->path) +
                   ", which the " + std::string(name(wider->origin)) + " makes read-write: Landlock cannot subtract");
  }
}

Result<void> Enricher::add_baseline(const BaselinePath& baseline) {
  const std::string path(baseline.path);
  const auto author = lists_.find(path);
  if (!context_.host.exists(path)) {  // no conflict over what is not there; the author's own entry stays as it is
    if (author == lists_.end()) out_.skipped.push_back({path, baseline.origin, "does not exist", 0});
    return {};
  }
  const bool listed_by_author = author != lists_.end() && author->second.origin == Origin::policy;
  // A grant on the path is the author's word as read_only is, whatever other baselines read there.
  if (baseline.access == Access::read_write && !listed_by_author && !granted(path).empty() &&
      (author == lists_.end() || author->second.access == Access::read_only))
    return settle_grant(baseline);
  if (author != lists_.end()) {
    // Read-only by another baseline is no conflict: nobody wrote it.
    if (author->second.access == Access::read_only && baseline.access == Access::read_write) {
      if (listed_by_author) return settle(author->second, baseline);
      author->second.access = Access::read_write;
      author->second.origin = baseline.origin;
      author->second.reason = baseline.reason;
    }
    return {};
  }
  lists_[path] = {path, baseline.access, {}, baseline.origin, std::string(baseline.reason), std::nullopt, 0};
  return {};
}

// Less than read_write and more than read_only: beside the author's own entry, unless the rules keep that.
Result<void> Enricher::add_cdi_grant(const CdiPath& chosen, const BaselinePath& baseline) {
  const auto author = lists_.find(chosen.path);
  const bool listed = author != lists_.end();
  if (granted(chosen.path).contains(chosen.access) || (listed && author->second.access == Access::read_write))
    return {};
  if (listed && author->second.origin == Origin::policy) {
    const ConflictMode mode = rule_for(chosen.path).mode;
    if (mode != ConflictMode::promote) return settle(author->second, baseline);
    notice(Notice::Level::info, "promoted", chosen.path,
           printable(chosen.path) + " gets " + join_names(chosen.access, ", ") +
               " beside read_only: " + std::string(baseline.reason));
  }
  EffectiveRule rule{
      chosen.path, Access::grant, chosen.access, Origin::cdi, std::string(baseline.reason), std::nullopt, 0};
  rule.spec = chosen.spec;
  if (listed && author->second.origin == Origin::policy)
    rule.added = (chosen.access & possible(chosen.path)) - authored(chosen.path);
  out_.rules.push_back(std::move(rule));
  return {};
}

Result<void> Enricher::add_cdi() {
  for (const std::string& warning : context_.cdi->warnings) notice(Notice::Level::warning, "cdi-spec", "", warning);
  for (const CdiPath& chosen : context_.cdi->paths) {
    const bool writes = chosen.access == abi_info(newest_abi)->fs, reads = chosen.access == access_read_only;
    const std::string reason = "chosen by CDI: " + printable(chosen.device);
    const BaselinePath baseline{chosen.path, writes || !reads ? Access::read_write : Access::read_only, Origin::cdi,
                                reason};
    if (!writes && !reads && context_.host.exists(chosen.path)) {
      LOCKSTEP_CHECK(add_cdi_grant(chosen, baseline));
      continue;
    }
    LOCKSTEP_CHECK(add_baseline(baseline));
    if (const auto added = lists_.find(chosen.path); added != lists_.end() && added->second.origin == Origin::cdi)
      added->second.spec = chosen.spec;
  }
  return {};
}

Result<EffectivePolicy> Enricher::run() {
  out_.file = policy_.file;
  out_.source = context_.source;
  out_.compatibility = policy_.compatibility;
  out_.min_abi = policy_.min_abi;
  out_.include_workdir = policy_.include_workdir;
  out_.run_as_user = policy_.run_as_user;
  out_.run_as_group = policy_.run_as_group;
  out_.restrictions = policy_.restrictions;
  out_.network = policy_.network_summary;
  out_.warnings = policy_.warnings;
  // Devices that were chosen decide: an AMD GPU or a network card brings nothing of NVIDIA's.
  const bool has_gpu =
      context_.cdi ? context_.cdi->nvidia : context_.host.exists("/dev/nvidiactl") || context_.host.exists("/dev/dxg");
  out_.gpu = context_.gpu == Toggle::on || (context_.gpu == Toggle::automatic && has_gpu);
  out_.proxy = context_.proxy == Toggle::on || (context_.proxy == Toggle::automatic && policy_.has_network_policies);

  LOCKSTEP_CHECK(add_author());
  LOCKSTEP_CHECK(add_workdir());
  if (out_.proxy)
    for (const BaselinePath& baseline : proxy_baseline) LOCKSTEP_CHECK(add_baseline(baseline));
  if (context_.cdi) LOCKSTEP_CHECK(add_cdi());
  if (out_.gpu) {
    if (context_.cdi)
      for (const BaselinePath& baseline : cdi_baseline) LOCKSTEP_CHECK(add_baseline(baseline));
    for (const BaselinePath& baseline : gpu_baseline) LOCKSTEP_CHECK(add_baseline(baseline));
    for (const std::string& node : context_.cdi ? std::vector<std::string>() : context_.host.gpu_nodes)
      LOCKSTEP_CHECK(add_baseline({node, Access::read_write, Origin::gpu_device, "a GPU of this host"}));
  }
  note_widened();
  for (auto& [path, rule] : lists_) out_.rules.push_back(std::move(rule));
  std::stable_sort(out_.rules.begin(), out_.rules.end(), [](const EffectiveRule& a, const EffectiveRule& b) {
    if (a.path != b.path) return a.path < b.path;
    return (a.access == Access::grant) < (b.access == Access::grant);
  });
  // A path the GPU baseline has as well is skipped once.
  const auto same = [](const SkippedPath& a, const SkippedPath& b) { return a.path == b.path; };
  std::stable_sort(out_.skipped.begin(), out_.skipped.end(),
                   [](const SkippedPath& a, const SkippedPath& b) { return a.path < b.path; });
  out_.skipped.erase(std::unique(out_.skipped.begin(), out_.skipped.end(), same), out_.skipped.end());
  return std::move(out_);
}

Result<EffectivePolicy> enrich(const Policy& policy, const Context& context) {
  LOCKSTEP_CHECK(check(policy));
  return Enricher(policy, context).run();
}

}  // namespace lockstep
