// Traps that the two lists and the grants show by themselves.
#include <algorithm>
#include <unordered_map>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "lint/lint_subject.h"
#include "paths/paths.h"
#include "policy/baseline.h"

namespace lockstep::lint::find {
namespace {

constexpr std::size_t openshell_paths = 256;

// The component after /proc/, where it is a process.
bool is_one_process(std::string_view path) {
  constexpr std::string_view proc = "/proc/";
  if (!path.starts_with(proc)) return false;
  path = path.substr(proc.size(), path.find('/', proc.size()) - proc.size());
  return path == "self" || path == "thread-self" ||
         std::all_of(path.begin(), path.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool covered(const Subject& subject, const Entry& entry) {
  return entry.also_at.empty() && subject.written.above(entry.path()).contains(entry.rights);
}

// Whether the spelling tells what is above it: not where it leads elsewhere.
bool may_stand_there(const Entry& entry) {
  return (!entry.place.exists || entry.place.leads_to == entry.path()) && !paths::by_process(entry.path());
}

// What cannot be seen may be a link.
bool stands_there(const Entry& entry) {
  return entry.place.exists && may_stand_there(entry);
}

// Whether some baseline makes the path writable by a rule of its own. A CDI spec names any device.
bool baseline_writes(const std::string& path, const Context& context) {
  const auto in = [&](const auto& table) {
    return std::any_of(table.begin(), table.end(), [&](const BaselinePath& each) {
      return each.access == Access::read_write && each.path == path;
    });
  };
  const auto chosen = [&](const CdiPath& each) { return each.path == path && !access_read_only.contains(each.access); };
  return path.starts_with("/dev/") || in(proxy_baseline) || in(gpu_baseline) ||
         (context.cdi && std::any_of(context.cdi->paths.begin(), context.cdi->paths.end(), chosen));
}

// An entry that grants less than a baseline would add there, and stands against it: without it, the baseline
// adds more than the rules above it give.
bool limits_a_baseline(const Subject& subject, const Entry& entry) {
  return entry.list != Access::read_write && baseline_writes(entry.path(), subject.options.context) &&
         !subject.written.above(entry.path()).contains(abi_info(newest_abi)->fs);
}

// Covered by what the policy grants above, for what can be seen, and said by no louder trap.
bool idle(const Subject& subject, const Entry& entry) {
  if (!may_stand_there(entry) || entry.quiet || !covered(subject, entry)) return false;
  if (entry.list == Access::read_only && subject.written.above(entry.path()).contains(Right::write_file)) return false;
  return !limits_a_baseline(subject, entry);
}

// A grant that names its rights was meant to be all there is; an entry of a list repeats what stands above it.
bool is_narrower(const Subject& subject, const Entry& entry) {
  return entry.list == Access::grant && subject.written.above(entry.path()) != entry.rights;
}

bool in_list(const std::vector<PathEntry>& list, const std::string& path) {
  return std::any_of(list.begin(), list.end(), [&](const PathEntry& each) { return each.path == path; });
}

// Under hard_requirement an entry demands as well that its path be there; and a rule that rejects a path must
// still meet it.
bool can_be_taken_out(const Subject& subject, const Entry& entry) {
  if (entry.is_pattern() || entry.is_variable()) return false;  // what was meant is not known
  if (!entry.also_at.empty()) return false;                     // there it grants what no other line does
  if (!stands_there(entry) || limits_a_baseline(subject, entry)) return false;
  if (entry.list == Access::grant || subject.policy.compatibility == Compatibility::hard_requirement) return false;
  const auto rejects = [](const std::vector<ConflictRule>& rules) {
    return std::any_of(rules.begin(), rules.end(),
                       [](const ConflictRule& rule) { return rule.mode == ConflictMode::reject; });
  };
  return !rejects(subject.policy.conflicts) && !rejects(subject.options.context.administrator_conflicts);
}

}  // namespace

void procfs_self(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (is_one_process(entry.path()) && !paths::by_process(entry.path()) && !covered(subject, entry))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is another directory in every process: the rule holds for the one that opens it and "
                     "for no child of it");
}

void procfs_below(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.path().starts_with("/proc/") && !is_one_process(entry.path()) && !covered(subject, entry))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is an entry of procfs: the kernel forgets the rule when it reclaims the entry, unless "
                     "something keeps it open");
}

void procfs_link(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (const std::optional<paths::ByProcess> by = paths::by_process(entry.path()))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) + " goes by the link " + std::string(by->link->name) + " to " +
                     std::string(by->link->leads_to) + ": the rule is on that, whatever /proc itself is granted");
}

void pattern(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.is_pattern())
      report.add(
          entry.line(), entry.path(),
          printable(entry.path()) + " is taken literally: Landlock knows no patterns, and so called nothing exists");
}

