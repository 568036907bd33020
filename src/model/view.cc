#include "model/view.h"

#include <sys/stat.h>

#include <cerrno>

#include "model/read_walk.h"

namespace lockstep::model {

FileType file_type(std::uint32_t st_mode) {
  switch (st_mode & S_IFMT) {
    case S_IFREG:
      return FileType::regular;
    case S_IFDIR:
      return FileType::directory;
    case S_IFLNK:
      return FileType::symlink;
    case S_IFCHR:
      return FileType::character;
    case S_IFBLK:
      return FileType::block;
    case S_IFIFO:
      return FileType::fifo;
    case S_IFSOCK:
      return FileType::socket;
    default:
      return FileType::none;
  }
}

// Not in read_walk.cc: this one allocates, and that file is linked into programs that must not.
Walk to_walk(const RawWalk& raw) {
  Walk walk;
  walk.missing = raw.missing != 0;
  walk.exempt = raw.exempt != 0;
  walk.error = raw.error;
  if (raw.count < 0 || raw.count > RawWalk::max_links) walk.error = E2BIG;
  if (walk.error != 0) return walk;
  for (std::int32_t i = 0; i < raw.count; ++i) {
    const RawLink& link = raw.links[i];
    walk.objects.push_back({link.dev, link.ino, file_type(link.mode), link.mount_root != 0});
  }
  return walk;
}

}  // namespace lockstep::model
