// What the model knows of the file system: objects, and for a path the objects that the kernel walks from it to the
// root.
//
// The kernel ties a rule to an inode. At each access it walks from the object to the root of the mount tree: the
// directory entry, its parents, and at the root of a mount the parents of the mount point (the covered directory itself
// is skipped). A Walk is that list. It comes from lstat of every prefix of the canonical path (read_walk.h), or from a
// test's literal.
#ifndef LOCKSTEP_MODEL_VIEW_H_
#define LOCKSTEP_MODEL_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep::model {

enum class FileType : std::uint8_t { regular, directory, symlink, character, block, fifo, socket, none };

FileType file_type(std::uint32_t st_mode);

struct Object {
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  FileType type = FileType::none;
  bool mount_root = false;  // the root of a mount: moves across directories care (decide.cc)
  friend bool operator==(const Object& a, const Object& b) { return a.dev == b.dev && a.ino == b.ino; }
};

struct ObjectHash {
  std::size_t operator()(const Object& object) const {
    return static_cast<std::size_t>((object.ino * 0x9e3779b97f4a7c15ULL) ^ (object.dev << 17));
  }
};

// One path. objects[0] is the object itself, or, where `missing`, the directory that would hold the name; the
// rest are its parents up to the root.
struct Walk {
  std::vector<Object> objects;
  bool missing = false;  // the last component does not exist
  bool exempt = false;   // never restricted by Landlock: a pipe, socket, memfd or namespace file behind /proc/<pid>/fd
  int error = 0;         // the path cannot be looked up at all: errno. Nothing else is valid then
  // For a disconnected directory (moved out of the bind mount through which it is still held open) and what is below
  // it. The objects before this index are the parents on the file system itself, up to its root; from it on they are
  // the mount's: its root, and the parents of its mount point. 0: connected.
  std::size_t mount_side = 0;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_VIEW_H_
