// Survey: how wide a write grant on procfs really is. Opens every regular file below a directory for writing (O_WRONLY,
// O_NONBLOCK, O_NOCTTY, O_CLOEXEC), writes nothing, and counts. `ret` is how many opened, `aux` how many were tried,
// `after` a hash of the names that opened: it is equal where two surveys of one directory opened the same files.
//
// A grant without read_dir cannot list the directory it is about, and still opens what it can name. So there are two
// steps:
//   probe.before_fd = open_before(probe);   // Mode::before: prepare_survey(path) lists the names
//   ... restrict ...
//   probe_survey(probe, &cell);             // opens each of them by its path
//
// `path` is a directory by its real name, or "/proc/self", or "/proc/$child": the same entries in a child that the
// probe forks and parks. Entries of the listing thread, task/<tid>, stand for those of the acting process's first
// thread.
//
// Not surveyed:
//   - symbolic links (never followed)
//   - other file systems mounted below: opening a mount point can mount something (/proc/sys/fs/binfmt_misc)
//   - fdinfo, whose names are those of whatever is open while listing
//   - directories that the preparing process cannot list
// No name is left out because of what opening it does: in procfs, outside these, opening for writing pins memory until
// the close and changes nothing. Give it /proc/<pid> or /proc/sys, not /proc itself. An exec actor starts without the
// names: `unsupported`, as is a survey too large for the arena. Never a partial count.
#ifndef LOCKSTEP_CONFORMANCE_PROBES_SURVEY_H_
#define LOCKSTEP_CONFORMANCE_PROBES_SURVEY_H_

#include "conformance/probes/probe.h"

namespace lockstep::conformance::probes {

// A descriptor that identifies the list (and keeps the directory), or -1 and errno: E2BIG, or why `path`
// cannot be listed. At most max_surveys in a process.
inline constexpr int max_surveys = 8;
int prepare_survey(const char* path);

void probe_survey(const Probe& probe, wire::SlotCell* cell);

}  // namespace lockstep::conformance::probes

#endif  // LOCKSTEP_CONFORMANCE_PROBES_SURVEY_H_
