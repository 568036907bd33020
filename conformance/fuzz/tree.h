// The tree of a fuzz case on this machine: makes its items below one directory, in the caller's mount namespace, and
// takes everything away again.
//
//   Tree tree("/tmp/base/a");
//   LOCKSTEP_CHECK(tree.make({ItemKind::tmpfs, "t"}));
//   Tree::Place place = *tree.resolve("t/x");        // fchdir(place.dir), then open(place.text)
//   model::Walk walk = tree.walk("t/x", true);       // changes the thread's directory
//   LOCKSTEP_CHECK(tree.clear());
//
// Needs a mount namespace of its own (private propagation), the capabilities to mount there, and /proc. A descriptor
// that is held stays open until clear(), and pins what it names.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_TREE_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_TREE_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "conformance/fuzz/case.h"
#include "model/view.h"

namespace lockstep::conformance::fuzz {

class Tree {
 public:
  struct Place {
    int dir;           // the tree's root, or a held directory
    std::string text;  // relative to it ("./t/x"); of a held descriptor itself, and of an absolute path, absolute
  };

  explicit Tree(std::string root) : root_(std::move(root)) {}
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Result<void> make(const Item& item);
  Result<void> clear();

  std::optional<Place> resolve(const std::string& path) const;
  std::string absolute(const std::string& path) const;  // of no hold; of an absolute path, itself
  // A path by way of /proc/self/fd, good from any working directory. Empty: there is no such hold.
  std::string anywhere(const std::string& path) const;
  // With O_PATH, and not through procfs: entries that procfs makes for a process cost as much again when the process
  // ends.
  UniqueFd open_path(const std::string& path) const;
  // What the kernel walks. For an object that was removed it is the walk of the time when it was held. For a
  // disconnected directory it is two walks put together: on the side of the file system, and on the side of the mount.
  model::Walk walk(const std::string& path, bool follow) const;

  // The same for many paths in a tree that does not change meanwhile. The walk of each directory is read once and used
  // for what is in it; one in 64 of those is also read whole and compared (`differs` then names the path).
  class Walker {
   public:
    explicit Walker(const Tree& tree) : tree_(tree) {}
    model::Walk walk(const std::string& path, bool follow);
    std::string differs;

   private:
    const model::Walk& whole(const std::string& path, bool follow);

    const Tree& tree_;
    std::map<std::pair<std::string, bool>, model::Walk> whole_;
    unsigned count_ = 0;
    std::string differed_;
  };

  // The root of each mount, and the directory or file it covers.
  const std::vector<std::pair<model::Object, model::Object>>& covered() const { return covered_; }

 private:
  struct Hold {
    UniqueFd fd;
    model::Walk walk;
    std::string moved_to, mount;
  };
  const Hold* hold_of(const std::string& path, std::string* rest) const;
  Result<void> open_root();
  Result<void> mount(const Item& item);
  Result<void> serve(const Item& item);
  Result<void> hold(const Item& item);

  std::string root_;
  UniqueFd root_fd_;
  std::map<std::string, Hold> holds_;
  std::vector<UniqueFd> mounts_, servers_;
  std::vector<std::pair<model::Object, model::Object>> covered_;
};

// The object that a descriptor is for now, or none; for rules.
std::optional<model::Object> object_of(int fd);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_TREE_H_
