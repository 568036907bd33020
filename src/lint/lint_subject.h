// What the traps look at: one policy, indexed by path, and what it becomes on its own host and on a host that lacks
// nothing.
#ifndef LOCKSTEP_LINT_LINT_SUBJECT_H_
#define LOCKSTEP_LINT_LINT_SUBJECT_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lint/lint.h"

namespace lockstep::lint {

// Where a path leads on the host.
struct Place {
  bool exists = false;
  NodeKind kind = NodeKind::directory;
  std::string leads_to;  // without links; the path itself where it does not exist
  std::string object;    // the same for two names of one object
  bool is_root = false;
};

// On this machine where the host is real, else by its file.
Place place_of(const std::string& path, const Host& host);

// One path that the author wrote.
struct Entry {
  const PathEntry* written = nullptr;
  Access list = Access::read_only;
  AccessSet rights;  // at the newest ABI, on a directory
  bool quiet = false;
  Place place;
  // On this machine: another name of the object, by a mount or a hard link, where no line above that name grants as
  // much.
  std::string also_at = {};

  const std::string& path() const { return written->path; }
  int line() const { return written->line; }
  // Whether somebody thought the spelling would be expanded. Not where a directory is really called so.
  bool is_pattern() const;
  bool is_variable() const;
  bool changes() const;
};

// Rights by path, joined with those of all paths above, as Landlock does.
class RightsByPath {
 public:
  void add(const std::string& path, AccessSet rights) { own_[path] |= rights; }
  AccessSet above(std::string_view path) const;  // strictly
  AccessSet at(const std::string& path) const;

 private:
  std::unordered_map<std::string, AccessSet> own_;
};

RightsByPath rights_of(const EffectivePolicy& effective);

class Subject {
 public:
  static Result<Subject> make(const Policy& policy, const LintOptions& options);

  const Policy& policy;
  const LintOptions& options;
  std::vector<Entry> entries;  // read_only, read_write, grants
  RightsByPath written;
  EffectivePolicy effective;  // on the context's host
  RightsByPath in_force;
  // The policy on a GPU host where every path of the baseline exists, and each GPU node that the policy names. Empty
  // where it is refused there.
  std::optional<EffectivePolicy> complete;
  RightsByPath in_force_there;
  std::optional<Error> refused_there;

 private:
  Result<void> find_other_names();
  Subject(const Policy& of, const LintOptions& with) : policy(of), options(with) {}
};

// Collects what one trap finds.
class Report {
 public:
  Report(const Trap& trap, std::vector<Finding>& out) : trap_(trap), out_(out) {}
  // Returns the finding, so that the trap can change what differs from the table's.
  Finding& add(int line, const std::string& path, std::string message);

 private:
  const Trap& trap_;
  std::vector<Finding>& out_;
};

// A GPU host where nothing of the baseline is missing, with the GPU nodes that the policy names.
Host complete_host(const Policy& policy);

// lint_lists.cc: what the text alone shows. lint_rights.cc: rights by name. lint_machine.cc: host, GPU,
// conflicts. lint_programs.cc: what real programs need.
namespace find {
using Rule = void(const Subject&, Report&);
Rule procfs_self, procfs_below, procfs_link, pattern, variable, spelling, path_twice, both_lists, read_only_below_write,
    narrower_below_wider, redundant, many_paths, root_read_only, dev_writable, no_path, root_user;
Rule write_and_execute, proc_write_only, no_truncate, directory_rights, execute_without_read, gpu_read_only,
    gpu_without_ioctl, socket_by_path, socket_file, rights_dropped, null_missing, urandom_missing, udp_unbound;
Rule symlink, root_by_link, missing_path, same_object, workdir_root, workdir_read_only, user_unknown, cuda_blocked,
    conflict_idle, conflict_shadowed;
Rule cache_rights, terminal_without_ioctl, proc_without_truncate, loader_missing;
}  // namespace find

}  // namespace lockstep::lint

#endif  // LOCKSTEP_LINT_LINT_SUBJECT_H_
