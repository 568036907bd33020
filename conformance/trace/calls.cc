#include "conformance/trace/calls.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace lockstep::conformance::trace {
namespace {

// What the argument behind the path means.
enum class Flags : std::uint8_t { none, open, creat, how, access, number };

struct Call {
  long number;
  const char* name;
  int directory;  // which argument is the directory's descriptor; -1: the working directory
  int path;
  int flags_at;
  Flags flags;
};

// The calls without "at" do not exist on newer architectures.
constexpr Call calls[] = {
#ifdef SYS_open
    {SYS_open, "open", -1, 0, 1, Flags::open},
    {SYS_creat, "creat", -1, 0, -1, Flags::creat},
    {SYS_access, "access", -1, 0, 1, Flags::access},
    {SYS_stat, "stat", -1, 0, -1, Flags::none},
    {SYS_lstat, "lstat", -1, 0, -1, Flags::none},
    {SYS_readlink, "readlink", -1, 0, -1, Flags::none},
    {SYS_mknod, "mknod", -1, 0, 1, Flags::number},
    {SYS_mkdir, "mkdir", -1, 0, 1, Flags::number},
    {SYS_unlink, "unlink", -1, 0, -1, Flags::none},
    {SYS_rmdir, "rmdir", -1, 0, -1, Flags::none},
    {SYS_rename, "rename", -1, 0, -1, Flags::none},
    {SYS_link, "link", -1, 0, -1, Flags::none},
    {SYS_symlink, "symlink", -1, 1, -1, Flags::none},
    {SYS_chmod, "chmod", -1, 0, 1, Flags::number},
    {SYS_chown, "chown", -1, 0, -1, Flags::none},
#endif
#ifdef SYS_newfstatat
    {SYS_newfstatat, "newfstatat", 0, 1, 3, Flags::number},
#endif
    {SYS_openat, "openat", 0, 1, 2, Flags::open},
    {SYS_openat2, "openat2", 0, 1, 2, Flags::how},
    {SYS_faccessat, "faccessat", 0, 1, 2, Flags::access},
    {SYS_faccessat2, "faccessat2", 0, 1, 2, Flags::access},
    {SYS_statx, "statx", 0, 1, 2, Flags::number},
    {SYS_statfs, "statfs", -1, 0, -1, Flags::none},
    {SYS_readlinkat, "readlinkat", 0, 1, -1, Flags::none},
    {SYS_mknodat, "mknodat", 0, 1, 2, Flags::number},
    {SYS_mkdirat, "mkdirat", 0, 1, 2, Flags::number},
    {SYS_unlinkat, "unlinkat", 0, 1, 2, Flags::number},
    {SYS_renameat2, "renameat2", 0, 1, 4, Flags::number},
    {SYS_linkat, "linkat", 0, 1, 4, Flags::number},
    {SYS_symlinkat, "symlinkat", 1, 2, -1, Flags::none},
    {SYS_fchmodat, "fchmodat", 0, 1, 2, Flags::number},
    {SYS_fchownat, "fchownat", 0, 1, -1, Flags::none},
    {SYS_truncate, "truncate", -1, 0, -1, Flags::none},
    {SYS_inotify_add_watch, "inotify_add_watch", -1, 1, -1, Flags::none},
    {SYS_execve, "execve", -1, 0, -1, Flags::none},
    {SYS_execveat, "execveat", 0, 1, 4, Flags::number},
};

struct Named {
  std::uint64_t bits;
  const char* name;
};
// Those of several bits before those they contain.
constexpr Named open_names[] = {{O_TMPFILE, "O_TMPFILE"},     {O_SYNC, "O_SYNC"},         {O_DSYNC, "O_DSYNC"},
                                {O_CREAT, "O_CREAT"},         {O_EXCL, "O_EXCL"},         {O_NOCTTY, "O_NOCTTY"},
                                {O_TRUNC, "O_TRUNC"},         {O_APPEND, "O_APPEND"},     {O_NONBLOCK, "O_NONBLOCK"},
                                {O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"}, {O_CLOEXEC, "O_CLOEXEC"},
                                {O_PATH, "O_PATH"},           {O_NOATIME, "O_NOATIME"},   {O_DIRECT, "O_DIRECT"}};
#if defined(__x86_64__)
constexpr std::uint64_t large_file = 0100000;  // which the kernel adds by itself, and libcs name differently
#else
constexpr std::uint64_t large_file = 0400000;
#endif

std::string hex(std::uint64_t value) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  do out.insert(out.begin(), digits[value % 16]);
  while ((value /= 16) != 0);
  return "0x" + out;
}

// Up to `size` bytes; fewer where the memory ends.
std::string read_memory(pid_t tid, std::uint64_t address, std::size_t size) {
  std::string out(size, '\0');
  const iovec local{out.data(), size};
  const iovec remote{reinterpret_cast<void*>(address), size};  // an address there
  const ssize_t got = ::process_vm_readv(tid, &local, 1, &remote, 1, 0);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

// A string, page by page: what lies behind its end may not be mapped. Nothing where it cannot be read.
std::optional<std::string> read_string(pid_t tid, std::uint64_t address) {
  std::string out;
  while (out.size() < PATH_MAX) {
    const std::string part = read_memory(tid, address, 4096 - address % 4096);
    if (part.empty()) return std::nullopt;
    const std::size_t end = part.find('\0');
    out += part.substr(0, end);
    if (end != std::string::npos) return out;
    address += part.size();
  }
  return out.substr(0, PATH_MAX);
}

std::string read_link(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : "?";
}

std::string of_thread(pid_t tid, const std::string& name) {
  return "/proc/" + std::to_string(tid) + "/" + name;
}
std::string of_descriptor(pid_t tid, std::uint64_t fd) {
  return of_thread(tid, "fd/" + std::to_string(static_cast<int>(fd)));
}

std::string access_mode(std::uint64_t mode) {
  std::string out;
  for (const Named& each : {Named{R_OK, "R_OK"}, Named{W_OK, "W_OK"}, Named{X_OK, "X_OK"}})
    if ((mode & each.bits) != 0) out += (out.empty() ? "" : "|") + std::string(each.name);
  return out.empty() ? "F_OK" : out;
}

std::string flags_of(pid_t tid, const Call& call, const std::array<std::uint64_t, 6>& arguments) {
  const std::uint64_t value = call.flags_at < 0 ? 0 : arguments[static_cast<std::size_t>(call.flags_at)];
  switch (call.flags) {
    case Flags::none:
      return "";
    case Flags::creat:
      return open_flags(O_WRONLY | O_CREAT | O_TRUNC);
    case Flags::open:
      return open_flags(value & 0xffffffffU);
    case Flags::access:
      return access_mode(value);
    case Flags::number:
      return (value & 0xffffffffU) == 0 ? "" : hex(value & 0xffffffffU);
    case Flags::how: {
      open_how how{};
      const std::string bytes = read_memory(tid, value, sizeof(how));
      std::memcpy(&how, bytes.data(), bytes.size());
      return open_flags(how.flags);
    }
  }
  return "";
}

std::optional<TraceEvent> decode_ioctl(pid_t tid, const std::array<std::uint64_t, 6>& arguments) {
  struct stat st {};
  const std::string link = of_descriptor(tid, arguments[0]);
  if (::stat(link.c_str(), &st) != 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))) return std::nullopt;
  return TraceEvent{0, "ioctl", read_link(link), hex(arguments[1] & 0xffffffffU), "", 1};
}

