// Reads a Walk from this machine: the only part of the model that calls the system.
//
// It opens the path with O_PATH, asks /proc/self/fd for its canonical name, and calls lstat for every prefix.
// Async-signal-safe and without the heap (fixed buffers), so that a child can do it in its own mount namespace just
// before a probe. Needs /proc. Not for a process in a chroot: there the walk ends at the process's root, and the
// kernel's goes on above it.
#ifndef LOCKSTEP_MODEL_READ_WALK_H_
#define LOCKSTEP_MODEL_READ_WALK_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/view.h"

namespace lockstep::model {

struct RawLink {
  std::uint64_t dev;
  std::uint64_t ino;
  std::uint32_t mode;        // st_mode
  std::uint32_t mount_root;  // 1: the root of a mount
};

struct RawWalk {
  static constexpr int max_links = 40;
  std::int32_t count;  // links[0] first, as Walk::objects
  std::int32_t error;  // errno; E2BIG: more than max_links
  std::uint32_t missing;
  std::uint32_t exempt;
  RawLink links[max_links];
};

// `follow`: whether a symbolic link in the last component is followed.
void read_walk(const char* path, bool follow, RawWalk* out);

// Reads walks of a tree that nobody else changes, such as the root of a private mount namespace, and each directory's
// way up once: of a name in one that is known only the object itself is looked at. Not known, and read anew each time,
// is what is below /proc and /sys, which are the machine's.
//
//   WalkReader reader;  reader.read(path, follow, &walk);
//   reader.forget();    // after whatever may have moved or removed a directory
class WalkReader {
 public:
  void read(const char* path, bool follow, RawWalk* out);
  void forget() { count_ = 0; }

 private:
  static constexpr int most = 16, longest_path = 160, longest_way = 12;
  struct Directory {
    std::size_t length;
    int links;
    char path[longest_path];
    RawLink way[longest_way];  // itself first
  };
  const Directory* find(const char* path, std::size_t length) const;
  void learn(const char* path, std::size_t length, const RawLink* way, int links);

  int count_ = 0;
  Directory known_[most];
};

// Not for a restricted child: allocates (view.cc). A count that is out of range gives a Walk with an error.
Walk to_walk(const RawWalk& raw);
Walk to_walk(std::span<const RawLink> links, int error, bool missing, bool exempt);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_READ_WALK_H_
