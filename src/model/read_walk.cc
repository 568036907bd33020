#include "model/read_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

// 0 or errno. Of a mount point it reads the mounted root, which is what the kernel's walk meets.
int read_link(int dir, const char* path, RawLink* out) {
  struct statx st;
  constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
  if (::statx(dir, path, flags, STATX_TYPE | STATX_INO, &st) != 0) return errno;
  const bool mount_root = (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  *out = {makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, st.stx_mode, mount_root ? 1U : 0U};
  return 0;
}

bool add_link(const char* path, RawWalk* out) {
  if (out->count == RawWalk::max_links) out->error = E2BIG;
  if (out->error == 0) out->error = read_link(AT_FDCWD, path, &out->links[out->count]);
  if (out->error == 0) ++out->count;
  return out->error == 0;
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

// `name`: the canonical name of the object, or, where that is missing, of its directory.
void read_named_walk(const char* path, bool follow, RawWalk* out, char (&name)[PATH_MAX + 1]) {
  out->count = 0;
  out->error = 0;
  out->missing = 0;
  out->exempt = 0;
  const int flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
  int fd = ::open(path, flags);
  if (fd < 0 && errno == ENOENT) {
    char parent[PATH_MAX + 1];
    RawLink dangling;
    // A dangling link is not a missing name: what it points to cannot be looked up.
    if (read_link(AT_FDCWD, path, &dangling) == 0 || !parent_path(path, parent)) {
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

  RawLink object{};
  const bool named = canonical_name(fd, name);
  out->error = named ? read_link(fd, "", &object) : EIO;
  ::close(fd);
  if (out->error != 0) return;
  // "pipe:[1]", "/memfd:x (deleted)", "mnt:[4026531841]": objects of the kernel's own mounts, which Landlock
  // leaves alone.
  if (name[0] != '/' || std::strncmp(name, "/memfd:", 7) == 0) {
    out->exempt = 1;
    return;
  }
  // From the object up: cut the last component until only the root is left.
  std::size_t length = std::strlen(name);
  char prefix[PATH_MAX + 1];
  std::memcpy(prefix, name, length + 1);
  while (length > 1) {
    if (!add_link(prefix, out)) return;
    // Of a deleted object, or one outside the root or below a later mount, the name leads to nothing or to
    // another.
    if (out->count == 1 && (out->links[0].dev != object.dev || out->links[0].ino != object.ino)) {
      out->error = ESTALE;
      return;
    }
    while (length > 1 && prefix[length - 1] != '/') --length;
    if (length > 1) --length;
    prefix[length] = '\0';
  }
  add_link("/", out);
}

// How much of an absolute path is its directory ("/" for what is in the root). 0: it is not written so that it could be
// a canonical name, or nothing is to be remembered of it.
std::size_t length_of_directory(const char* path) {
  const char* const slash = std::strrchr(path, '/');
  if (path[0] != '/' || slash == nullptr || slash[1] == '\0') return 0;
  if (std::strcmp(slash + 1, ".") == 0 || std::strcmp(slash + 1, "..") == 0) return 0;
  for (const char* machines : {"/proc/", "/sys/"})
    if (std::strncmp(path, machines, std::strlen(machines)) == 0) return 0;
  return slash == path ? 1 : static_cast<std::size_t>(slash - path);
}

}  // namespace

void read_walk(const char* path, bool follow, RawWalk* out) {
  char name[PATH_MAX + 1];
  read_named_walk(path, follow, out, name);
}

const WalkReader::Directory* WalkReader::find(const char* path, std::size_t length) const {
  for (int i = 0; i < count_; ++i)
    if (known_[i].length == length && std::memcmp(known_[i].path, path, length) == 0) return &known_[i];
  return nullptr;
}

void WalkReader::learn(const char* path, std::size_t length, const RawLink* way, int links) {
  if (length > longest_path || links < 1 || links > longest_way || !S_ISDIR(way[0].mode)) return;
  if (count_ == most) count_ = 0;  // of a tree with more of them those of one corner follow each other
  Directory& directory = known_[count_++];
  directory.length = length;
  directory.links = links;
  std::memcpy(directory.path, path, length);
  std::memcpy(directory.way, way, static_cast<std::size_t>(links) * sizeof(RawLink));
}

void WalkReader::read(const char* path, bool follow, RawWalk* out) {
  const std::size_t length = length_of_directory(path);
  const Directory* directory = length > 0 ? find(path, length) : nullptr;
  if (directory != nullptr) {
    out->error = 0;
    out->exempt = 0;
    const int err = read_link(AT_FDCWD, path, &out->links[0]);
    const bool led_on = err == 0 && follow && S_ISLNK(out->links[0].mode);
    if (!led_on && (err == 0 || err == ENOENT)) {
      const int own = err == 0 ? 1 : 0;
      out->missing = err == 0 ? 0 : 1;
      out->count = own + directory->links;
      std::memcpy(out->links + own, directory->way, static_cast<std::size_t>(directory->links) * sizeof(RawLink));
      return;
    }
  }
  char name[PATH_MAX + 1];
  read_named_walk(path, follow, out, name);
  if (length == 0 || directory != nullptr || out->error != 0 || out->exempt != 0 || out->count < 1) return;
  // Known by its canonical name alone, which the path then begins with.
  const std::size_t end = out->missing != 0 ? std::strlen(name) : length_of_directory(name);
  if (end == length && std::memcmp(name, path, length) == 0) {
    const int own = out->missing != 0 ? 0 : 1;
    learn(path, length, out->links + own, out->count - own);
  }
}

}  // namespace lockstep::model
