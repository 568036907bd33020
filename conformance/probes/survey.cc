#include "conformance/probes/survey.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

constexpr std::size_t arena_bytes = 512U << 10;
constexpr int max_depth = 8;
constexpr std::size_t max_path = 1024;
constexpr char self_token[] = "/proc/self", child_token[] = "/proc/$child";

// Static, for a forked child has no heap to spare: relative names, one NUL-terminated string after another.
struct Survey {
  int fd;
  dev_t device;
  long tid;  // of the thread that listed: its entries are recorded as "task/$/..."
  std::size_t begin;
  std::size_t count;
};
char arena[arena_bytes];
std::size_t arena_used;
Survey surveys[max_surveys];
int survey_count;

// Joins into `out`; false where it does not fit.
bool join(const char* directory, const char* name, const char* end, char* out) {
  const std::size_t a = std::strlen(directory), b = std::strlen(name), c = std::strlen(end);
  if (a + b + c + 1 > max_path) return false;
  std::memcpy(out, directory, a);
  std::memcpy(out + a, name, b);
  std::memcpy(out + a + b, end, c + 1);
  return true;
}

bool keep(const char* prefix, const char* name, Survey* survey) {
  char path[max_path];
  if (!join(prefix, name, "", path)) return false;
  const std::size_t bytes = std::strlen(path) + 1;
  if (arena_used + bytes > arena_bytes) return false;
  std::memcpy(arena + arena_used, path, bytes);
  arena_used += bytes;
  ++survey->count;
  return true;
}

bool collect(int directory, const char* prefix, int depth, Survey* survey);

bool collect_below(int directory, const char* prefix, const char* name, int depth, Survey* survey) {
  struct stat st;
  if (std::strcmp(name, "fdinfo") == 0 || ::fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 ||
      st.st_dev != survey->device)
    return true;
  if (depth == 0) return false;
  const int below = ::openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (below < 0) return true;
  char tid[24], path[max_path];
  put_number(tid, survey->tid);
  const bool is_listing_thread = std::strcmp(prefix, "task/") == 0 && std::strcmp(name, tid) == 0;
  const bool ok = join(prefix, is_listing_thread ? "$" : name, "/", path) && collect(below, path, depth - 1, survey);
  ::close(below);
  return ok;
}

bool collect(int directory, const char* prefix, int depth, Survey* survey) {
  // linux_dirent64, which no header of ours declares: ino 8, offset 8, length 2, type 1, name.
  alignas(8) char buffer[4096];
  while (true) {
    const long bytes = ::syscall(SYS_getdents64, directory, buffer, sizeof(buffer));
    // A directory that opens and does not list (map_files of another process) is one that cannot be listed.
    if (bytes <= 0) return bytes == 0 || depth < max_depth;
    for (long at = 0; at < bytes;) {
      std::uint16_t length;
      std::memcpy(&length, buffer + at + 16, sizeof(length));
      const char type = buffer[at + 18];
      const char* name = buffer + at + 19;
      at += length;
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      if (type == DT_DIR && !collect_below(directory, prefix, name, depth, survey)) return false;
      if (type == DT_REG && !keep(prefix, name, survey)) return false;
    }
  }
}

const Survey* find(int fd) {
  for (int i = 0; i < survey_count; ++i)
    if (surveys[i].fd == fd) return &surveys[i];
  return nullptr;
}

// "task/$/comm" below "/proc/7" for the thread 7: "/proc/7/task/7/comm".
bool full_path(const char* base, const char* name, long tid, char* out) {
  char head[max_path];
  if (!join(base, "/", "", head)) return false;
  if (std::strncmp(name, "task/$/", 7) != 0) return join(head, name, "", out);
  char number[24], thread[max_path];
  put_number(number, tid);
  return join(head, "task/", number, thread) && join(thread, name + 6, "", out);
}

// FNV-1a.
void add_to_hash(char c, wire::SlotCell* cell) {
  cell->after = (cell->after ^ static_cast<unsigned char>(c)) * 0x100000001b3;
}

void open_each(const Survey& survey, const char* base, long tid, wire::SlotCell* cell) {
  char path[max_path];
  cell->after = 0xcbf29ce484222325;
  const char* name = arena + survey.begin;
  for (std::size_t i = 0; i < survey.count; ++i, name += std::strlen(name) + 1) {
    if (!full_path(base, name, tid, path)) {
      cell->state = static_cast<std::uint32_t>(wire::CellState::unsupported);
      return;
    }
    ++cell->aux;
    const int fd = ::open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) continue;
    ++cell->ret;
    for (const char* c = name; *c != '\0'; ++c) add_to_hash(*c, cell);
    add_to_hash('/', cell);
    ::close(fd);
  }
}

// A child that waits for the pipe's end and does nothing else.
pid_t park(int* release) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[1]);
    char byte;
    while (::read(ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    ::_exit(0);
  }
  ::close(ends[0]);
  *release = ends[1];
  if (pid < 0) ::close(ends[1]);
  return pid;
}

}  // namespace

int prepare_survey(const char* path) {
  if (survey_count == max_surveys) {
    errno = E2BIG;
    return -1;
  }
  const char* listed = std::strcmp(path, child_token) == 0 ? self_token : path;
  const int fd = ::open(listed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st;
  if (fd < 0) return -1;
  if (::fstat(fd, &st) != 0) {
    ::close(fd);
    return -1;
  }
  Survey survey{fd, st.st_dev, ::syscall(SYS_gettid), arena_used, 0};
  if (!collect(fd, "", max_depth, &survey)) {
    arena_used = survey.begin;
    ::close(fd);
    errno = E2BIG;
    return -1;
  }
  surveys[survey_count++] = survey;
  return fd;
}

void probe_survey(const Probe& probe, wire::SlotCell* cell) {
  const Survey* survey = find(probe.before_fd);
  if (survey == nullptr) {
    cell->state = static_cast<std::uint32_t>(wire::CellState::unsupported);
    return;
  }
  cell->err = 0;
  cell->ret = 0;
  cell->aux = 0;
  if (std::strcmp(probe.path, child_token) != 0) {
    const bool self = std::strcmp(probe.path, self_token) == 0;
    return open_each(*survey, probe.path, self ? ::getpid() : survey->tid, cell);
  }
  int release = -1;
  const pid_t pid = park(&release);
  if (!step(cell, 1, pid > 0)) return;
  char base[40] = "/proc/";
  put_number(base + 6, pid);
  open_each(*survey, base, pid, cell);
  ::close(release);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace lockstep::conformance::probes
