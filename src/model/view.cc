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
  const bool in_range = raw.count >= 0 && raw.count <= RawWalk::max_links;
  return to_walk({raw.links, in_range ? static_cast<std::size_t>(raw.count) : 0}, in_range ? raw.error : E2BIG,
                 raw.missing != 0, raw.exempt != 0);
}

Walk to_walk(std::span<const RawLink> links, int error, bool missing, bool exempt) {
  Walk walk;
  walk.missing = missing;
  walk.exempt = exempt;
  walk.error = error;
  if (error != 0) return walk;
  walk.objects.reserve(links.size());
  for (const RawLink& link : links)
    walk.objects.push_back({link.dev, link.ino, file_type(link.mode), link.mount_root != 0});
  return walk;
}

}  // namespace lockstep::model
