#include "enforce/prepare.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include <lockstep/rights.h>

namespace lockstep {
namespace {

constexpr long procfs_magic = 0x9fa0;
constexpr ino_t procfs_root_ino = 1;

// Whether a path leads through a link of a process to what it has. Where nobody knows, because a filter denies the
// question, it may.
enum class Leads { plainly, through_process, unknown };
struct Opened {
  UniqueFd fd;
  Leads leads = Leads::plainly;
};

Opened open_path(const char* path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how))));
  if (fd || (errno != ELOOP && errno != ENOSYS && errno != EPERM)) return {std::move(fd), Leads::plainly};
  const Leads leads = errno == ELOOP ? Leads::through_process : Leads::unknown;
  return {UniqueFd(::open(path, O_PATH | O_CLOEXEC)), leads};
}

// What a descriptor of ours is, by name; empty without /proc.
std::string name_of(int fd) {
  char name[PATH_MAX + 1];
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), name, PATH_MAX);
  return {name, static_cast<std::size_t>(length > 0 ? length : 0)};
}

// The way from a plan to the kernel's rule set, one path after another.
class Preparer {
 public:
  Preparer(const Plan& plan, const PrepareOptions& options, Ruleset ruleset)
      : plan_(plan), options_(options), out_{std::move(ruleset), {}, {}, {}, 0, plan.log, plan.all_threads, false} {}

  Result<Prepared> run();

 private:
  struct Seen {
    const PlanRule* rule;
    AccessSet rights;
  };

  Result<void> add(const PlanRule& rule);
  Result<void> skip(const PlanRule& rule, int err);
  bool is_procfs_entry(int fd, const struct stat& st);
  Result<void> check_object(const PlanRule& rule, int fd, const struct stat& st);
  void note_same_object(const PlanRule& rule, const struct stat& st, AccessSet rights);
  void note_unrestricted(const PlanRule& rule, int fd);
  bool lists_root();
  Error refuse(const PlanRule& rule, std::string message) const {
    return input_error(plan_.file, rule.line, std::move(message));
  }
  void notice(Notice::Level level, std::string code, const std::string& path, std::string message) {
    out_.notices.push_back({level, std::move(code), path, std::move(message)});
  }

  const Plan& plan_;
  const PrepareOptions& options_;
  Prepared out_;
  std::optional<struct stat> root_;  // asked for once it matters
  std::map<dev_t, bool> procfs_;     // whether it is one: there may be several
  std::map<std::pair<dev_t, ino_t>, Seen> seen_;
};

// What happens to a path that cannot be opened depends on who wrote it and how much they rely on it.
Result<void> Preparer::skip(const PlanRule& rule, int err) {
  const std::string call = "open(\"" + printable(rule.path) + "\", O_PATH)";
  if (!rule.from_baseline && plan_.compatibility == Compatibility::hard_requirement) {
    Error error = refuse(rule, system_error(err, call).message +
                                   "; hard_requirement needs every path of the policy: create it, or take it out");
    error.err = err;
    return error;
  }
  out_.skipped.push_back(
      {rule.path, rule.from_baseline ? Origin::proxy_baseline : Origin::policy, errno_name(err), rule.line});
  notice(Notice::Level::warning, "path-skipped", rule.path,
         printable(rule.path) + " cannot be opened (" + errno_name(err) + "): nothing below it is granted");
  return {};
}

// An object of procfs other than its root. A file system without a block device, as procfs is, has major number 0: most
// objects need no further question.
bool Preparer::is_procfs_entry(int fd, const struct stat& st) {
  if (major(st.st_dev) != 0 || st.st_ino == procfs_root_ino) return false;
  const auto [found, fresh] = procfs_.try_emplace(st.st_dev, false);
  struct statfs fs {};
  if (fresh) found->second = ::fstatfs(fd, &fs) == 0 && fs.f_type == procfs_magic;
  return found->second;
}

// The spelling was checked when the policy was read; this checks the object.
Result<void> Preparer::check_object(const PlanRule& rule, int fd, const struct stat& st) {
  const bool changes = !access_read_only.contains(rule.rights);
  if (changes && !root_ && ::stat("/", &root_.emplace()) != 0) return system_error(errno, "stat(\"/\")");
  if (changes && st.st_dev == root_->st_dev && st.st_ino == root_->st_ino)
    return refuse(rule, printable(rule.path) +
                            " is the root directory: a right to change things there is refused; name the "
                            "directories instead");
  if (!is_procfs_entry(fd, st)) return {};
  if (options_.restricts_caller) return {};
  // By what the descriptor is, not by how it was spelt; and by the pid that this procfs knows us by.
  char self[32];
  const ssize_t self_length = ::readlink("/proc/self", self, sizeof(self));
  const std::string name = name_of(fd);
  if (self_length <= 0 || name.empty())
    return system_error(errno, "readlink(\"/proc/self/fd/" + std::to_string(fd) + "\")");
  const std::string own = "/proc/" + std::string(self, static_cast<std::size_t>(self_length)) + "/";
  if ((name + "/").starts_with(own))
    return refuse(rule, printable(rule.path) +
                            " leads to the process that prepares the policy, not to the one it restricts: "
                            "grant /proc instead");
  return {};
}