// UNIX sockets alone: '@' and the name of an abstract one. Of others the family.
std::optional<TraceEvent> decode_address(pid_t tid, const char* name, const std::array<std::uint64_t, 6>& arguments) {
  sockaddr_un address{};
  const std::size_t length = std::min<std::size_t>(arguments[2], sizeof(address));
  const std::string bytes = read_memory(tid, arguments[1], length);
  std::memcpy(&address, bytes.data(), bytes.size());
  TraceEvent event{0, name, "", "", "", 1};
  constexpr std::size_t before = offsetof(sockaddr_un, sun_path);
  if (bytes.size() < before || address.sun_family != AF_UNIX) {
    event.flags = "family " + std::to_string(address.sun_family);
  } else if (bytes.size() == before) {
    event.path = "@";
  } else if (address.sun_path[0] == '\0') {
    event.path = "@" + bytes.substr(before + 1);
  } else {
    event.path.assign(address.sun_path, ::strnlen(address.sun_path, bytes.size() - before));
    if (event.path[0] != '/') event.path = read_link(of_thread(tid, "cwd")) + "/" + event.path;
  }
  return event;
}

}  // namespace

std::string open_flags(std::uint64_t flags) {
  std::string out = (flags & O_PATH) != 0             ? ""
                    : (flags & O_ACCMODE) == O_RDWR   ? "O_RDWR"
                    : (flags & O_ACCMODE) == O_WRONLY ? "O_WRONLY"
                    : (flags & O_ACCMODE) == O_RDONLY ? "O_RDONLY"
                                                      : "O_ACCMODE";
  std::uint64_t left = flags & ~static_cast<std::uint64_t>(O_ACCMODE) & ~large_file;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : "|") + text; };
  for (const Named& each : open_names) {
    if ((left & each.bits) != each.bits) continue;
    add(each.name);
    left &= ~each.bits;
  }
  if (left != 0) add(hex(left));
  return out;
}

std::optional<TraceEvent> decode_call(pid_t tid, std::uint64_t number, const std::array<std::uint64_t, 6>& arguments) {
  const auto nr = static_cast<long>(number);
  if (nr == SYS_ioctl) return decode_ioctl(tid, arguments);
  if (nr == SYS_connect) return decode_address(tid, "connect", arguments);
  if (nr == SYS_bind) return decode_address(tid, "bind", arguments);
  if (nr == SYS_memfd_create)
    return TraceEvent{0, "memfd_create", read_string(tid, arguments[0]).value_or("?"), hex(arguments[1]), "", 1};
  const auto* call =
      std::find_if(std::begin(calls), std::end(calls), [&](const Call& each) { return each.number == nr; });
  if (call == std::end(calls)) return std::nullopt;
  const std::optional<std::string> path = read_string(tid, arguments[static_cast<std::size_t>(call->path)]);
  // A null pointer, or AT_EMPTY_PATH on a descriptor: no name.
  if (!path || path->empty()) return std::nullopt;
  TraceEvent event{0, call->name, *path, flags_of(tid, *call, arguments), "", 1};
  if (event.path[0] != '/') {
    const int fd =
        call->directory < 0 ? AT_FDCWD : static_cast<int>(arguments[static_cast<std::size_t>(call->directory)]);
    const std::string from =
        read_link(fd == AT_FDCWD ? of_thread(tid, "cwd") : of_descriptor(tid, static_cast<std::uint64_t>(fd)));
    event.path = (from == "/" ? "" : from) + "/" + event.path;
  }
  return event;
}

}  // namespace lockstep::conformance::trace
