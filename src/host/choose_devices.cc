#include "host/choose_devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

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

// Of a simulated host: what is listed, its parents as directories.
CdiObject on_simulated_host(const Host& host, std::string path, bool follow) {
  CdiObject out;
  for (int links = 0; links < 40; ++links) {
    if (!host.exists(path)) return out;
    const auto entry = std::find_if(host.present.begin(), host.present.end(),
                                    [&](const HostEntry& each) { return each.path == path; });
    out.has_every_device = path == "/" || path == "/dev";
    out.kind = Kind::directory;
    if (entry == host.present.end()) return out;
    switch (entry->kind) {
      case NodeKind::directory:
        return out;
      case NodeKind::character:
        out.kind = Kind::character;
        return out;
      case NodeKind::socket:
        out.kind = Kind::socket;
        return out;
      case NodeKind::file:
        out.kind = Kind::file;
        return out;
      case NodeKind::link:
        break;
    }
    out.kind = Kind::link;
    if (!follow) return out;
    path = normalise_path(entry->target.starts_with('/') ? entry->target
                                                         : path.substr(0, path.rfind('/') + 1) + entry->target);
  }
  return CdiObject();
}

// What it would open beside what was chosen: a GPU below it.
const std::string* other_gpu_below(const std::string& path, const std::vector<std::string>& nodes,
                                   const std::vector<std::string>& chosen) {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const std::string& node) {
    return node.starts_with(path + "/") && std::find(chosen.begin(), chosen.end(), node) == chosen.end();
  });
  return found == nodes.end() ? nullptr : &*found;
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
                      host.real};
  LOCKSTEP_ASSIGN(context->cdi, choose_cdi(specs, words, looks));
  CdiChoice& choice = *context->cdi;
  if (context->gpu == Toggle::off && choice.nvidia) return off;
  // A GPU that was not chosen is not one that CUDA misses.
  const std::vector<std::string> nodes = host.gpu_nodes;
  std::erase_if(host.gpu_nodes, [&](const std::string& node) {
    return std::none_of(choice.paths.begin(), choice.paths.end(),
                        [&](const CdiPath& each) { return each.path == node; });
  });
  std::erase_if(choice.paths, [&](const CdiPath& each) {
    const std::string* other = other_gpu_below(each.path, nodes, host.gpu_nodes);
    if (other != nullptr)
      choice.warnings.push_back(each.spec + ": " + each.path + " is left out: it would open " + *other +
                                ", which was not chosen");
    return other != nullptr;
  });
  if (host.real) {
    for (const CdiPath& each : choice.paths) look_for_chosen(looks, each.path, host);
    for (const std::string_view path : cdi_baseline_paths()) look_for_chosen(looks, std::string(path), host);
  }
  return {};
}

}  // namespace lockstep
