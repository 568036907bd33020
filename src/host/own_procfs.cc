#include "host/own_procfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace lockstep {
namespace {

constexpr long procfs_magic = 0x9fa0;
constexpr ino_t procfs_root_ino = 1;
constexpr std::size_t text_limit = 1U << 20;
constexpr char remedy[] = ": mount one of this PID namespace on /proc (bwrap --proc /proc, unshare --mount-proc)";

std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  while (out.size() < text_limit) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  return out;
}

bool is_procfs(int fd) {
  struct statfs fs {};
  return ::fstatfs(fd, &fs) == 0 && fs.f_type == procfs_magic;
}

// The numbers behind "Name:" in /proc/self/status; none where there is no such line.
std::vector<long> numbers_of(const std::string& status, const std::string& name) {
  std::vector<long> out;
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream words(line.substr(name.size() + 1));
    for (long each = 0; words >> each;) out.push_back(each);
  }
  return out;
}

// Where the mount on /proc is in the table: its options and those of its superblock, each between commas.
void read_options(int directory, ProcfsFacts* out) {
  struct statfs fs {};
  out->read_only = ::fstatfs(directory, &fs) == 0 && (fs.f_flags & ST_RDONLY) != 0;
  const UniqueFd table(::openat(directory, "self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!table) return;
  struct statx about {};
  const bool has_id =
      ::statx(directory, "", AT_EMPTY_PATH, STATX_MNT_ID, &about) == 0 && (about.stx_mask & STATX_MNT_ID) != 0;
  std::string super;
  std::istringstream lines(read_all(table.get()));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    unsigned long long id = 0;
    std::string word, point, type, source, options;
    words >> id >> word >> word >> word >> point;
    while (words >> word && word != "-") {  // the mount's own options, then optional fields, as many as there are
    }
    if (words >> type >> source >> options && type == "proc" && (has_id ? id == about.stx_mnt_id : point == "/proc"))
      super = options;
  }
  std::istringstream options(super);
  for (std::string each; std::getline(options, each, ',');) {
    if (each == "ro") out->read_only_superblock = true;
    if (each == "subset=pid") out->only_pids = true;
    if (each.starts_with("gid="))
      out->hidepid_group = static_cast<unsigned>(std::strtoul(each.c_str() + 4, nullptr, 10));
    // By word since Linux 5.8, by number before.
    if (each == "hidepid=1" || each == "hidepid=noaccess") out->hidepid = 1;
    if (each == "hidepid=2" || each == "hidepid=invisible") out->hidepid = 2;
    if (each == "hidepid=4" || each == "hidepid=ptraceable") out->hidepid = 4;
  }
}

ProcfsFacts look_at(int directory, int err) {
  ProcfsFacts out;
  const auto say = [&](ProcfsKind kind, const std::string& why) {
    out.kind = kind;
    out.why = why + remedy;
    return out;
  };
  if (directory < 0 && (err == ENOENT || err == ENOTDIR)) return say(ProcfsKind::none, "there is no /proc here");
  if (directory < 0)
    return say(ProcfsKind::unreadable,
               "/proc cannot be opened (" + errno_name(err) + "), so whose processes it shows is not known");
  if (!is_procfs(directory)) return say(ProcfsKind::none, "what is on /proc is no procfs");
  struct stat root {
  }, st{};
  if (::fstat(directory, &root) != 0 || root.st_ino != procfs_root_ino)
    return say(ProcfsKind::part, "/proc is a part of a procfs, bound there");
  read_options(directory, &out);
  const UniqueFd file(::openat(directory, "self/status", O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT)
    return say(ProcfsKind::stale, "/proc is of another PID namespace, one that does not know this process");
  if (!file)
    return say(ProcfsKind::unreadable, "/proc/self/status cannot be opened (" + errno_name(errno) +
                                           "), so whose processes /proc shows is not known");
  if (!is_procfs(file.get()) || ::fstat(file.get(), &st) != 0 || st.st_dev != root.st_dev)
    return say(ProcfsKind::part, "something else covers /proc/self/status");
  const std::string status = read_all(file.get());
  // One number for each namespace from the procfs's own down to the process's. A kernel without PID
  // namespaces has no such line.
  const std::vector<long> in_namespaces = numbers_of(status, "NSpid"), pid = numbers_of(status, "Pid");
  if (pid.empty()) return say(ProcfsKind::unreadable, "/proc/self/status does not say whose it is");
  char self[32] = {};
  const std::string thread = "self/task/" + std::to_string(::syscall(SYS_gettid));
  const bool known = pid[0] == ::getpid() && ::readlinkat(directory, "self", self, sizeof(self) - 1) > 0 &&
                     self == std::to_string(::getpid()) && ::fstatat(directory, thread.c_str(), &st, 0) == 0;
  if (in_namespaces.size() > 1 || !known)
    return say(ProcfsKind::stale, "/proc is of another PID namespace: it knows this process as " +
                                      std::to_string(pid[0]) + ", not as " + std::to_string(::getpid()));
  out.kind = ProcfsKind::own;
  return out;
}

UniqueFd open_directory() {
  return UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

std::string_view name(ProcfsKind kind) {
  constexpr std::string_view names[] = {"own", "stale", "none", "part", "unreadable"};
  return names[static_cast<std::size_t>(kind)];
}

ProcfsFacts look_at_procfs() {
  const UniqueFd directory = open_directory();
  return look_at(directory.get(), errno);
}

int hides_untraceable(const ProcfsFacts& facts) {
  if (facts.hidepid == 0) return 0;
  // Whatever the group. The kernel says ENOENT only as long as nobody who may has looked the process up.
  if (facts.hidepid == 4) return EPERM;
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  groups.resize(static_cast<std::size_t>(std::max(0, ::getgroups(static_cast<int>(groups.size()), groups.data()))));
  groups.push_back(::getegid());
  if (std::find(groups.begin(), groups.end(), facts.hidepid_group) != groups.end()) return 0;
  return facts.hidepid == 1 ? EPERM : ENOENT;
}

Result<OwnProcfs> OwnProcfs::prove() {
  UniqueFd directory = open_directory();
  const ProcfsFacts facts = look_at(directory.get(), errno);
  if (facts.kind != ProcfsKind::own)
    return unsupported_error(0, std::string(name(facts.kind)) + "-procfs: " + facts.why);
  return OwnProcfs(std::move(directory), facts);
}

Result<OwnProcfs> OwnProcfs::prove_for_children() {
  LOCKSTEP_ASSIGN(OwnProcfs own, prove());
  char here[64] = {}, children[64] = {};
  if (::readlinkat(own.directory(), "self/ns/pid", here, sizeof(here) - 1) <= 0) return own;  // a kernel without any
  // ENOENT: another one, in which there is no process yet.
  const ssize_t length = ::readlinkat(own.directory(), "self/ns/pid_for_children", children, sizeof(children) - 1);
  if (length > 0 && std::string_view(here) == children) return own;
  return unsupported_error(0, std::string(name(ProcfsKind::stale)) +
                                  "-procfs: the children of this process would be in another PID namespace than it is "
                                  "(unshare --pid without --fork), which is not that of /proc" +
                                  remedy);
}

}  // namespace lockstep
