#include "paths/mounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include <lockstep/policy.h>

#include "base/unique_fd.h"

namespace lockstep::paths {
namespace {

// "\040" is a blank: how the kernel writes what would end a field.
std::string unescaped(std::string_view field) {
  std::string out;
  const auto digit = [&](std::size_t at) { return at < field.size() && field[at] >= '0' && field[at] <= '7'; };
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

std::string_view next(std::string_view* line, char end = ' ') {
  const std::size_t length = std::min(line->find(end), line->size());
  const std::string_view out = line->substr(0, length);
  line->remove_prefix(std::min(length + 1, line->size()));
  return out;
}

// "36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda rw": root, point and type are those fields.
std::optional<Mount> mount_of(std::string_view line) {
  Mount out;
  const std::string_view id = next(&line);
  next(&line);  // the mount it is on
  out.device = next(&line);
  out.root = unescaped(next(&line));
  out.point = unescaped(next(&line));
  const std::size_t dash = line.find(" - ");
  if (dash == std::string_view::npos || out.point.empty()) return std::nullopt;
  line.remove_prefix(dash + 3);
  out.type = next(&line);
  const auto [end, ec] = std::from_chars(id.data(), id.data() + id.size(), out.id);
  return ec == std::errc() && end == id.data() + id.size() ? std::optional(out) : std::nullopt;
}

std::uint64_t mount_on_top(const std::string& point) {
  struct statx st {};
  if (::statx(AT_FDCWD, point.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) != 0)
    return errno == ENOENT || errno == ENOTDIR ? Mounts::no_mount : 0;
  return (st.stx_mask & STATX_MNT_ID) != 0 ? st.stx_mnt_id : 0;
}

// The path of a directory and what is below it, put below another.
std::string moved(std::string_view path, std::string_view from, std::string_view to) {
  std::string out(to == "/" ? "" : to);
  out += from == "/" ? path : path.substr(from.size());
  return out.empty() ? "/" : out.ends_with('/') && out.size() > 1 ? out.substr(0, out.size() - 1) : out;
}

}  // namespace

Result<Mounts> Mounts::read() {
  constexpr char file[] = "/proc/self/mountinfo";
  const UniqueFd fd(::open(file, O_RDONLY | O_CLOEXEC));
  const auto failed = [&] {
    return unsupported_error(errno,
                             system_error(errno, std::string("open(\"") + file + "\")").message +
                                 ": by which names a file is reached cannot be seen without a /proc of one's own");
  };
  if (!fd) return failed();
  std::string text;
  std::array<char, 16384> buffer;
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed();
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return parse(text, mount_on_top);
}

Mounts Mounts::parse(std::string_view mountinfo, std::uint64_t (*top)(const std::string& point)) {
  Mounts out;
  std::map<std::string, std::uint64_t> tops;
  while (!mountinfo.empty()) {
    std::optional<Mount> mount = mount_of(next(&mountinfo, '\n'));
    if (!mount) continue;
    const auto [on_top, fresh] = tops.try_emplace(mount->point, 0);
    if (fresh) on_top->second = top(mount->point);
    if (on_top->second == 0 || on_top->second == mount->id)
      out.by_point_.insert_or_assign(mount->point, std::move(*mount));
  }
  for (const auto& [point, mount] : out.by_point_) out.by_device_[mount.device].push_back(&mount);
  return out;
}

const Mount* Mounts::of(std::string_view path) const {
  while (true) {
    if (const auto found = by_point_.find(path.empty() ? std::string_view("/") : path); found != by_point_.end())
      return &found->second;
    if (path.size() <= 1) return nullptr;
    path = path.substr(0, path.rfind('/'));
  }
}

std::optional<std::string> Mounts::procfs(std::string_view path) const {
  const Mount* mount = of(path);
  if (mount == nullptr || mount->type != "proc") return std::nullopt;
  return moved(path, mount->point, mount->root);
}

std::vector<std::string> Mounts::other_names(std::string_view path) const {
  std::vector<std::string> out;
  const Mount* own = of(path);
  if (own == nullptr) return out;
  const std::string inside = moved(path, own->point, own->root);
  for (const Mount* each : by_device_.at(own->device))
    if (each != own && is_below(inside, each->root)) out.push_back(moved(inside, each->root, each->point));
  return out;
}

std::string Mounts::inside(std::string_view path) const {
  const Mount* mount = of(path);
  return mount == nullptr ? std::string() : mount->device + " " + moved(path, mount->point, mount->root);
}

std::vector<std::string> Mounts::points() const {
  std::vector<std::string> out;
  out.reserve(by_point_.size());
  for (const auto& [point, mount] : by_point_) out.push_back(point);
  return out;
}

}  // namespace lockstep::paths