void Preparer::note_same_object(const PlanRule& rule, const struct stat& st, AccessSet rights) {
  const auto [found, fresh] = seen_.try_emplace({st.st_dev, st.st_ino}, Seen{&rule, rights});
  Seen& other = found->second;
  if (fresh) return;
  if (other.rights != rights)
    notice(Notice::Level::warning, "same-object", rule.path,
           printable(rule.path) + " and " + printable(other.rule->path) + " are one object: both get " +
               join_names(rights | other.rights));
  other.rights |= rights;
}

// A pipe, a socket, a memory file or a namespace is reached through a link of a process alone, and Landlock restricts
// none of them: what the policy grants there is so without a rule.
void Preparer::note_unrestricted(const PlanRule& rule, int fd) {
  const std::string name = name_of(fd);
  notice(Notice::Level::info, "not-restricted", rule.path,
         printable(rule.path) + " is " + (name.empty() ? "" : printable(name) + ", ") +
             "no file or directory that Landlock restricts (a pipe, socket, namespace or memory file): it is open to "
             "all, and no rule is needed");
}

Result<void> Preparer::add(const PlanRule& rule) {
  auto [fd, leads] = open_path(rule.path.c_str());
  // Out of descriptors or memory is our failure and says nothing of the path.
  if (!fd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
    return system_error(errno, "open(\"" + printable(rule.path) + "\", O_PATH)");
  if (!fd) return skip(rule, errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_error(errno, "fstat(\"" + printable(rule.path) + "\")");
  LOCKSTEP_CHECK(check_object(rule, fd.get(), st));
  if (leads == Leads::through_process && !options_.restricts_caller)
    return refuse(rule, printable(rule.path) +
                            " leads through a link of a process to what that process has open: name that instead");
  const AccessSet rights = S_ISDIR(st.st_mode) ? rule.rights : rule.rights & access_on_files;
  if (rights.empty()) {
    if (plan_.compatibility == Compatibility::hard_requirement && !rule.from_baseline)
      return refuse(rule, printable(rule.path) + " is no directory, and " + join_names(rule.rights) +
                              " can be granted on directories alone");
    out_.skipped.push_back({rule.path, Origin::policy, "no directory", rule.line});
    notice(Notice::Level::warning, "path-skipped", rule.path,
           printable(rule.path) + " is no directory: " + join_names(rule.rights) + " means nothing there");
    return {};
  }
  if (Result<void> added = out_.ruleset.allow_beneath(fd.get(), rights, rule.path, rule.quiet); !added.ok()) {
    if (added.error().err == EBADFD) {
      note_unrestricted(rule, fd.get());
      return {};
    }
    Error error = std::move(added).error();
    error.file = plan_.file;
    error.line = rule.line;
    return error;
  }
  ++out_.rules;
  if (leads != Leads::plainly && rights.contains(Right::read_dir)) out_.may_list_root = true;
  if (leads == Leads::through_process)
    notice(Notice::Level::info, "process-link", rule.path,
           printable(rule.path) + " leads through a link of a process to what it has open now, and that is granted: " +
               printable(name_of(fd.get())));
  note_same_object(rule, st, rights);
  if (is_procfs_entry(fd.get(), st)) {
    notice(Notice::Level::info, "procfs-pinned", rule.path,
           printable(rule.path) +
               " is an entry of procfs: the kernel forgets the rule when it reclaims the entry, so it is "
               "kept open");
    out_.pins.push_back({rule.path, std::move(fd)});
  }
  return {};
}

bool Preparer::lists_root() {
  if (!root_ && ::stat("/", &root_.emplace()) != 0) return true;
  const auto found = seen_.find({root_->st_dev, root_->st_ino});
  return found != seen_.end() && found->second.rights.contains(Right::read_dir);
}

Result<Prepared> Preparer::run() {
  for (const PlanRule& rule : plan_.rules) LOCKSTEP_CHECK(add(rule));
  for (const PortRule& rule : plan_.ports) LOCKSTEP_CHECK(out_.ruleset.allow_port(rule.right, rule.port));
  if (out_.rules == 0)
    return input_error(plan_.file, 0,
                       "no path of the policy can be opened: there would be no rule left, and that is refused");
  out_.may_list_root |= lists_root();
  return std::move(out_);
}

}  // namespace

Result<Prepared> prepare(const Plan& plan, const PrepareOptions& options) {
  LOCKSTEP_ASSIGN(Ruleset ruleset,
                  Ruleset::create({plan.handled, plan.handled_net, plan.scoped, plan.quiet()}, plan.abi));
  return Preparer(plan, options, std::move(ruleset)).run();
}

}  // namespace lockstep
