#include "enforce/prepare.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <utility>

namespace lockstep {
namespace {

constexpr long procfs_magic = 0x9fa0;
constexpr ino_t procfs_root_ino = 1;

// The way from a plan to the kernel's rule set, one path after another.
class Preparer {
 public:
  Preparer(const Plan& plan, const PrepareOptions& options, Ruleset ruleset)
      : plan_(plan), options_(options), out_{std::move(ruleset), {}, {}, {}, 0, plan.log, plan.all_threads} {}

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
  Error refuse(const PlanRule& rule, std::string message) const {
    return input_error(plan_.file, rule.line, std::move(message));
  }
  void notice(Notice::Level level, std::string code, const std::string& path, std::string message) {
    out_.notices.push_back({level, std::move(code), path, std::move(message)});
  }

  const Plan& plan_;
  const PrepareOptions& options_;
  Prepared out_;
  std::optional<struct stat> root_;         // asked for once it matters
  std::map<dev_t, bool> procfs_;     // whether it is one: there may be several
  std::map<std::pair<dev_t, ino_t>, Seen> seen_;
};

// What happens to a path that cannot be opened depends on who wrote it and how much they rely on it.
Result<void> Preparer::skip(const PlanRule& rule, int err) {
  const std::string call = "open(\"" + printable(rule.path) + "\", O_PATH)";
  if (!rule.from_baseline && plan_.compatibility == Compatibility::hard_requirement) {
    Error error = refuse(rule, system_error(err, call).message + "; hard_requirement needs every path of the policy: create it, or take it out");
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
  if (changes && !root_) {
    root_.emplace();
    if (::stat("/", &*root_) != 0) return system_error(errno, "stat(\"/\")");
  }
  if (changes && st.st_dev == root_->st_dev && st.st_ino == root_->st_ino)
    return refuse(rule, printable(rule.path) +
                            " is the root directory: a right to change things there is refused; name the "
                            "directories instead");
  if (!is_procfs_entry(fd, st)) return {};
  if (options_.restricts_caller) return {};
  // By what the descriptor is, not by how it was spelt; and by the pid that this procfs knows us by.
  char self[32], name[PATH_MAX + 1];
  const ssize_t self_length = ::readlink("/proc/self", self, sizeof(self));
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), name, PATH_MAX);
  if (self_length <= 0 || length <= 0) return system_error(errno, "readlink(\"" + link + "\")");
  const std::string own = "/proc/" + std::string(self, static_cast<std::size_t>(self_length)) + "/";
  if ((std::string(name, static_cast<std::size_t>(length)) + "/").starts_with(own))
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

Result<void> Preparer::add(const PlanRule& rule) {
  UniqueFd fd(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
  // Out of descriptors or memory is our failure and says nothing of the path.
  if (!fd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
    return system_error(errno, "open(\"" + printable(rule.path) + "\", O_PATH)");
  if (!fd) return skip(rule, errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_error(errno, "fstat(\"" + printable(rule.path) + "\")");
  LOCKSTEP_CHECK(check_object(rule, fd.get(), st));
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
    Error error = std::move(added).error();
    if (error.err == EBADFD) {
      error.kind = ErrorKind::input;
      error.message +=
          "; Landlock takes files and directories, not pipes, sockets, namespaces or memory files";
    }
    error.file = plan_.file;
    error.line = rule.line;
    return error;
  }
  ++out_.rules;
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

Result<Prepared> Preparer::run() {
  for (const PlanRule& rule : plan_.rules) LOCKSTEP_CHECK(add(rule));
  for (const PortRule& rule : plan_.ports) LOCKSTEP_CHECK(out_.ruleset.allow_port(rule.right, rule.port));
  if (out_.rules == 0)
    return input_error(
        plan_.file, 0,
        "no path of the policy can be opened: there would be no rule left, and that is refused");
  return std::move(out_);
}

}  // namespace

Result<Prepared> prepare(const Plan& plan, const PrepareOptions& options) {
  LOCKSTEP_ASSIGN(Ruleset ruleset, Ruleset::create({plan.handled, plan.handled_net, plan.scoped, plan.quiet()}, plan.abi));
  return Preparer(plan, options, std::move(ruleset)).run();
}

}  // namespace lockstep
