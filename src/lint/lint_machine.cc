// Traps that depend on the host: what is there, what is one object, which conflicts can arise.
#include <fnmatch.h>

#include <algorithm>
#include <unordered_map>

#include <lockstep/rights.h>
#include <lockstep/sandbox.h>

#include "lint/lint_subject.h"

namespace lockstep::lint::find {
namespace {

// Every path that a read_only entry can conflict over, on any host.
std::vector<std::string> conflict_paths(const Subject& subject) {
  Context context;
  for (const std::string_view path : baseline_paths()) context.host.present.push_back({std::string(path)});
  context.gpu = context.proxy = Toggle::on;
  std::vector<std::string> out = subject.options.context.host.gpu_nodes;
  if (const Result<EffectivePolicy> baseline = enrich(Policy(), context); baseline.ok()) {
    const std::vector<std::string> writable = baseline->read_write();
    out.insert(out.end(), writable.begin(), writable.end());
  }
  for (int node = 0; node < 32; ++node) out.push_back("/dev/nvidia" + std::to_string(node));
  return out;
}

bool meets(const ConflictRule& rule, const std::string& path) {
  return std::any_of(rule.paths.begin(), rule.paths.end(),
                     [&](const std::string& glob) { return ::fnmatch(glob.c_str(), path.c_str(), FNM_PATHNAME) == 0; });
}

// Whether `first` decides for every source that `later` is about.
bool speaks_for(const ConflictRule& first, const ConflictRule& later) {
  if (first.sources.empty()) return true;
  return !later.sources.empty() && std::all_of(later.sources.begin(), later.sources.end(), [&](Source source) {
    return std::find(first.sources.begin(), first.sources.end(), source) != first.sources.end();
  });
}

}  // namespace

void symlink(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.place.exists && entry.place.leads_to != entry.path() && !is_below(entry.path(), "/proc"))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) + " leads to " + printable(entry.place.leads_to) +
                     ": the rule is on that, and what the link leads to later is not covered");
}

void root_by_link(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.place.exists && entry.place.is_root && entry.path() != "/" && entry.changes())
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is the root directory under another name: a right to change things there is refused");
}

void missing_path(const Subject& subject, Report& report) {
  const bool required = subject.policy.compatibility == Compatibility::hard_requirement;
  for (const Entry& entry : subject.entries) {
    if (entry.place.exists || entry.is_pattern() || entry.is_variable()) continue;  // traps of their own
    const Host& host = subject.options.context.host;
    if (!host.real && is_below(entry.path(), "/proc") && host.exists("/proc"))
      continue;  // no host file lists what procfs has
    Finding& found = report.add(entry.line(), entry.path(),
                                printable(entry.path()) + " does not exist on " +
                                    (subject.options.context.host.real ? "this machine" : "the host") +
                                    (required ? ": hard_requirement refuses the policy there"
                                              : ": it is skipped, also where it is created later"));
    if (subject.options.host_given) found.severity = required ? Severity::error : Severity::warning;
  }
}

void same_object(const Subject& subject, Report& report) {
  std::unordered_map<std::string, const Entry*> first;
  for (const Entry& entry : subject.entries) {
    if (!entry.place.exists) continue;
    const Entry& other = *first.try_emplace(entry.place.object, &entry).first->second;
    if (other.path() != entry.path() && other.rights != entry.rights)
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) + " and " + printable(other.path()) + " (line " +
                     std::to_string(other.line()) + ") are one object: both get " +
                     join_names(entry.rights | other.rights, ", "));
  }
}

void workdir_root(const Subject& subject, Report& report) {
  const std::optional<std::string>& workdir = subject.options.context.workdir;
  if (subject.policy.include_workdir && workdir && place_of(*workdir, subject.options.context.host).is_root)
    report.add(subject.policy.filesystem_line, normalise_path(*workdir),
               "the work directory " + (normalise_path(*workdir) == "/" ? "is" : printable(*workdir) + " leads to") +
                   " the root, and include_workdir would make it writable: Lockstep refuses "
                   "that, another enforcer may not");
}

void workdir_read_only(const Subject& subject, Report& report) {
  const std::optional<std::string>& workdir = subject.options.context.workdir;
  if (!subject.policy.include_workdir || !workdir) return;
  const Place place = place_of(*workdir, subject.options.context.host);
  for (const Entry& entry : subject.entries)
    if (entry.list == Access::read_only &&
        (entry.path() == normalise_path(*workdir) || (entry.place.exists && entry.place.object == place.object)))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is the work directory, which include_workdir makes writable: read_only is of no effect there");
}

void user_unknown(const Subject& subject, Report& report) {
  if (!subject.options.context.host.real) return;
  if (std::string message = unknown_user(subject.policy); !message.empty())
    report.add(subject.policy.run_as_user_line, "", std::move(message));
}

void conflict_idle(const Subject& subject, Report& report) {
  if (subject.policy.conflicts.empty()) return;
  const std::vector<std::string> paths = conflict_paths(subject);
  for (const ConflictRule& rule : subject.policy.conflicts)
    if (std::none_of(paths.begin(), paths.end(), [&](const std::string& path) { return meets(rule, path); }))
      report.add(rule.line, rule.paths.front(),
                 printable(join(rule.paths, ", ")) +
                     " meets no read-write path of the baseline: the rule never decides anything");
}

void conflict_shadowed(const Subject& subject, Report& report) {
  if (subject.policy.conflicts.empty()) return;
  std::vector<const ConflictRule*> earlier;
  for (const ConflictRule& rule : subject.options.context.administrator_conflicts) earlier.push_back(&rule);
  const std::vector<std::string> paths = conflict_paths(subject);
  for (const ConflictRule& rule : subject.policy.conflicts) {
    bool met = false, free = false;
    const ConflictRule* by = nullptr;
    for (const std::string& path : paths) {
      if (!meets(rule, path)) continue;
      met = true;
      const auto found = std::find_if(earlier.begin(), earlier.end(), [&](const ConflictRule* each) {
        return meets(*each, path) && speaks_for(*each, rule);
      });
      free = free || found == earlier.end();
      if (found != earlier.end()) by = *found;
    }
    if (met && !free)
      report.add(rule.line, rule.paths.front(),
                 "the rule at " + printable(by->file) + ":" + std::to_string(by->line) + " decides first, always");
    earlier.push_back(&rule);
  }
}

}  // namespace lockstep::lint::find

namespace lockstep::lint {

std::string unknown_user(const Policy& policy) {
  const std::string& user = policy.run_as_user;
  if (user.find_first_not_of("0123456789") == std::string::npos) return {};
  const Result<Identity> found = lookup_identity(user, "");
  if (found.ok() || found.error().kind != ErrorKind::input) return {};  // which may be there, and cannot be asked for
  return "run_as_user " + printable(user) + " does not exist on this machine: nothing runs as it here";
}

}  // namespace lockstep::lint
