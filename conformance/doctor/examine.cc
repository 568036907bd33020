#include "conformance/doctor/examine.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fork.h"
#include "conformance/doctor/files.h"
#include "conformance/harness/ending.h"

namespace lockstep::conformance::doctor {
namespace {

constexpr int trial_ms = 10000;
constexpr std::uint64_t dac_override = 1U << 1;  // CAP_DAC_OVERRIDE
constexpr unsigned overflow_id = 65534;          // an owner that this user namespace does not know

// What the child writes: plain, and as many as there are questions.
struct Answer {
  int err, access, mode_allows, has_acl, read_only, nodev;
  unsigned mode, uid, gid, major, minor;
  char kind;
  char culprit[512], mount_point[512], mount_type[64];
};
struct Answers {
  int complete;
  int err;  // of becoming the identity
  Answer answers[];
};

char kind_of(mode_t mode) {
  return S_ISCHR(mode)    ? 'c'
         : S_ISBLK(mode)  ? 'b'
         : S_ISDIR(mode)  ? 'd'
         : S_ISSOCK(mode) ? 's'
         : S_ISREG(mode)  ? 'f'
                          : '?';
}

void put(char* out, std::size_t size, const std::string& text) {
  const std::size_t length = std::min(size - 1, text.size());
  std::memcpy(out, text.data(), length);
  out[length] = '\0';
}

// By the mode bits alone, as the kernel reads them: the first of owner, group and others that fits decides.
bool mode_allows(const struct stat& st, int wants) {
  const bool foreign = st.st_uid == overflow_id || st.st_gid == overflow_id;
  const Result<std::uint64_t> capabilities = permitted_capabilities();
  if (capabilities.ok() && (*capabilities & dac_override) != 0 && !foreign) return true;
  const std::vector<gid_t> groups = current_groups();
  const bool in_group = st.st_gid == ::getegid() || std::find(groups.begin(), groups.end(), st.st_gid) != groups.end();
  const int shift = st.st_uid == ::geteuid() ? 6 : in_group ? 3 : 0;
  return ((static_cast<int>(st.st_mode) >> shift) & wants) == wants;
}

// The first component that stands in the way: one that is missing, or the directory that may not be searched.
std::string culprit_of(const std::string& path, int err) {
  std::string before = "/";
  for (std::size_t at = 1; at != std::string::npos && at < path.size();) {
    const std::size_t next = path.find('/', at);
    const std::string prefix = path.substr(0, next);
    struct stat st {};
    if (::stat(prefix.c_str(), &st) != 0) return err == EACCES ? before : prefix;
    before = prefix;
    at = next == std::string::npos ? next : next + 1;
  }
  return path;
}

void name_mount(const std::string& path, const std::vector<Mount>& mounts, Answer* out) {
  struct statx stx {};
  const bool has_id = ::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &stx) == 0 && (stx.stx_mask & STATX_MNT_ID) != 0;
  for (const Mount& mount : mounts) {
    if (!has_id || mount.id != stx.stx_mnt_id) continue;
    put(out->mount_point, sizeof(out->mount_point), printable(mount.point));
    put(out->mount_type, sizeof(out->mount_type), printable(mount.type));
    out->read_only = mount.read_only ? 1 : 0;
    out->nodev = mount.nodev ? 1 : 0;
  }
}

void answer(const PathQuestion& question, const std::vector<Mount>& mounts, Answer* out) {
  const std::string path =
      question.path == own_comm ? "/proc/self/task/" + std::to_string(::syscall(SYS_gettid)) + "/comm" : question.path;
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    out->err = errno;
    put(out->culprit, sizeof(out->culprit), printable(culprit_of(path, out->err)));
    return;
  }
  out->kind = kind_of(st.st_mode);
  out->mode = st.st_mode & 07777U;
  out->uid = st.st_uid;
  out->gid = st.st_gid;
  out->major = major(st.st_rdev);
  out->minor = minor(st.st_rdev);
  out->access = ::faccessat(AT_FDCWD, path.c_str(), question.wants, AT_EACCESS) == 0 ? 0 : errno;
  out->mode_allows = mode_allows(st, question.wants) ? 1 : 0;
  out->has_acl = ::getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0 ? 1 : 0;
  name_mount(path, mounts, out);
}

}  // namespace

Result<std::vector<PathFacts>> examine(const std::vector<PathQuestion>& questions, const Identity* identity) {
  const std::size_t size = sizeof(Answers) + questions.size() * sizeof(Answer);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return system_error(errno, "mmap()");
  auto* shared = static_cast<Answers*>(memory);
  const std::vector<Mount> mounts = read_mounts();  // before: the identity may not read it where /proc is hidden
  const pid_t pid = fork_process();
  if (pid == 0) {
    if (identity != nullptr) {
      const Result<void> became = drop_privileges(*identity);
      if (!became.ok()) {
        shared->err = became.error().err != 0 ? became.error().err : EPERM;
        ::_exit(1);
      }
      ::prctl(PR_SET_DUMPABLE, 1);
    }
    for (std::size_t i = 0; i < questions.size(); ++i) answer(questions[i], mounts, &shared->answers[i]);
    shared->complete = 1;
    ::_exit(0);
  }
  const int fork_err = errno;
  if (pid > 0) harness::await_end(pid, trial_ms);
  std::vector<PathFacts> out;
  const bool complete = pid > 0 && shared->complete == 1;
  const int err = pid < 0 ? fork_err : shared->err;
  for (std::size_t i = 0; complete && i < questions.size(); ++i) {
    const Answer& from = shared->answers[i];
    PathFacts facts;
    facts.path = questions[i].path;
    facts.err = from.err;
    facts.culprit = from.culprit;
    facts.kind = from.kind != '\0' ? from.kind : '?';
    facts.mode = from.mode;
    facts.uid = from.uid;
    facts.gid = from.gid;
    facts.major = from.major;
    facts.minor = from.minor;
    facts.mode_allows = from.mode_allows != 0;
    facts.has_acl = from.has_acl != 0;
    facts.access = from.access;
    facts.read_only = from.read_only != 0;
    facts.nodev = from.nodev != 0;
    facts.mount_point = from.mount_point;
    facts.mount_type = from.mount_type;
    out.push_back(std::move(facts));
  }
  ::munmap(memory, size);
  if (!complete)
    return internal_error("the child that looks at paths did not come to its end (" + errno_name(err) + ")");
  return out;
}

int wants_of(Operation operation) {
  switch (operation) {
    case Operation::stat:
    case Operation::open_path:
      return F_OK;
    case Operation::open_w:
      return W_OK;
    case Operation::open_rw:
    case Operation::ioctl:
    case Operation::comm_open:
      return R_OK | W_OK;
    case Operation::connect_unix:
      return W_OK;
    default:
      return R_OK;
  }
}

}  // namespace lockstep::conformance::doctor
