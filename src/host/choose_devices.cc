// What `--cdi` and `--gpu-devices` say, for show, exec and the suite alike.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>

#include "host/cdi.h"
#include "policy/baseline.h"

namespace lockstep {
namespace {

using Kind = CdiObject::Kind;

bool is_listed_as_absent(const Host& host, const std::string& path) {
  return std::any_of(host.absent.begin(), host.absent.end(),
                     [&](const std::string& gone) { return is_below(path, gone); });
}

bool is_same_object(const struct stat& st, const char* path) {
  struct stat other;
  return ::stat(path, &other) == 0 && st.st_dev == other.st_dev && st.st_ino == other.st_ino;
}

CdiObject on_this_machine(const Host& host, const std::string& path, bool follow) {
  CdiObject out;
  struct stat st;
  if (is_listed_as_absent(host, path) || (follow ? ::stat(path.c_str(), &st) : ::lstat(path.c_str(), &st)) != 0)
    return out;
  switch (st.st_mode & S_IFMT) {
    case S_IFCHR:
      out.kind = Kind::character;
      break;
    case S_IFBLK:
      out.kind = Kind::block;
      break;
    case S_IFIFO:
      out.kind = Kind::fifo;
      break;
    case S_IFSOCK:
      out.kind = Kind::socket;
      break;
    case S_IFDIR:
      out.kind = Kind::directory;
      break;
    case S_IFLNK:
      out.kind = Kind::link;
      break;
    default:
      out.kind = Kind::file;
  }
  out.numbered = out.kind == Kind::character || out.kind == Kind::block;
  if (out.numbered) out.major = major(st.st_rdev), out.minor = minor(st.st_rdev);
  out.has_every_device = out.kind == Kind::directory && (is_same_object(st, "/") || is_same_object(st, "/dev"));
  return out;
}

const HostEntry* entry_at(const Host& host, const std::string& path) {
  const auto found =
      std::find_if(host.present.begin(), host.present.end(), [&](const HostEntry& each) { return each.path == path; });
  return found == host.present.end() ? nullptr : &*found;
}

// Where the links of a simulated host lead from there; in a circle, to one of them.
std::string followed(const Host& host, std::string path) {
  constexpr int most_links = 40;
  for (int links = 0; links < most_links; ++links) {
    const HostEntry* entry = entry_at(host, path);
    if (entry == nullptr || entry->kind != NodeKind::link) break;
    path = normalise_path(entry->target.starts_with('/') ? entry->target
                                                         : path.substr(0, path.rfind('/') + 1) + entry->target);
  }
  return path;
}

// Of a simulated host: what is listed, its parents as directories.
CdiObject on_simulated_host(const Host& host, const std::string& written, bool follow) {
  CdiObject out;
  const std::string path = follow ? followed(host, written) : written;
  if (!host.exists(path)) return out;
  out.has_every_device = path == "/" || path == "/dev";
  const HostEntry* entry = entry_at(host, path);
  switch (entry == nullptr ? NodeKind::directory : entry->kind) {
    case NodeKind::directory:
      out.kind = Kind::directory;
      break;
    case NodeKind::character:
      out.kind = Kind::character;
      break;
    case NodeKind::socket:
      out.kind = Kind::socket;
      break;
    case NodeKind::file:
      out.kind = Kind::file;
      break;
    case NodeKind::link:
      out.kind = follow ? Kind::missing : Kind::link;
      break;
  }
  return out;
}

// Links are not followed: a rule does not either.
std::optional<std::vector<std::string>> nodes_on_this_machine(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr std::size_t most_looked_at = 200'000;
  std::vector<std::string> out;
  std::error_code error;
  const fs::path leads = fs::canonical(path, error);
  if (is_below(leads.native(), "/proc") || is_below(leads.native(), "/sys")) return out;  // these hold none
  std::size_t looked_at = 0;
  // What this program may not list it cannot open either.
  for (fs::recursive_directory_iterator at(leads, fs::directory_options::skip_permission_denied, error), end;
       !error && at != end; at.increment(error)) {
    if (++looked_at > most_looked_at) return std::nullopt;
    std::error_code gone;
    const fs::file_type type = at->symlink_status(gone).type();
    if (type == fs::file_type::character || type == fs::file_type::block) out.push_back(at->path().native());
  }
  if (error) return std::nullopt;
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<std::vector<std::string>> nodes_on_simulated_host(const Host& host, const std::string& path) {
  std::vector<std::string> out = host.gpu_nodes;
  for (const HostEntry& entry : host.present)
    if (entry.kind == NodeKind::character) out.push_back(entry.path);
  const std::string leads = followed(host, path);
  std::erase_if(out, [&](const std::string& node) { return !is_below(node, leads); });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void look_for_chosen(const CdiHost& looks, const std::string& path, Host& host) {
  if (host.exists(path)) return;
  switch (looks.look(path, true).kind) {
    case Kind::missing:
      return;
    case Kind::directory:
      return host.present.push_back({path, NodeKind::directory});
    case Kind::character:
      return host.present.push_back({path, NodeKind::character});
    case Kind::socket:
      return host.present.push_back({path, NodeKind::socket});
    default:
      return host.present.push_back({path, NodeKind::file});
  }
}

}  // namespace

Result<void> choose_devices(const std::vector<std::string>& specs, const std::string& devices, Context* context) {
  Host& host = context->host;
  const std::string_view words = devices.empty() ? "all" : std::string_view(devices);
  const Error off = input_error("", 0, "GPUs are chosen, and the GPU baseline is off: take one of the two out");
  if (specs.empty()) {
    if (context->gpu == Toggle::off) return off;
    LOCKSTEP_ASSIGN(host.gpu_nodes, choose_nodes(host.gpu_nodes, words));
    return {};
  }
  const CdiHost looks{[&host](const std::string& path, bool follow) {
                        return host.real ? on_this_machine(host, path, follow) : on_simulated_host(host, path, follow);
                      },
                      [&host](const std::string& path) {
                        return host.real ? nodes_on_this_machine(path) : nodes_on_simulated_host(host, path);
                      },
                      host.real};
  LOCKSTEP_ASSIGN(context->cdi, choose_cdi(specs, words, looks));
  CdiChoice& choice = *context->cdi;
  if (context->gpu == Toggle::off && choice.nvidia) return off;
  // A GPU that was not chosen is not one that CUDA misses.
  std::erase_if(host.gpu_nodes, [&](const std::string& node) {
    return std::none_of(choice.paths.begin(), choice.paths.end(),
                        [&](const CdiPath& each) { return each.path == node; });
  });
  if (host.real) {
    for (const CdiPath& each : choice.paths) look_for_chosen(looks, each.path, host);
    for (const std::string_view path : cdi_baseline_paths()) look_for_chosen(looks, std::string(path), host);
  }
  return {};
}

}  // namespace lockstep
