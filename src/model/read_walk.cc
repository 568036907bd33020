#include "model/read_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

namespace lockstep::model {
namespace {

// "/proc/self/fd/123" without stdio.
void fd_link(int fd, char* out) {
  constexpr char prefix[] = "/proc/self/fd/";
  std::memcpy(out, prefix, sizeof(prefix) - 1);
  char digits[12];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + fd % 10);
    fd /= 10;
  } while (fd > 0);
  char* at = out + sizeof(prefix) - 1;
  while (count > 0) *at++ = digits[--count];
  *at = '\0';
}

bool add_link(const char* path, RawWalk* out) {
  struct stat st;
  if (::lstat(path, &st) != 0) {
    out->error = errno;
    return false;
  }
  if (out->count == RawWalk::max_links) {
    out->error = E2BIG;
    return false;
  }
  out->links[out->count++] = {st.st_dev, st.st_ino, st.st_mode, 0};
  return true;
}

// The name the kernel gives the object behind `fd`. Empty: none.
bool canonical_name(int fd, char (&name)[PATH_MAX + 1]) {
  char link[40];
  fd_link(fd, link);
  const ssize_t length = ::readlink(link, name, PATH_MAX);
  if (length <= 0) return false;
  name[length] = '\0';
  return true;
}

// Copies all but the last component of `path`; false where there is no parent to look in.
bool parent_path(const char* path, char (&parent)[PATH_MAX + 1]) {
  std::size_t length = std::strlen(path);
  while (length > 1 && path[length - 1] == '/') --length;
  while (length > 0 && path[length - 1] != '/') --length;
  if (length == 0 || length > PATH_MAX) return false;
  while (length > 1 && path[length - 1] == '/') --length;
  std::memcpy(parent, path, length);
  parent[length] = '\0';
  return true;
}

}  // namespace

void read_walk(const char* path, bool follow, RawWalk* out) {
  out->count = 0;
  out->error = 0;
  out->missing = 0;
  out->exempt = 0;
  const int flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
  int fd = ::open(path, flags);
  if (fd < 0 && errno == ENOENT) {
    char parent[PATH_MAX + 1];
    struct stat st;
    // A dangling link is not a missing name: what it points to cannot be looked up.
    if (::lstat(path, &st) == 0 || !parent_path(path, parent)) {
      out->error = ENOENT;
      return;
    }
    fd = ::open(parent, O_PATH | O_CLOEXEC | O_DIRECTORY);
    out->missing = 1;
  }
  if (fd < 0) {
    out->error = errno;
    return;
  }

  char name[PATH_MAX + 1];
  const bool named = canonical_name(fd, name);
  ::close(fd);
  if (!named) {
    out->error = EIO;
    return;
  }
  // "pipe:[1]", "/memfd:x (deleted)", "mnt:[4026531841]": objects of the kernel's own mounts, which Landlock leaves alone.
  if (name[0] != '/' || std::strncmp(name, "/memfd:", 7) == 0) {
    out->exempt = 1;
    return;
  }
  // From the object up: cut the last component until only the root is left.
  std::size_t length = std::strlen(name);
  while (length > 1) {
    if (!add_link(name, out)) return;
    while (length > 1 && name[length - 1] != '/') --length;
    if (length > 1) --length;
    name[length] = '\0';
  }
  add_link("/", out);
}

Walk to_walk(const RawWalk& raw) {
  Walk walk;
  walk.missing = raw.missing != 0;
  walk.exempt = raw.exempt != 0;
  walk.error = raw.error;
  walk.objects.reserve(static_cast<std::size_t>(raw.count));
  for (int i = 0; i < raw.count; ++i)
    walk.objects.push_back({raw.links[i].dev, raw.links[i].ino, file_type(raw.links[i].mode)});
  return walk;
}

FileType file_type(std::uint32_t st_mode) {
  switch (st_mode & S_IFMT) {
    case S_IFREG: return FileType::regular;
    case S_IFDIR: return FileType::directory;
    case S_IFLNK: return FileType::symlink;
    case S_IFCHR: return FileType::character;
    case S_IFBLK: return FileType::block;
    case S_IFIFO: return FileType::fifo;
    case S_IFSOCK: return FileType::socket;
    default: return FileType::none;
  }
}

}  // namespace lockstep::model
