#include <fnmatch.h>

#include <algorithm>
#include <map>

#include <lockstep/abi.h>
#include <lockstep/effective.h>
#include <lockstep/rights.h>

#include "policy/baseline.h"
#include "policy/check.h"
#include "policy/conflict_index.h"

namespace lockstep {
namespace {

// What stops working where an author's read_only entry stands against the baseline.
std::string_view consequence(std::string_view path) {
  if (path == "/proc") return "CUDA cannot name its threads: cuInit() returns 304";
  if (path == "/tmp") return "temporary files cannot be written";
  return "the device opens for reading alone: CUDA finds no GPU there";
}

class Enricher {
 public:
  Enricher(const Policy& policy, const Context& context) : policy_(policy), context_(context) {}
  Result<EffectivePolicy> run();

 private:
  Result<void> add_author();
  Result<void> add_workdir();
  Result<void> add_baseline(const BaselinePath& baseline);
  Result<void> settle(EffectiveRule& author, const BaselinePath& baseline);
  Result<void> settle_grant(const BaselinePath& baseline);
  Result<void> add_cdi();
  Result<void> add_cdi_grant(const CdiPath& chosen, const BaselinePath& baseline);
  Result<void> keep_grant(const BaselinePath& baseline);
  void note_widened();
  AccessSet granted(std::string_view path) const;     // by all grants on exactly this path
  AccessSet authored(std::string_view path) const;    // by everything the author wrote on it and above it
  AccessSet possible(const std::string& path) const;  // the rights that a rule on it can carry
  void promote(EffectiveRule& author, Origin origin, std::string reason) const;
  bool granted_for_writing(std::string_view path) const;
  void notice(Notice::Level level, std::string code, const std::string& path, std::string message) {
    out_.notices.push_back({level, std::move(code), path, std::move(message)});
  }

  const ConflictRule& rule_for(const std::string& path);