void variable(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.is_variable())
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) + " is taken literally: nobody expands variables or ~ in a policy");
}

void spelling(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.written->written != entry.path())
      report
          .add(entry.line(), entry.path(),
               printable(entry.written->written) + " is " + printable(entry.path()) +
                   ": an enforcer or a gate that compares strings does not see that")
          .fixable = entry.list != Access::grant;
}

void path_twice(const Subject& subject, Report& report) {
  for (const PathEntry& entry : subject.policy.repeated)
    report.add(entry.line, entry.path, printable(entry.path) + " stands in this list before");
}

void both_lists(const Subject& subject, Report& report) {
  std::unordered_map<std::string_view, int> writable;
  for (const PathEntry& entry : subject.policy.read_write) writable.emplace(entry.path, entry.line);
  for (const PathEntry& entry : subject.policy.read_only)
    if (const auto found = writable.find(entry.path); found != writable.end())
      report.add(entry.line, entry.path,
                 printable(entry.path) + " is in read_write as well (line " + std::to_string(found->second) +
                     "): it is writable, Landlock cannot subtract");
}

void read_only_below_write(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries) {
    if (entry.list != Access::read_only || !may_stand_there(entry)) continue;
    const AccessSet above = subject.written.above(entry.path()), in_force = subject.in_force.above(entry.path());
    if (!in_force.contains(Right::write_file)) continue;
    const bool own = above.contains(Right::write_file);
    Finding& found = report.add(entry.line(), entry.path(),
                                printable(entry.path()) + " lies below a path that " +
                                    (own ? "the policy" : "the baseline or the work directory") +
                                    " makes writable, and is writable: Landlock joins the rights of all parents");
    found.fixable = above.contains(entry.rights) && can_be_taken_out(subject, entry) &&
                    !in_list(subject.policy.read_write, entry.path());
    if (!entry.also_at.empty())
      found.fix = "keep it, for as " + printable(entry.also_at) +
                  " the same object is granted by this line alone; or grant what is needed under one name";
    else if (!own)
      found.fix = "move what must not change to where no baseline and no work directory is writable";
    else if (limits_a_baseline(subject, entry))
      found.fix = "grant the writable directories beside it instead of the one above";
  }
}

void narrower_below_wider(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (idle(subject, entry) && is_narrower(subject, entry))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) + " has " +
                     join_names(subject.written.above(entry.path()) - entry.rights, ", ") +
                     " all the same, from a rule above it: Landlock joins the rights of all parents");
}

void redundant(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries) {
    if (!idle(subject, entry) || is_narrower(subject, entry)) continue;
    report
        .add(entry.line(), entry.path(),
             printable(entry.path()) + " grants nothing of its own: a rule above it grants as much" +
                 (entry.place.exists ? "" : ", unless it is a link, which cannot be seen here"))
        .fixable = can_be_taken_out(subject, entry);
  }
}

void many_paths(const Subject& subject, Report& report) {
  if (subject.entries.size() > openshell_paths)
    report.add(subject.policy.filesystem_line, "",
               std::to_string(subject.entries.size()) + " paths: OpenShell refuses a policy of more than " +
                   std::to_string(openshell_paths));
}

void root_read_only(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (!entry.rights.contains(Right::read_file)) {
      continue;
    } else if (entry.path() != "/" && entry.place.exists && entry.place.is_root && !entry.changes()) {
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " leads to /: it grants every file of the machine for reading: keys, tokens, other "
                     "users' data");
    } else if (entry.path() == "/") {
      report.add(entry.line(), "/", "/ grants every file of the machine for reading: keys, tokens, other users' data");
    }
}

void dev_writable(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.path() == "/dev" && entry.rights.contains(Right::write_file))
      report.add(entry.line(), "/dev",
                 "/dev is writable as a whole: file permissions alone keep disks, terminals and other GPUs apart");
}

void no_path(const Subject& subject, Report& report) {
  if (subject.entries.empty())
    report.add(subject.policy.filesystem_line, "",
               subject.policy.has_filesystem_policy && subject.policy.include_workdir
                   ? "the policy names no path but the work directory, which --workdir names: without it what is "
                     "granted is the "
                     "baseline, and where that adds nothing the policy is refused"
                   : "the policy names no path: what is granted is the baseline, and where that adds nothing the "
                     "policy is refused");
}

void root_user(const Subject& subject, Report& report) {
  const std::string& user = subject.policy.run_as_user;
  if (user == "root" || (!user.empty() && user.find_first_not_of('0') == std::string::npos))
    report.add(subject.policy.run_as_user_line, "",
               "run_as_user is root: chmod, chown and stat, which Landlock does not restrict, reach every file");
}

}  // namespace lockstep::lint::find
