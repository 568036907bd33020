// The mounts of this machine, as far as they decide by which names an object is reached.
//
//   LOCKSTEP_ASSIGN(const Mounts mounts, Mounts::read());
//   mounts.procfs("/proc/self/root");            // "/self/root": where the path stands inside a procfs
//   mounts.other_names("/srv/a", at);            // "/mnt/a", where /srv is bound to /mnt
//
// The kernel walks by mount: an object has one chain of parents for every mount that it can be seen through, and a rule
// counts where it stands on the chain that was used. A mount that is covered by another is reached by no name, and left
// out. Reads /proc/self/mountinfo: the mounts of our own namespace. It knows nothing of other names by hard links:
// hard_links.h.
#ifndef LOCKSTEP_PATHS_MOUNTS_H_
#define LOCKSTEP_PATHS_MOUNTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>

namespace lockstep::paths {

struct Mount {
  std::uint64_t id = 0;
  std::string device;  // "8:1": the same for every mount of one file system
  std::string root;    // what of the file system is mounted: "/", "/srv/a"
  std::string point;   // where
  std::string type;    // "ext4", "proc"
};

class Mounts {
 public:
  // Fails (unsupported) where the mounts cannot be read: then it is not known what is reached by which name.
  static Result<Mounts> read();
  // From the text of a mountinfo. `top` gives the id of the mount on top at a mount point; 0: not known, and the last
  // one listed is taken; no_mount: something else covers the place.
  static constexpr std::uint64_t no_mount = UINT64_MAX;
  static Mounts parse(std::string_view mountinfo, std::uint64_t (*top)(const std::string& point));

  // The mount that a path without links is on; null: none is known.
  const Mount* of(std::string_view path) const;
  // The path inside the procfs that it is on; none: it is on another file system.
  std::optional<std::string> procfs(std::string_view path) const;
  // The path's names through each other mount of its file system. The caller must check whether each is the same
  // object, or is covered by another mount.
  std::vector<std::string> other_names(std::string_view path) const;
  // "8:1 /a/b": the file system and the path inside it, the same through every mount; empty where the mount
  // is not known.
  std::string inside(std::string_view path) const;
  std::vector<std::string> points() const;

 private:
  std::map<std::string, Mount, std::less<>> by_point_;  // those on top alone
  std::map<std::string, std::vector<const Mount*>, std::less<>> by_device_;
};

}  // namespace lockstep::paths

#endif  // LOCKSTEP_PATHS_MOUNTS_H_
