// Who wins where an author's entry stands against what the baseline needs: promoted, kept, or rejected.
#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "policy/enricher.h"

namespace lockstep {
namespace {

// What stops working where an author's read_only entry stands against the baseline.
std::string_view consequence(std::string_view path) {
  if (path == "/proc") return "CUDA cannot name its threads: cuInit() returns 304";
  if (path == "/tmp") return "temporary files cannot be written";
  return "the device opens for reading alone: CUDA finds no GPU there";
}

}  // namespace

const ConflictRule& Enricher::rule_for(const std::string& path) {
  constexpr std::size_t many = 16;
  if (++asked_ <= many)
    return conflict_rule(context_.administrator_conflicts, policy_.conflicts, context_.source, path);
  if (!index_) index_.emplace(context_.administrator_conflicts, policy_.conflicts);
  return index_->rule(context_.source, path);
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

}  // namespace lockstep
