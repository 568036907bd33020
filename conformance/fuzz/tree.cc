#include "conformance/fuzz/tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "conformance/harness/network.h"
#include "model/read_walk.h"

namespace lockstep::conformance::fuzz {
namespace {

Result<void> check(long result, const Item& item) {
  if (result >= 0) return {};
  return system_error(errno, std::string(name(item.kind)) + " \"" + item.path + "\" \"" + item.target + "\"");
}

model::Walk read(const std::string& path, bool follow) {
  model::RawWalk raw;
  model::read_walk(path.c_str(), follow, &raw);
  return model::to_walk(raw);
}

// Text, so that no kernel looks for a module that could run it.
int make_file(const Tree::Place& at, unsigned mode) {
  constexpr std::string_view text = "text\n";
  const UniqueFd fd(::openat(at.dir, at.text.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : -1;
}

std::string fd_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

// A device node, or where there may be none (a user namespace) the machine's own, bound onto a file.
int make_device(const Tree::Place& at, unsigned mode, unsigned minor_number, const char* own) {
  if (::mknodat(at.dir, at.text.c_str(), S_IFCHR | mode, makedev(1, minor_number)) == 0) return 0;
  if (errno != EPERM || make_file(at, mode) != 0) return -1;
  return ::mount(own, (fd_path(at.dir) + "/" + at.text).c_str(), nullptr, MS_BIND, nullptr);
}

}  // namespace

std::optional<model::Object> object_of(int fd) {
  struct statx st;
  if (::statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO, &st) != 0) return std::nullopt;
  return model::Object{makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, model::file_type(st.stx_mode), false};
}

Result<void> Tree::open_root() {
  if (root_fd_) return {};
  if (::mkdir(root_.c_str(), 0777) != 0 && errno != EEXIST) return system_error(errno, "mkdir(\"" + root_ + "\")");
  root_fd_.reset(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_fd_) return system_error(errno, "open(\"" + root_ + "\")");
  return {};
}

const Tree::Hold* Tree::hold_of(const std::string& path, std::string* rest) const {
  const std::size_t slash = path.find('/');
  const auto found = holds_.find(path.substr(0, slash));
  *rest = slash == std::string::npos ? "" : path.substr(slash + 1);
  return found == holds_.end() ? nullptr : &found->second;
}

std::optional<Tree::Place> Tree::resolve(const std::string& path) const {
  if (path.starts_with('/')) return Place{root_fd_.get(), path};
  if (!path.starts_with('@')) return Place{root_fd_.get(), "./" + path};
  std::string rest;
  const Hold* hold = hold_of(path, &rest);
  if (hold == nullptr) return std::nullopt;
  if (rest.empty()) return Place{root_fd_.get(), fd_path(hold->fd.get())};
  return Place{hold->fd.get(), "./" + rest};
}

std::string Tree::absolute(const std::string& path) const {
  return path.starts_with('/') ? path : root_ + "/" + path;
}

std::string Tree::anywhere(const std::string& path) const {
  const std::optional<Place> place = resolve(path);
  if (!place) return "";
  return place->text.starts_with('/') ? place->text : fd_path(place->dir) + "/" + place->text;
}

UniqueFd Tree::open_path(const std::string& path) const {
  const std::optional<Place> place = resolve(path);
  return UniqueFd(place ? ::openat(place->dir, place->text.c_str(), O_PATH | O_CLOEXEC) : -1);
}

model::Walk Tree::walk(const std::string& path, bool follow) const {
  model::Walk none;
  none.error = ENOENT;
  std::string rest;
  const Hold* hold = path.starts_with('@') ? hold_of(path, &rest) : nullptr;
  if (hold != nullptr && !hold->moved_to.empty()) {
    if (::fchdir(root_fd_.get()) != 0) return none;
    model::Walk out = read("./" + hold->moved_to + (rest.empty() ? "" : "/" + rest), follow);
    const model::Walk mount_side = read("./" + hold->mount, true);
    if (out.error != 0 || mount_side.error != 0) return out.error != 0 ? out : mount_side;
    std::size_t end = 0;
    while (end < out.objects.size() && !out.objects[end].mount_root) ++end;
    if (end == out.objects.size()) return none;
    out.objects.resize(end + 1);
    out.mount_side = out.objects.size();
    out.objects.insert(out.objects.end(), mount_side.objects.begin(), mount_side.objects.end());
    return out;
  }
  const std::optional<Place> place = resolve(path);
  if (!place || ::fchdir(place->dir) != 0) return none;
  model::Walk out = read(place->text, follow);
  const bool removed = out.error == ESTALE || out.error == ENOENT;  // " (deleted)" is part of its name now
  return removed && hold != nullptr && rest.empty() ? hold->walk : out;
}

const model::Walk& Tree::Walker::whole(const std::string& path, bool follow) {
  const auto [found, added] = whole_.try_emplace({path, follow});
  if (added) found->second = tree_.walk(path, follow);
  return found->second;
}

model::Walk Tree::Walker::walk(const std::string& path, bool follow) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return whole(path, follow);
  const std::string parent = path.substr(0, slash);
  const model::Walk& above = whole(parent, true);
  const std::optional<Place> place = tree_.resolve(path);
  struct statx st;
  const bool directory =
      above.error == 0 && !above.missing && !above.exempt && above.objects[0].type == model::FileType::directory;
  if (!directory || !place) return whole(path, follow);
  const bool there = ::statx(place->dir, place->text.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO, &st) == 0;
  model::Walk out = above;
  if (!there && errno == ENOENT) {
    out.missing = true;
  } else if (!there || (follow && S_ISLNK(st.stx_mode)) || (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
    return whole(path, follow);
  } else {
    const model::Object object{makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, model::file_type(st.stx_mode),
                               false};
    out.objects.insert(out.objects.begin(), object);
    if (out.mount_side > 0) ++out.mount_side;
  }
  if (++count_ % 64 != 0) return out;
  const model::Walk now = tree_.walk(path, follow);
  const bool same =
      now.error == 0 && now.missing == out.missing && now.mount_side == out.mount_side && now.objects == out.objects;
  if (same) return differed_.clear(), out;
  // An entry of procfs that was reclaimed since has another number now; what differs again differs.
  if (parent == differed_) differs = path;
  differed_ = parent;
  whole_.clear();
  count_ = 63;
  return differs.empty() ? this->walk(path, follow) : out;
}

Result<void> Tree::mount(const Item& item) {
  const std::string path = anywhere(item.path);
  std::string source = "none", options;
  const char* type = nullptr;
  unsigned long flags = 0;
  struct stat st {};
  switch (item.kind) {
    case ItemKind::tmpfs:
      type = "tmpfs";
      options = "mode=0777";
      break;
    case ItemKind::proc:
      type = "proc";
      break;
    case ItemKind::overlay: {
      const std::string upper = path + "-upper", work = path + "-work";
      if (::mkdir(upper.c_str(), 0777) != 0 || ::mkdir(work.c_str(), 0777) != 0) return check(-1, item);
      type = "overlay";
      options = "lowerdir=" + anywhere(item.target) + ",upperdir=" + upper + ",workdir=" + work;
      break;
    }
    default:
      source = anywhere(item.target);
      flags = MS_BIND;
      if (::stat(source.c_str(), &st) != 0) return check(-1, item);
  }
  const bool on_file = item.kind == ItemKind::bind && !S_ISDIR(st.st_mode);
  if (on_file ? make_file(*resolve(item.path), 0777) != 0 : ::mkdir(path.c_str(), 0777) != 0)
    if (errno != EEXIST) return check(-1, item);
  const UniqueFd below = open_path(item.path);
  if (!below) return check(-1, item);
  if (::mount(source.c_str(), path.c_str(), type, flags, options.empty() ? nullptr : options.c_str()) != 0)
    return check(-1, item);
  UniqueFd above = open_path(item.path);
  if (!above) return check(-1, item);
  const auto low = object_of(below.get()), high = object_of(above.get());
  if (!low || !high) return check(-1, item);
  covered_.emplace_back(*high, *low);
  mounts_.push_back(std::move(above));
  return {};
}

Result<void> Tree::serve(const Item& item) {
  const std::string path = anywhere(item.path);
  const wire::SocketType type = wire::socket_type_from_name(item.target).value_or(wire::SocketType::stream);
  LOCKSTEP_ASSIGN(UniqueFd server, harness::serve_unix(path, false, type, item.target == "idle" ? 0 : 4096));
  if (!server) return internal_error("too long for a socket: " + path);
  // Shut down it no longer listens, and stays bound.
  if (item.target == "idle") LOCKSTEP_CHECK(check(::shutdown(server.get(), SHUT_RDWR), item));
  if (item.target != "gone") servers_.push_back(std::move(server));
  return {};
}

Result<void> Tree::hold(const Item& item) {
  Hold out;
  out.walk = walk(item.path, true);
  out.fd = open_path(item.path);
  LOCKSTEP_CHECK(check(out.fd.get(), item));
  out.moved_to = item.moved_to;
  out.mount = item.mount;
  holds_[item.target] = std::move(out);
  return {};
}

Result<void> Tree::make(const Item& item) {
  LOCKSTEP_CHECK(open_root());
  const std::optional<Place> at = resolve(item.path);
  if (!at) return internal_error("no such hold: " + item.path);
  const char* text = at->text.c_str();
  const auto target = [&] { return resolve(item.target).value_or(Place{root_fd_.get(), ""}); };
  struct stat st;
  switch (item.kind) {
    case ItemKind::dir:
      return check(::mkdirat(at->dir, text, item.mode), item);
    case ItemKind::file:
      return check(make_file(*at, item.mode), item);
    case ItemKind::empty:
      return check(::mknodat(at->dir, text, S_IFREG | item.mode, 0), item);
    case ItemKind::fifo:
      return check(::mkfifoat(at->dir, text, item.mode), item);
    case ItemKind::chr:
      return check(make_device(*at, item.mode, 8, "/dev/random"), item);
    case ItemKind::null:
      return check(make_device(*at, item.mode, 3, "/dev/null"), item);
    case ItemKind::blk:
      return check(::mknodat(at->dir, text, S_IFBLK | item.mode, makedev(7, 0)), item);
    case ItemKind::socket:
      return serve(item);
    case ItemKind::symlink:
      return check(::symlinkat(item.target.c_str(), at->dir, text), item);
    case ItemKind::link:
      return check(::linkat(target().dir, target().text.c_str(), at->dir, text, 0), item);
    case ItemKind::tmpfs:
    case ItemKind::bind:
    case ItemKind::proc:
    case ItemKind::overlay:
      return mount(item);
    case ItemKind::hold:
      return hold(item);
    case ItemKind::move:
      return check(::renameat(at->dir, text, target().dir, target().text.c_str()), item);
    case ItemKind::remove:
      LOCKSTEP_CHECK(check(::fstatat(at->dir, text, &st, AT_SYMLINK_NOFOLLOW), item));
      return check(::unlinkat(at->dir, text, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0), item);
  }
  return internal_error("an item of no kind");
}

Result<void> Tree::clear() {
  holds_.clear();
  servers_.clear();
  covered_.clear();
  // A mount takes those on it along (then EINVAL), and each call waits for every processor. What should be left after
  // all cannot be removed below.
  for (const UniqueFd& mount : mounts_)
    if (::umount2(fd_path(mount.get()).c_str(), MNT_DETACH) != 0 && errno != EINVAL)
      return system_error(errno, "umount2 of a mount below \"" + root_ + "\"");
  mounts_.clear();
  root_fd_.reset();
  // Devices that are bound go with their mount; what is left is on one file system.
  const auto remove_one = [](const char* path, const struct stat*, int, FTW*) {
    if (::remove(path) == 0 || errno != EBUSY) return 0;
    ::umount2(path, MNT_DETACH);
    return ::remove(path) == 0 ? 0 : errno;
  };
  if (::nftw(root_.c_str(), remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
    return system_error(errno, "removing \"" + root_ + "\"");
  return {};
}

}  // namespace lockstep::conformance::fuzz
