#include "conformance/fuzz/reclaim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

namespace lockstep::conformance::fuzz {
namespace {

constexpr long procfs_magic = 0x9fa0;
constexpr ino_t procfs_root_ino = 1;
constexpr char drop_caches_path[] = "/proc/sys/vm/drop_caches";
constexpr auto tick = std::chrono::milliseconds(11);  // the slowest clock ticks every 10 ms

}  // namespace

std::optional<ProcEntry> proc_entry(int fd) {
  struct statfs fs {};
  struct stat st {};
  if (::fstatfs(fd, &fs) != 0 || fs.f_type != procfs_magic || ::fstat(fd, &st) != 0) return std::nullopt;
  if (st.st_ino == procfs_root_ino) return std::nullopt;
  return ProcEntry{st.st_dev, st.st_ino, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
}

Result<UniqueFd> open_drop_caches() {
  UniqueFd out(::open(drop_caches_path, O_WRONLY | O_CLOEXEC));
  if (!out || ::geteuid() != 0)
    return unsupported_error(errno, std::string("reclaim needs root and to write ") + drop_caches_path);
  return out;
}

void fill(const std::string& procfs) {
  struct stat st {};
  const std::string threads = procfs + "/self/task/" + std::to_string(::syscall(SYS_gettid)) + "/";
  for (const std::string& process : {procfs + "/self/", procfs + "/1/", threads})
    for (const char* file :
         {"auxv",        "cgroup", "cmdline", "environ", "fdinfo", "fdinfo/0", "fdinfo/1",  "fdinfo/2",
          "fd/0",        "fd/1",   "fd/2",    "io",      "limits", "maps",     "mem",       "mountinfo",
          "mounts",      "net",    "ns",      "ns/mnt",  "ns/net", "oom_adj",  "oom_score", "pagemap",
          "personality", "root",   "sched",   "smaps",   "stat",   "statm",    "syscall",   "wchan"})
      ::stat((process + file).c_str(), &st);
}

bool reclaim(int drop_caches) {
  std::this_thread::sleep_for(tick);
  // The first passes may do no more than forget who was used lately.
  for (int pass = 0; pass < 4; ++pass)
    if (::pwrite(drop_caches, "2", 1, 0) != 1) return false;
  return true;
}

}  // namespace lockstep::conformance::fuzz
