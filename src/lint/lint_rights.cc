// Traps of single rights: granted without their companions, dropped on old kernels, needed on new ones.
#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/plan.h>
#include <lockstep/rights.h>

#include "gpu/nodes.h"
#include "lint/lint_subject.h"

namespace lockstep::lint::find {
namespace {

bool holds_programs(std::string_view path) {
  for (const std::string_view top : {"/usr", "/opt", "/app"})
    if (path == top) return true;
  for (const std::string_view name : {"bin", "sbin", "lib", "lib64", "libexec"})
    for (std::size_t at = path.find(name); at != std::string_view::npos; at = path.find(name, at + 1))
      if (path[at - 1] == '/' && (at + name.size() == path.size() || path[at + name.size()] == '/')) {
        // /var/lib is data.
        if (!is_below(path, "/var")) return true;
      }
  return false;
}

bool is_socket_place(const Entry& entry) {
  const std::string& path = entry.path();
  for (const std::string_view top :
       {"/run/nvidia-persistenced", "/run/nvidia-fabricmanager", "/tmp/nvidia-mps", "/var/run/nvidia-persistenced"})
    if (is_below(path, top)) return true;
  return path.ends_with(".sock") || path.ends_with(".socket") ||
         (entry.place.exists && entry.place.kind == NodeKind::socket);
}

// A node of /dev: O_TRUNC means nothing there.
bool is_device(const Entry& entry) {
  return is_below(entry.path(), "/dev") && !is_below(entry.path(), "/dev/shm");
}

bool is_named(const Entry& entry) {
  return entry.list == Access::grant;
}

}  // namespace

void write_and_execute(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (holds_programs(entry.path()) && entry.rights.contains(Right::write_file) &&
        subject.written.at(entry.path()).contains(Right::execute))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is where programs are run from, and it is writable: whoever is inside can change them "
                     "for everyone");
  const std::vector<EffectiveRule>& rules = subject.effective.rules;
  const auto workdir = std::find_if(rules.begin(), rules.end(),
                                    [](const EffectiveRule& rule) { return rule.origin == Origin::workdir; });
  if (workdir != rules.end() && holds_programs(workdir->path))
    report.add(subject.policy.filesystem_line, workdir->path,
               "the work directory " + printable(workdir->path) +
                   " is where programs are run from, and include_workdir makes it writable");
}

void proc_write_only(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (is_below(entry.path(), "/proc") && entry.rights.contains(Right::write_file) &&
        !subject.written.at(entry.path()).contains(Right::read_file))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is granted write_file without read_file: glibc names a thread by O_RDWR, which fails, "
                     "and cuInit() returns 304");
}

void no_truncate(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries) {
    if (!is_named(entry) || is_device(entry) || is_below(entry.path(), "/proc") ||
        !entry.rights.contains(Right::write_file) || subject.written.at(entry.path()).contains(Right::truncate))
      continue;
    report.add(entry.line(), entry.path(),
               printable(entry.path()) +
                   " is granted write_file without truncate: `> file` and every open with O_TRUNC fail from ABI 3");
  }
}

void directory_rights(const Subject& subject, Report& report) {
  const AccessSet on_directories = abi_info(newest_abi)->fs - access_on_files;
  for (const Entry& entry : subject.entries) {
    if (!is_named(entry) || !entry.place.exists || entry.place.kind == NodeKind::directory) continue;
    AccessSet idle = entry.rights & on_directories;
    // read and all are groups, which hold them without anyone's asking; so does write.
    if (entry.rights.contains(access_read_only)) idle = idle - Right::read_dir;
    if (entry.rights.contains(abi_info(newest_abi)->fs - access_read_only)) idle = idle & Right::read_dir;
    if (!idle.empty())
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) + " is no directory: " + join_names(idle, ", ") + " cannot be granted there");
  }
}

void execute_without_read(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (is_named(entry) && entry.rights.contains(Right::execute) &&
        !subject.written.at(entry.path()).contains(Right::read_file))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) + " is granted execute without read_file: nothing there can be executed");
}

void gpu_read_only(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.list == Access::read_only && gpu::is_device(entry.path()) &&
        !subject.in_force_there.at(entry.path()).contains(Right::write_file))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is read_only: the driver opens it for reading and writing and needs ioctl_dev from "
                     "ABI 5, so CUDA finds no device");
}

void gpu_without_ioctl(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (is_named(entry) && gpu::is_device(entry.path()) && entry.rights.contains(Right::write_file) &&
        !subject.in_force_there.at(entry.path()).contains(Right::ioctl_dev))
      report.add(
          entry.line(), entry.path(),
          printable(entry.path()) + " is granted without ioctl_dev: it opens, and from ABI 5 every ioctl on it fails");
}

void socket_by_path(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (is_socket_place(entry) && !subject.in_force.at(entry.path()).contains(Right::resolve_unix))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " has a socket that others serve: from ABI 9 connecting to it needs resolve_unix, which "
                     "it lacks");
}

void socket_file(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries) {
    const std::string& path = entry.path();
    const bool named_so = path.ends_with(".sock") || path.ends_with(".socket") || path == "/tmp/nvidia-mps/control";
    const bool is_socket = entry.place.exists ? entry.place.kind == NodeKind::socket : named_so;
    if (is_socket && is_named(entry) && entry.rights.contains(Right::resolve_unix))
      report.add(
          entry.line(), path,
          printable(path) +
              " is a socket: a server that starts again makes it anew, and this rule stays with the old one, so that "
              "from ABI 9 nobody connects any more");
  }
}

void rights_dropped(const Subject& subject, Report& report) {
  const Policy& policy = subject.policy;
  const int oldest = subject.options.oldest_abi;
  if (policy.compatibility == Compatibility::hard_requirement) return;  // refused there, as the author wants
  const Result<Plan> plan = compile(subject.effective, oldest);
  if (!plan.ok()) return;  // refused as well
  // A right that a grant names is allowed where the kernel does not know it; what the log holds allows and
  // denies nothing.
  std::string lacking;
  for (const Missing& each : plan->dropped)
    if (each.path.empty() && each.feature->kind != "log")
      lacking += (lacking.empty() ? "" : ", ") + std::string(each.feature->name) + " (" +
                 std::string(each.feature->unprotected) + ")";
  if (!lacking.empty())
    report.add(policy.min_abi_line > 0 ? policy.min_abi_line : policy.filesystem_line, "",
               "at ABI " + std::to_string(oldest) +
                   " best_effort drops what the policy relies on, and runs all the same: " + lacking);
}

void null_missing(const Subject& subject, Report& report) {
  if (!subject.in_force_there.at("/dev/null").contains(Right::write_file))
    report.add(subject.policy.filesystem_line, "/dev/null",
               "/dev/null cannot be written: `> /dev/null` fails, and with it many scripts and libraries");
}

void urandom_missing(const Subject& subject, Report& report) {
  if (!subject.in_force_there.at("/dev/urandom").contains(Right::read_file))
    report.add(subject.policy.filesystem_line, "/dev/urandom",
               "/dev/urandom cannot be read: what does not use getrandom(2) fails");
}

void udp_unbound(const Subject& subject, Report& report) {
  // The decoder found it, and knows the line.
  for (const PolicyWarning& warning : subject.policy.warnings)
    if (warning.message.starts_with("landlock.ports:")) report.add(warning.line, "", warning.message);
}

}  // namespace lockstep::lint::find
