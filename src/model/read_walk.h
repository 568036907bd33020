// Reads a Walk from this machine: the only part of the model that calls the system.
//
// It opens the path with O_PATH, asks /proc/self/fd for its canonical name, and calls lstat for every prefix.
// Async-signal-safe and without the heap (fixed buffers), so that a child can do it in its own mount namespace just
// before a probe. Needs /proc. Not for a process in a chroot: there the walk ends at the process's root, and the
// kernel's goes on above it.
#ifndef LOCKSTEP_MODEL_READ_WALK_H_
#define LOCKSTEP_MODEL_READ_WALK_H_

#include <cstdint>

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

// Not for a restricted child: allocates (view.cc). A count that is out of range gives a Walk with an error.
Walk to_walk(const RawWalk& raw);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_READ_WALK_H_
