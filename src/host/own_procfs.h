// Whether what is mounted on /proc is a procfs, whole, and that of this process's own PID namespace.
//
//   const ProcfsFacts proc = look_at_procfs();
//   if (proc.kind == ProcfsKind::stale) ...            // proc.why: one sentence that names the sign
//
//   LOCKSTEP_ASSIGN(const OwnProcfs own, OwnProcfs::prove());   // unsupported where it is not
//   openat(own.directory(), "self/task", ...)          // numbers read here are numbers of this process's namespace
//
// A process that got a new PID namespace and kept the old /proc (`unshare --fork --pid`, `bwrap --unshare-pid` without
// --proc) reads the numbers of another namespace there: /proc/<getpid()> is a stranger, and so is each child listed.
// Whoever takes a pid, a link or a state from /proc proves this first, in the process that reads: a child may be in
// another namespace than its parent.
//
// No one sign is enough, so all are asked: the file system's magic number (a bind mount of a part has it too), the
// root's inode, NSpid with one number only (that number may be equal by chance), /proc/self, the calling thread below
// it, and that nothing else covers the file they are read from. It does not detect a supervisor that answers system
// calls itself.
#ifndef LOCKSTEP_HOST_OWN_PROCFS_H_
#define LOCKSTEP_HOST_OWN_PROCFS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep {

enum class ProcfsKind : std::uint8_t {
  own,
  stale,       // a procfs of another PID namespace: an outer one, or one that does not know this process
  none,        // no /proc, or no procfs on it
  part,        // a directory of a procfs is bound there, or something covers entries of this process
  unreadable,  // a procfs that does not let itself be read: whose it is cannot be known
};
std::string_view name(ProcfsKind kind);  // own, stale, none, part, unreadable

struct ProcfsFacts {
  ProcfsKind kind = ProcfsKind::none;
  std::string why;  // not own: a sentence without its full stop, and what to do

  // Of any procfs, own or not.
  bool read_only = false;             // by the mount or the superblock: every write there is EROFS
  bool read_only_superblock = false;  // then mount -o remount,bind,rw does not help
  // 1: others' entries cannot be entered (EPERM); 2: nor seen (ENOENT); 4: only what this process may trace is there.
  int hidepid = 0;
  unsigned hidepid_group = 0;  // exempt from 1 and 2
  bool only_pids = false;      // subset=pid: /proc/sys, /proc/modules and the like are not there
};

ProcfsFacts look_at_procfs();

// The errno with which this procfs refuses the calling thread every name below /proc/<pid> of a process that it may not
// trace: ENOENT, EPERM, or 0 where it hides none. Processes outside the caller's Landlock domain may not be traced
// either.
int hides_untraceable(const ProcfsFacts& facts);

// The proof, and a descriptor of the directory that was proved: what is mounted over /proc later does not matter.
class OwnProcfs {
 public:
  static Result<OwnProcfs> prove();
  // And that of the children that this process would fork: it may have been given another PID namespace for them
  // (unshare --pid without --fork), which ends with the first of them. Ask before any fork.
  static Result<OwnProcfs> prove_for_children();
  int directory() const { return directory_.get(); }  // O_PATH
  const ProcfsFacts& facts() const { return facts_; }

 private:
  OwnProcfs(UniqueFd directory, ProcfsFacts facts) : directory_(std::move(directory)), facts_(std::move(facts)) {}
  UniqueFd directory_;
  ProcfsFacts facts_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_OWN_PROCFS_H_