  const Policy& policy_;
  const Context& context_;
  std::size_t asked_ = 0;
  std::optional<ConflictIndex> index_;  // once many were asked about
  EffectivePolicy out_;
  std::map<std::string, EffectiveRule> lists_;  // by path: a path stands in one list at most
};

const ConflictRule& Enricher::rule_for(const std::string& path) {
  constexpr std::size_t many = 16;
  if (++asked_ <= many)
    return conflict_rule(context_.administrator_conflicts, policy_.conflicts, context_.source, path);
  if (!index_) index_.emplace(context_.administrator_conflicts, policy_.conflicts);
  return index_->rule(context_.source, path);
}

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

// An author who grants write_file by name beside read_only has answered the conflict himself.
bool Enricher::granted_for_writing(std::string_view path) const {
  return granted(path).contains(Right::write_file);
}

AccessSet Enricher::granted(std::string_view path) const {
  AccessSet out;
  for (const Grant& grant : policy_.grants)
    if (grant.entry.path == path) out |= grant.access;
  return out;
}

AccessSet Enricher::authored(std::string_view path) const {
  AccessSet out;
  for (const PathEntry& entry : policy_.read_only)
    if (is_below(path, entry.path)) out |= access_read_only;
  for (const PathEntry& entry : policy_.read_write)
    if (is_below(path, entry.path)) out |= abi_info(newest_abi)->fs;
  for (const Grant& grant : policy_.grants)
    if (is_below(path, grant.entry.path)) out |= grant.access;
  return out;
}

AccessSet Enricher::possible(const std::string& path) const {
  const AccessSet all = abi_info(newest_abi)->fs;
  for (const HostEntry& entry : context_.host.present)
    if (entry.path == path) return entry.kind == NodeKind::directory ? all : all & access_on_files;
  return all;
}

void Enricher::promote(EffectiveRule& author, Origin origin, std::string reason) const {
  author.promoted_from = author.access;
  author.access = Access::read_write;
  author.origin = origin;
  author.reason = std::move(reason);
  author.added = possible(author.path) - authored(author.path);
}

// The grant is narrower than what the baseline would add, and it stands; where it cannot be enough, that is a warning.
Result<void> Enricher::keep_grant(const BaselinePath& baseline) {
  const std::string path(baseline.path);
  const AccessSet has = granted(path);
  const AccessSet lacks = (Right::read_file | Right::write_file) - has;
  const bool truncates = has.contains(Right::truncate) || path != "/proc";
  std::string missing;
  if (!lacks.empty()) missing += "; without " + join_names(lacks, ", ") + ", O_RDWR fails there";
  if (!truncates)
    missing += "; without truncate, from ABI 3 on drivers cannot name their threads: cuInit() returns 304";
  notice(missing.empty() ? Notice::Level::info : Notice::Level::warning, "baseline-kept", path,
         path + " keeps what the policy grants (" + join_names(has, ", ") + ") instead of read_write by the " +
             std::string(name(baseline.origin)) + missing);
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

Result<void> Enricher::settle(EffectiveRule& author, const BaselinePath& baseline) {
  const ConflictRule& rule = rule_for(author.path);
  const std::string path = printable(author.path);
  // Only the built-in promotion gives way to a grant: a promote that somebody wrote is followed.
  const bool built_in = &rule == &built_in_conflict_rule(author.path);
  const std::string what =
      author.access == Access::grant ? "granted as " + join_names(author.granted, ", ") : "read_only";
  switch (rule.mode) {
    case ConflictMode::reject: {
      std::string message = (author.access == Access::grant ? "the grant on " : "read_only ") + path +
                            " stands against the " + std::string(name(baseline.origin)) +
                            ", which needs it read_write (" + std::string(baseline.reason) + "), and ";
      message += rule.file.empty() ? "the rules reject that"
                                   : printable(rule.file) + ":" + std::to_string(rule.line) + " rejects that";
      const bool final = std::any_of(context_.administrator_conflicts.begin(), context_.administrator_conflicts.end(),
                                     [&](const ConflictRule& each) { return &each == &rule; });
      if (final) message += " (the administrator's rule, which the policy cannot override)";
      return input_error(policy_.file, author.line,
                         message + ": move " + path + " to read_write, or change that rule to promote or keep");
    }
    case ConflictMode::keep:
      if (granted_for_writing(author.path)) return keep_grant(baseline);
      notice(Notice::Level::warning, "baseline-kept", author.path,
             path + " stays " + what + " as " +
                 (rule.file.empty() ? "the policy" : printable(rule.file) + ":" + std::to_string(rule.line)) +
                 " says: " + std::string(consequence(author.path)));
      return {};
    case ConflictMode::promote:
      break;
  }
  if (built_in && granted_for_writing(author.path)) return keep_grant(baseline);
  promote(author, baseline.origin, std::string(baseline.reason));
  notice(Notice::Level::info, author.path == "/proc" ? "proc-promoted" : "promoted", author.path,
         path + (author.promoted_from == Access::grant ? ", " + what + "," : "") + " is promoted from " +
             std::string(name(*author.promoted_from)) + " to read_write: " + std::string(baseline.reason));
  return {};
}

Result<void> Enricher::settle_grant(const BaselinePath& baseline) {
  const std::string path(baseline.path);
  if (granted_for_writing(path)) return keep_grant(baseline);
  const auto first = std::find_if(policy_.grants.begin(), policy_.grants.end(),
                                  [&](const Grant& grant) { return grant.entry.path == path; });
  EffectiveRule word{path,         Access::grant,    granted(path), Origin::policy, "granted in the policy",
                     std::nullopt, first->entry.line};
  LOCKSTEP_CHECK(settle(word, baseline));
  if (word.promoted_from) {
    word.granted = {};
    lists_[path] = std::move(word);
  }
  return {};
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

}  // namespace

const ConflictRule& built_in_conflict_rule(std::string_view path) {
  static const ConflictRule promote{{"/proc"}, {}, ConflictMode::promote, "", 0};
  static const ConflictRule keep{{}, {}, ConflictMode::keep, "", 0};
  return path == "/proc" ? promote : keep;
}

const ConflictRule& conflict_rule(const std::vector<ConflictRule>& administrator,
                                  const std::vector<ConflictRule>& policy, Source source, std::string_view path) {
  const std::string subject(path);
  for (const std::vector<ConflictRule>* list : {&administrator, &policy}) {
    for (const ConflictRule& rule : *list) {
      if (!rule.sources.empty() && std::find(rule.sources.begin(), rule.sources.end(), source) == rule.sources.end())
        continue;
      for (const std::string& glob : rule.paths) {
        const std::string_view plain = plain_start(glob);
        if (!path.starts_with(plain)) continue;
        if (plain.size() == glob.size() ? path.size() == plain.size()
                                        : ::fnmatch(glob.c_str(), subject.c_str(), FNM_PATHNAME) == 0)
          return rule;
      }
    }
  }
  return built_in_conflict_rule(path);
}

Result<EffectivePolicy> enrich(const Policy& policy, const Context& context) {
  LOCKSTEP_CHECK(check(policy));
  return Enricher(policy, context).run();
}

}  // namespace lockstep
