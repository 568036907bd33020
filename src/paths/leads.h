// Where a path leads: the one answer that diff, lint, --fix, --allow and explain share.
//
//   Names names(host);                                 // a host file's links, or this machine's where host.real
//   const Lead lead = follow("/dev/stdout", names);
//   lead.path == "/proc/self/fd/1";  lead.process->name == "fd";  lead.links[0].link == "/dev/stdout";
//   follow("/proc/self/root/proc/self/root/etc", names).path == "/etc"
//
// Links are followed to the end, component by component, as the kernel does: links of the host file or this machine, of
// procfs, and those that every distribution has (/var/run). /proc/self is never looked at: that would be our own
// process.
//
// What a process has behind its links (cwd, exe, fd/N, map_files/X) cannot be known from the path. Then `process` is
// set, and `path` is the link's own name and what stands below it. It counts as a place of its own, and no rule
// elsewhere is known to cover it. The link root is different: /proc/self/root is the root. /proc/N/root may be another
// process's root: `path` goes on from our root, and `other_root` is what the path would be from the other one.
//
// The kernel gives up at 40 links. Here more are followed, which claims too much rather than too little. Past
// `most_links`, in a circle say, `endless` is set and `path` is as it was spelt.
#ifndef LOCKSTEP_PATHS_LEADS_H_
#define LOCKSTEP_PATHS_LEADS_H_

#include <string>
#include <vector>

#include "paths/names.h"
#include "paths/process_paths.h"

namespace lockstep::paths {

inline constexpr int most_links = 256;  // a process's root does not count: it only makes the path shorter

struct Followed {
  std::string link;    // "/var/run"
  std::string target;  // as the link says: "/run"; of a process's root "/"
};

struct Lead {
  std::string path;  // normalised, without links as far as the host is known
  std::vector<Followed> links;
  const ProcessLink* process = nullptr;  // it ends behind this one
  std::string process_link;              // that link's path: "/proc/self/fd/9"
  std::string other_root;                // "/proc/7/root/etc", where it passes another process's root; else empty
  std::string other_root_link;           // "/proc/7/root"
  std::string dangling;                  // a link on the way whose target is not there (this machine alone)
  bool missing = false;                  // nothing is there yet (this machine alone)
  bool endless = false;
  int error = 0;            // a name on the way cannot be looked at: errno (this machine alone)
  std::string failed = {};  // and which
};

// `path` is normalised or not, and absolute. `last`: whether a link in the last component is followed.
Lead follow(const std::string& path, Names& names, bool last = true);

// "by /var/run -> /run": how the path came to lead there; empty where it passes no link.
std::string said(const Lead& lead);

}  // namespace lockstep::paths

#endif  // LOCKSTEP_PATHS_LEADS_H_
