#include "conformance/prove/names.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <set>

#include "base/unique_fd.h"

namespace lockstep::conformance::prove {
namespace {

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

bool look(const std::string& path, struct statx* st, bool follow = false) {
  return ::statx(AT_FDCWD, path.c_str(), follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO | STATX_MNT_ID, st) ==
         0;
}

Id id_in(const struct statx& st) {
  return {makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino};
}

Result<std::vector<std::string>> entries_of(const std::string& directory) {
  DIR* open = ::opendir(directory.c_str());
  if (open == nullptr) return system_error(errno, "opendir(\"" + directory + "\")");
  std::vector<std::string> out;
  while (const dirent* entry = ::readdir(open)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(name);
  }
  ::closedir(open);
  std::sort(out.begin(), out.end());
  return out;
}

// Text, so that no kernel looks for a module that could run it.
bool make_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777));
  return fd && ::write(fd.get(), "text\n", 5) == 5;
}

Result<void> plant_in(const std::string& directory, std::set<Id>& planted, bool* nodes) {
  const std::optional<Id> id = id_of(directory, false);
  if (!id) return system_error(errno, "statx(\"" + directory + "\")");
  LOCKSTEP_ASSIGN(const std::vector<std::string> entries, entries_of(directory));
  if (planted.insert(*id).second) {
    const std::string at = directory + "/" + planted_letter;
    if (!make_file(at + "file") || ::mkdir((at + "dir").c_str(), 0777) != 0 ||
        ::mkfifo((at + "fifo").c_str(), 0777) != 0 || ::symlink("=file", (at + "sym").c_str()) != 0 ||
        ::mknod((at + "sock").c_str(), S_IFSOCK | 0777, 0) != 0)
      return system_error(errno, "planting in \"" + directory + "\"");
    *nodes = ::mknod((at + "chr").c_str(), S_IFCHR | 0777, makedev(1, 8)) == 0 &&
             ::mknod((at + "blk").c_str(), S_IFBLK | 0777, makedev(7, 0)) == 0;
  }
  for (const std::string& entry : entries) {
    struct statx st;
    const std::string path = directory + "/" + entry;
    if (entry[0] != planted_letter && look(path, &st) && S_ISDIR(st.stx_mode))
      LOCKSTEP_CHECK(plant_in(path, planted, nodes));
  }
  return {};
}

