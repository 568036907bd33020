#include "lint/lint.h"

#include <algorithm>
#include <array>

#include "lint/lint_subject.h"

namespace lockstep::lint {
namespace {

using enum Severity;

constexpr auto table = std::to_array<Trap>({
    {"procfs-self", error, false, "/proc/self, /proc/thread-self and /proc/<pid> bind to one process",
     "grant /proc itself: its rules hold for every process", find::procfs_self},
    {"procfs-below", warning, false, "a rule below /proc is lost when the kernel reclaims the entry",
     "grant /proc itself, whose rule is never lost", find::procfs_below},
    {"procfs-link", error, false, "a link of a process below /proc: the rule is on what it leads to, anywhere",
     "take it out, and name the directories that are needed", find::procfs_link},
    {"pattern", error, false, "a pattern is taken literally", "name each path, or the directory they are in",
     find::pattern},
    {"variable", error, false, "a variable or ~ is taken literally", "write the path it stands for", find::variable},
    {"spelling", warning, true, "a spelling that a comparison of strings does not recognise",
     "write the path without doubled, trailing or . components", find::spelling},
    {"path-twice", warning, true, "a path twice in one list", "take the second one out", find::path_twice},
    {"both-lists", warning, true, "a path in read_only and in read_write", "take it out of read_only: read_write wins",
     find::both_lists},
    {"read-only-below-write", warning, true, "a read_only path below a writable one stays writable",
     "take it out, or grant the writable directories beside it instead of the one above", find::read_only_below_write},
    {"narrower-below-wider", warning, false, "a narrower grant below a wider rule takes nothing away",
     "take it out, or grant the directories beside it instead of the one above", find::narrower_below_wider},
    {"redundant", note, true, "an entry that a rule above it covers", "take it out", find::redundant},
    {"many-paths", warning, false, "more than the 256 paths that OpenShell takes",
     "grant directories instead of what is in them", find::many_paths},
    {"root-read-only", warning, false, "/ in read_only, by any name: every file of the machine can be read and run",
     "name the directories that are needed", find::root_read_only},
    {"dev-writable", warning, false, "the whole of /dev writable: disks, terminals, memory",
     "name the nodes that are needed", find::dev_writable},
    {"no-path", warning, false, "a policy that names no path",
     "name what the workload needs: only the baseline is granted", find::no_path},
    {"root-user", warning, false, "run_as_user is root: Landlock is the only limit left", "name an ordinary user",
     find::root_user},
    {"write-and-execute", warning, false, "programs can be changed in the place they are run from",
     "make it read_only, and write to a directory of its own", find::write_and_execute},
    {"proc-write-only", error, false, "write_file without read_file on /proc: O_RDWR fails there",
     "add read_file: glibc opens comm for both", find::proc_write_only},
    {"proc-without-truncate", error, false, "write_file without truncate on /proc: cuInit() returns 304 from ABI 3",
     "add truncate", find::proc_without_truncate},
    {"no-truncate", warning, false, "write_file without truncate: O_TRUNC, a shell's redirection, fails from ABI 3",
     "add truncate", find::no_truncate},
    {"directory-rights", warning, false, "rights of directories granted on a file or device mean nothing",
     "leave them out, or grant the directory it is in", find::directory_rights},
    {"execute-without-read", warning, false, "execute without read_file runs nothing",
     "add read_file: execve(2) opens the program for reading", find::execute_without_read},
    {"gpu-read-only", error, false, "a GPU node in read_only: it opens for reading alone and takes no ioctl from ABI 5",
     "move it to read_write", find::gpu_read_only},
    {"gpu-without-ioctl", error, false, "a GPU node granted without ioctl_dev: every ioctl fails from ABI 5",
     "add ioctl_dev", find::gpu_without_ioctl},
    {"terminal-without-ioctl", warning, false,
     "a terminal granted without ioctl_dev: it is none for programs from ABI 5", "add ioctl_dev",
     find::terminal_without_ioctl},
    {"cache-rights", warning, false, "a cache that its program cannot use: a right that it needs there is missing",
     "write access: [cache], every right that a cache needs", find::cache_rights},
    {"loader-missing", warning, false, "programs granted without the loader or interpreter that runs them",
     "grant the loader, or the interpreter and its loader, as well: read_file and execute", find::loader_missing},
    {"socket-by-path", warning, false, "a UNIX socket without resolve_unix: nobody connects to it from ABI 9",
     "grant resolve_unix on its directory", find::socket_by_path},
    {"socket-file", note, false,
     "resolve_unix on a socket itself: its server makes it anew at every start, and the rule is lost",
     "grant it on the directory, which must be there before and stay", find::socket_file},
    {"rights-dropped", warning, false,
     "best_effort runs without what the policy relies on, on the oldest kernels it will meet",
     "write hard_requirement, or do not rely on it", find::rights_dropped},
    {"null-missing", warning, false, "/dev/null cannot be written: redirections to it fail",
     "add /dev/null to read_write", find::null_missing},
    {"urandom-missing", note, false, "/dev/urandom cannot be read: programs that do not use getrandom(2) fail",
     "add /dev/urandom to read_only", find::urandom_missing},
    {"udp-unbound", warning, false,
     "bind_udp without port 0: a UDP socket sends only after it was bound to a port listed", "add 0 to bind_udp",
     find::udp_unbound},
    {"symlink", note, false, "a path through a symbolic link: the rule is on what it leads to", "write where it leads",
     find::symlink},
    {"root-by-link", error, false, "a writable path that leads to the root directory: it is refused",
     "name the directories that are needed", find::root_by_link},
    {"missing-path", note, false, "a path that is not there: no rule comes of it", "create it before, or take it out",
     find::missing_path},
    {"same-object", warning, false, "one object under two names with two accesses: both get the rights of both",
     "grant it once, under one name", find::same_object},
    {"workdir-root", error, false, "include_workdir with / as the work directory: it is refused",
     "choose a work directory below /", find::workdir_root},
    {"workdir-read-only", warning, false,
     "the work directory stands in read_only, and include_workdir makes it writable",
     "take it out of read_only, or write include_workdir: false", find::workdir_read_only},
    {"cuda-blocked", warning, false, "CUDA does not start under this policy",
     "let the baseline through: grant what the step needs", find::cuda_blocked},
    {"user-unknown", warning, false, "run_as_user is a name that this machine does not know",
     "create the user, or name one that is there", find::user_unknown},
    {"conflict-idle", warning, false, "a conflict rule that no path of the baseline can meet",
     "correct its paths: read-write paths of the baseline alone conflict", find::conflict_idle},
    {"conflict-shadowed", warning, false, "a conflict rule that an earlier one always decides first",
     "put it before the other, or take it out", find::conflict_shadowed},
});

bool selected(std::string_view id, const LintOptions& options) {
  const auto in = [&](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  return (options.only.empty() || in(options.only)) && !in(options.ignore);
}

}  // namespace

std::string_view name(Severity severity) {
  return severity == note ? "note" : severity == warning ? "warning" : "error";
}

std::span<const Trap> traps() {
  return table;
}

Result<std::vector<Finding>> lint(const Policy& policy, const LintOptions& options) {
  LOCKSTEP_ASSIGN(const Subject subject, Subject::make(policy, options));
  std::vector<Finding> out;
  for (const Trap& trap : table) {
    Report report(trap, out);
    if (selected(trap.id, options)) trap.find(subject, report);
  }
  std::stable_sort(out.begin(), out.end(), [](const Finding& a, const Finding& b) { return a.line < b.line; });
  return out;
}

}  // namespace lockstep::lint
