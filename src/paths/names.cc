#include "paths/names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <lockstep/policy.h>

#include "paths/process_paths.h"

namespace lockstep::paths {
namespace {

// On every distribution, where the host does not say otherwise: those that lead out of the directory they are
// in.
constexpr auto usual_links =
    std::to_array<std::pair<std::string_view, std::string_view>>({{"/var/run", "/run"},
                                                                  {"/var/lock", "/run/lock"},
                                                                  {"/etc/mtab", "../proc/self/mounts"},
                                                                  {"/dev/fd", "/proc/self/fd"},
                                                                  {"/dev/stdin", "/proc/self/fd/0"},
                                                                  {"/dev/stdout", "/proc/self/fd/1"},
                                                                  {"/dev/stderr", "/proc/self/fd/2"},
                                                                  {"/dev/core", "/proc/kcore"},
                                                                  {"/proc/mounts", "self/mounts"},
                                                                  {"/proc/net", "self/net"}});

model::FileType type_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::directory:
      return model::FileType::directory;
    case NodeKind::file:
      return model::FileType::regular;
    case NodeKind::character:
      return model::FileType::character;
    case NodeKind::socket:
      return model::FileType::socket;
    case NodeKind::link:
      break;
  }
  return model::FileType::symlink;
}

std::string target_of(const std::string& link) {
  char text[PATH_MAX];
  const ssize_t length = ::readlink(link.c_str(), text, sizeof(text));
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

}  // namespace

Names::Names(const Host& host, bool of_this_machine)
    : real_(of_this_machine), mounts_(real_ ? Mounts::read() : Result<Mounts>(Mounts())) {
  if (real_) return;
  for (const auto& [link, target] : usual_links)
    known_.insert_or_assign(std::string(link), Name{model::FileType::symlink, std::string(target), false});
  for (const HostEntry& entry : host.present)  // what is listed below one makes it a directory
    std::erase_if(known_, [&](const auto& each) { return is_below(entry.path, each.first); });
  for (const HostEntry& entry : host.present)
    known_.insert_or_assign(entry.path, Name{type_of(entry.kind), entry.target, true});
}

Name Names::look(const std::string& path) const {
  Name out;
  struct statx st {};
  constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (::statx(AT_FDCWD, path.c_str(), flags, STATX_TYPE | STATX_INO | STATX_NLINK | STATX_MNT_ID, &st) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) out.error = errno;
    return out;
  }
  out.listed = true;
  out.type = model::file_type(st.stx_mode);
  out.object = {makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, out.type,
                (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
  out.mount = (st.stx_mask & STATX_MNT_ID) != 0 ? st.stx_mnt_id : 0;
  out.hard_links = out.type == model::FileType::directory ? 1 : st.stx_nlink;
  if (out.type == model::FileType::symlink) out.target = target_of(path);
  return out;
}

const Name& Names::at(const std::string& path) {
  static const Name assumed{model::FileType::directory};
  const auto known = known_.find(path);
  if (known != known_.end()) return known->second;
  if (const std::optional<std::string> inside = procfs(path); inside && of_process(*inside)) return assumed;
  return real_ ? known_.emplace(path, look(path)).first->second : assumed;
}

std::optional<std::string> Names::procfs(std::string_view path) const {
  if (real_ && mounts_.ok()) return mounts_->procfs(path);
  if (!is_below(path, "/proc")) return std::nullopt;
  return std::string(path.substr(5));
}

bool Names::may_pass_link(std::string_view path) const {
  if (real_ || is_below(path, "/proc")) return true;
  for (std::size_t end = path.size(); end != std::string_view::npos && end > 0; end = path.rfind('/', end - 1))
    if (const auto known = known_.find(std::string(path.substr(0, end)));
        known != known_.end() && known->second.type == model::FileType::symlink)
      return true;
  return false;
}

std::vector<std::string> Names::links() const {
  std::vector<std::string> out;
  for (const auto& [path, name] : known_)
    if (name.type == model::FileType::symlink) out.push_back(path);
  return out;
}

}  // namespace lockstep::paths