std::optional<std::string> real_path(const std::string& path) {
  char out[PATH_MAX];
  if (::realpath(path.c_str(), out) == nullptr) return std::nullopt;
  return std::string(out);
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::optional<Id> id_of(const std::string& path, bool follow) {
  struct statx st;
  if (!look(path, &st, follow)) return std::nullopt;
  return id_in(st);
}

Result<bool> plant(const std::string& root) {
  std::set<Id> planted;
  bool nodes = false;
  LOCKSTEP_CHECK(plant_in(root, planted, &nodes));
  return nodes;
}

std::size_t Names::add(const std::string& path, int parent, const struct statx& st, bool planted) {
  places_.push_back({path, parent, id_in(st), st.stx_mode, st.stx_mnt_id, planted});
  by_path_[path] = places_.size() - 1;
  return places_.size() - 1;
}

Result<void> Names::read_directory(std::size_t place) {
  const std::string directory = places_[place].path;
  LOCKSTEP_ASSIGN(const std::vector<std::string> entries, entries_of(directory));
  for (const std::string& entry : entries) {
    struct statx st;
    const std::string path = directory + "/" + entry;
    if (!look(path, &st)) return system_error(errno, "statx(\"" + path + "\")");
    const bool planted = entry[0] == planted_letter;
    const std::size_t child = add(path, static_cast<int>(place), st, planted);
    if (S_ISDIR(st.stx_mode) && !planted) LOCKSTEP_CHECK(read_directory(child));
  }
  return {};
}

// The machine's procfs, where it is this process': what is the process' own is its own again in each child.
Result<void> Names::add_procfs() {
  char self[32];
  const ssize_t length = ::readlink("/proc/self", self, sizeof self);
  if (length <= 0 || std::string(self, static_cast<std::size_t>(length)) != std::to_string(::getpid())) return {};
  for (const char* path : {"/proc/self", "/proc/self/task", "/proc/self/comm", "/proc/self/status", "/proc/version",
                           "/proc/sys", "/proc/sys/kernel", "/proc/sys/kernel/ostype"}) {
    const std::optional<std::string> real = real_path(path);
    struct statx st;
    int parent = 0;
    if (!real) continue;
    for (std::size_t slash = real->find('/', 1);; slash = real->find('/', slash + 1)) {
      const std::string prefix = real->substr(0, slash);
      if (const auto known = find(prefix)) {
        parent = static_cast<int>(*known);
      } else if (look(prefix, &st)) {
        parent = static_cast<int>(add(prefix, parent, st, false));
      } else {
        return system_error(errno, "statx(\"" + prefix + "\")");
      }
      if (slash == std::string::npos) break;
    }
    names_.push_back({path, static_cast<std::size_t>(parent)});
  }
  if (const auto proc = find("/proc")) names_.push_back({"/proc", *proc});
  return {};
}

void Names::add_aliases() {
  const std::size_t places = places_.size();
  for (std::size_t i = first_; i < places; ++i) {
    const Place& place = places_[i];
    if (!place.planted || base_name(place.path) == "=file") names_.push_back({"/proc/self/root" + place.path, i});
    if (!S_ISLNK(place.mode) || place.planted) continue;
    const std::optional<std::string> real = real_path(place.path);
    const std::optional<std::size_t> leads = real ? find(*real) : std::nullopt;
    if (!leads || *leads < first_) continue;
    names_.push_back({place.path, *leads});
    if (!S_ISDIR(places_[*leads].mode)) continue;
    for (std::size_t child = first_; child < places; ++child) {
      if (places_[child].parent != static_cast<int>(*leads)) continue;
      const std::string path = place.path + "/" + base_name(places_[child].path);
      const std::optional<std::string> end = real_path(path);
      if (const auto there = end ? find(*end) : std::nullopt; there && *there >= first_)
        names_.push_back({path, *there});
    }
  }
}

Result<Names> Names::read(const std::string& root) {
  Names out;
  int parent = -1;
  std::size_t own = 0;
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = root.find('/', slash + 1);
    // The root itself first, then each directory down to the tree.
    const std::string prefix = parent < 0 ? "/" : root.substr(0, slash);
    if (parent < 0) slash = 0;
    struct statx st;
    if (!look(prefix, &st)) return system_error(errno, "statx(\"" + prefix + "\")");
    own = out.add(prefix, parent, st, false);
    parent = static_cast<int>(own);
  }
  out.first_ = own;
  LOCKSTEP_CHECK(out.read_directory(own));
  for (std::size_t i = out.first_; i < out.places_.size(); ++i)
    if (!S_ISLNK(out.places_[i].mode)) out.names_.push_back({out.places_[i].path, i});
  out.add_aliases();
  LOCKSTEP_CHECK(out.add_procfs());
  return out;
}

bool Names::covers(const Id& id, std::size_t place) const {
  for (int above = static_cast<int>(place); above >= 0; above = places_[static_cast<std::size_t>(above)].parent)
    if (places_[static_cast<std::size_t>(above)].id == id) return true;
  return false;
}

std::optional<std::size_t> Names::find(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? std::nullopt : std::optional(found->second);
}

std::string Names::fingerprint() const {
  std::string out;
  for (std::size_t i = first_; i < places_.size(); ++i)
    if (const Place& place = places_[i];
        !place.path.starts_with("/proc") && place.path.find("/=n") == std::string::npos)
      out += place.path + " " + std::to_string(place.id.inode) + "\n";
  return out;
}

}  // namespace lockstep::conformance::prove
