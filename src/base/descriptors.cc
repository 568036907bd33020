#include "base/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace lockstep {
namespace {

using Kept = std::span<const int>;  // sorted

bool is_kept(Kept kept, int fd) {
  return std::binary_search(kept.begin(), kept.end(), fd);
}

// Whatever it answers is not believed.
void close_by_range(Kept kept) {
  unsigned next = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto open = static_cast<unsigned>(fd);
    if (open > next) ::syscall(SYS_close_range, next, open - 1, 0);
    next = open + 1;
  }
  ::syscall(SYS_close_range, next, ~0U, 0);
}

// Of one that is closed the kernel says so the second time.
bool close_for_certain(int fd) {
  return (::close(fd) != 0 && errno == EBADF) || (::close(fd) != 0 && errno == EBADF);
}

struct Entry {  // linux_dirent64
  std::uint64_t ino;
  std::int64_t off;
  std::uint16_t size;
  unsigned char type;
  char name[1];
};

enum class Closed { all, not_all, unknown };

// A list that lacks the descriptor it is read by is none of this process's.
Closed close_by_procfs(Kept kept) {
  const int list = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (list < 0) return Closed::unknown;
  alignas(Entry) char buffer[4096] = {};
  long length = 0;
  bool lists_itself = false, all = true, is_list = true;
  while (is_list && (length = ::syscall(SYS_getdents64, list, buffer, sizeof(buffer))) > 0)
    for (const char* at = buffer; is_list && at < buffer + length;) {
      const Entry* entry = reinterpret_cast<const Entry*>(at);
      is_list = entry->size != 0;  // a filter may count what is not there
      at += entry->size;
      int fd = 0;
      const char* digit = entry->name;
      while (*digit >= '0' && *digit <= '9') fd = fd * 10 + (*digit++ - '0');
      if (digit == entry->name) continue;
      if (fd == list)
        lists_itself = true;
      else if (!is_kept(kept, fd) && !close_for_certain(fd))
        all = false;
    }
  if (!close_for_certain(list)) return Closed::not_all;
  if (length != 0 || !is_list || !lists_itself) return Closed::unknown;
  return all ? Closed::all : Closed::not_all;
}

bool close_by_number(Kept kept) {
  constexpr rlim_t enough = 1 << 20;  // what a kernel allows, unless told otherwise
  rlimit most{enough, enough};
  const rlim_t end = ::getrlimit(RLIMIT_NOFILE, &most) == 0 ? std::min(most.rlim_max, enough) : enough;
  bool all = true;
  for (int fd = 0; static_cast<rlim_t>(fd) < end; ++fd)
    if (!is_kept(kept, fd) && !close_for_certain(fd)) all = false;
  return all;
}

}  // namespace

bool close_all_but(std::span<int> keep) {
  std::sort(keep.begin(), keep.end());
  close_by_range(keep);
  const Closed closed = close_by_procfs(keep);
  return closed == Closed::unknown ? close_by_number(keep) : closed == Closed::all;
}

}  // namespace lockstep
