#include "host/cdi_container.h"

#include <algorithm>
#include <filesystem>

#include <lockstep/abi.h>
#include <lockstep/policy.h>
#include <lockstep/rights.h>

#include "syntax/document.h"

namespace lockstep {
namespace {

using Kind = CdiObject::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::missing:
      return "not there";
    case Kind::character:
      return "a character device";
    case Kind::block:
      return "a block device";
    case Kind::fifo:
      return "a FIFO";
    case Kind::socket:
      return "a socket";
    case Kind::directory:
      return "a directory";
    case Kind::file:
      return "a regular file";
    case Kind::link:
      break;
  }
  return "a symbolic link";
}

std::string_view type_of(Kind kind) {
  return kind == Kind::character ? "c" : kind == Kind::block ? "b" : kind == Kind::fifo ? "p" : "";
}

// As the runtime's kernel sees it: a path of the container, whatever it is written like.
std::string clean(const std::string& path) {
  return (std::filesystem::path("/") / path).lexically_normal().native();
}

std::string clean_directory(const std::string& path) {
  std::string out = clean(path);
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

// "/dev/x/" and "/dev/x/." are a directory or nothing.
bool names_a_directory(const std::string& written) {
  return written.ends_with('/') || written.ends_with("/.");
}

bool has_any(const std::vector<std::string>& options, std::initializer_list<std::string_view> words) {
  return std::any_of(options.begin(), options.end(), [&](const std::string& option) {
    return std::find(words.begin(), words.end(), option) != words.end();
  });
}

// What a runtime removes and adds again, by the path as it is written.
template <typename Placed, typename Path>
void keep_last(std::vector<Placed>& edits, Path path) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < edits.size(); ++i) last[path(edits[i])] = i;
  std::vector<Placed> out;
  for (std::size_t i = 0; i < edits.size(); ++i)
    if (last.at(path(edits[i])) == i) out.push_back(std::move(edits[i]));
  edits = std::move(out);
}

}  // namespace

void CdiContainer::add(const CdiChosen& chosen) {
  if (used_.insert(chosen.spec).second) add(chosen.spec->edits, {chosen.spec->kind, chosen.spec->file});
  add(chosen.device->edits, {chosen.spec->kind + "=" + chosen.device->name, chosen.spec->file});
}

void CdiContainer::add(const CdiEdits& edits, const Source& source) {
  for (const CdiDeviceNode& each : edits.nodes) nodes_.push_back({each, source, ""});
  for (const CdiMount& each : edits.mounts) mounts_.push_back({each, source, ""});
  for (const CdiHook& each : edits.hooks) hooks_.push_back({each, source, ""});
}

Error CdiContainer::refuse(const Source& source, int line, const std::string& message) const {
  return input_error(source.file, line, message + ": no container with " + source.device + " starts");
}

void CdiContainer::warn(const Source& source, int line, const std::string& message) {
  out_.warnings.push_back(source.file + ":" + std::to_string(line) + ": " + message);
}

CdiObject CdiContainer::look(const std::string& written, bool follow) const {
  const CdiObject object = host_.look(normalise_path(written), follow);
  return names_a_directory(written) && object.kind != Kind::directory ? CdiObject() : object;
}

Result<std::string> CdiContainer::usable_path(const std::string& written, const Source& source, int line) const {
  Node node;
  node.kind = Node::Kind::string;
  node.scalar = written;
  node.line = line;
  return read_path(node, source.file, "a path of " + source.device);
}

// Which device the node is; its permissions count for that device wherever else it stands.
Result<void> CdiContainer::identify(Placed<CdiDeviceNode>& node) {
  const CdiDeviceNode& edit = node.edit;
  const std::string& written = edit.host_path.empty() ? edit.path : edit.host_path;
  LOCKSTEP_ASSIGN(const std::string path, usable_path(written, node.source, edit.line));
  LOCKSTEP_CHECK(usable_path(edit.path, node.source, edit.line));
  if (names_a_directory(edit.path))
    return refuse(node.source, edit.line, printable(edit.path) + " is no name for a node");
  const CdiObject object = look(written, false);
  const std::string_view found = type_of(object.kind);
  const bool specified = edit.type == "p" || (!edit.type.empty() && edit.major != 0);
  if (!specified) {
    if (object.kind == Kind::missing)
      return refuse(node.source, edit.line,
                    printable(path) + " is not here" +
                        (host_.complete ? ", the spec is older than the machine or for another" : ""));
    if (found.empty())
      return refuse(node.source, edit.line,
                    printable(path) + " is no device node but " + std::string(name_of(object.kind)));
    if (!edit.type.empty() && edit.type != found)
      return refuse(node.source, edit.line,
                    printable(path) + " is " + std::string(name_of(object.kind)) + " and not of type " + edit.type);
  }
  const std::string type = edit.type.empty() ? std::string(found) : edit.type;
  if (type == "p") {
    warn(node.source, edit.line,
         printable(edit.path) + " is a FIFO of the container's own: nothing of the host is granted for it");
    return {};
  }
  const auto numbers = [](std::string_view kind, std::int64_t major, std::int64_t minor) {
    return std::string(kind == "u" ? "c" : kind) + " " + std::to_string(major) + ":" + std::to_string(minor);
  };
  const std::string of_host = object.numbered ? numbers(found, object.major, object.minor) : path;
  const std::string of_container = edit.major != 0 ? numbers(type, edit.major, edit.minor) : of_host;
  const bool same = object.numbered ? of_container == of_host
                                    : (type == "u" ? "c" : type) ==
                                          found;  // a simulated host's nodes have the numbers that specs give them
  const std::string& device = object.numbered ? of_container : of_host;
  if (type != "u")
    letters_[device] += edit.permissions.empty() ? "rwm" : edit.permissions == "none" ? "" : edit.permissions;
  if (same) {
    node.number = device;
  } else {
    warn(node.source, edit.line,
         printable(edit.path) + " is a node of the container's own, " + of_container + ", and " + printable(path) +
             " of this host is " + (object.numbered ? of_host : std::string(name_of(object.kind))) +
             ": nothing is granted for it");
  }
  return {};
}

AccessSet CdiContainer::allowed(const std::string& number) const {
  const auto found = letters_.find(number);
  const bool reads = found != letters_.end() && found->second.find('r') != std::string::npos;
  const bool writes = found != letters_.end() && found->second.find('w') != std::string::npos;
  if (reads && writes) return abi_info(newest_abi)->fs;
  if (!reads && !writes) return {};
  return (reads ? AccessSet(Right::read_file) : AccessSet(Right::write_file)) | Right::ioctl_dev;
}

// What the device brings with it is decided by the host's node, once it is granted: what a container calls it
// can be anything.
void CdiContainer::grant_device(const std::string& path, const CdiObject& object, AccessSet access,
                                const Source& source, int line) {
  constexpr unsigned nvidias_major = 195;  // the driver's in a folder of its own is known by that
  const bool by_number = object.numbered && object.kind == Kind::character && object.major == nvidias_major;
  if (!access.empty() && (is_nvidia_node(path) || by_number)) out_.nvidia = true;
  grant(path, access, source, line);
}

void CdiContainer::grant(const std::string& path, AccessSet access, const Source& source, int line) {
  if (access.empty()) return;
  const auto [known, fresh] =
      paths_.try_emplace(path, CdiPath{path, access, source.device, source.file + ":" + std::to_string(line)});
  if (!fresh) known->second.access |= access;
}

Result<void> CdiContainer::place_nodes() {
  for (Placed<CdiDeviceNode>& each : nodes_) LOCKSTEP_CHECK(identify(each));
  keep_last(nodes_, [](const Placed<CdiDeviceNode>& node) { return node.edit.path; });
  std::set<std::string> there;
  for (const Placed<CdiDeviceNode>& each : nodes_) {
    // Two spellings of one path: the node that is made first stays.
    if (!there.insert(clean_directory(each.edit.path)).second) continue;
    const std::string path = normalise_path(each.edit.host_path.empty() ? each.edit.path : each.edit.host_path);
    if (!each.number.empty()) grant_device(path, look(path, false), allowed(each.number), each.source, each.edit.line);
  }
  return {};
}

std::string CdiContainer::device_of(const std::string& path, const CdiObject& object) {
  return object.numbered ? std::string(type_of(object.kind)) + " " + std::to_string(object.major) + ":" +
                               std::to_string(object.minor)
                         : path;
}

// Whether device nodes are in the directory: those that some device node names are granted.
bool CdiContainer::has_devices(const Placed<CdiMount>& mount, const std::string& path) {
  const CdiMount& edit = mount.edit;
  const std::optional<std::vector<std::string>> nodes = host_.devices_below(path);
  if (nodes && nodes->empty()) return false;
  std::string opened;
  for (const std::string& node : nodes.value_or(std::vector<std::string>())) {
    const CdiObject object = host_.look(node, false);
    const auto known = letters_.find(device_of(node, object));
    if (known == letters_.end() || has_any(edit.options, {"nodev", "rnodev"})) {
      if (opened.empty()) opened = node;
      continue;
    }
    grant_device(node, object, allowed(known->first), mount.source, edit.line);
  }
  warn(mount.source, edit.line,
       "the mount of " + printable(path) + " is left out: " +
           (!nodes           ? "it holds too much to be searched for device nodes"
            : opened.empty() ? "it holds device nodes, and those alone are granted"
                             : "it would open " + printable(opened) + ", which no device node here names"));
  return true;
}

Result<void> CdiContainer::place_mount(const Placed<CdiMount>& mount) {
  const CdiMount& edit = mount.edit;
  if (!has_any(edit.options, {"bind", "rbind"})) {
    if (edit.type.empty() || edit.type == "none" || edit.type == "bind" || edit.type == "rbind")
      return refuse(mount.source, edit.line,
                    "the mount of " + printable(edit.host_path) + " has neither bind nor rbind among its options");
    warn(mount.source, edit.line,
         printable(edit.container_path) + " is a " + printable(edit.type) +
             " of the container's own: nothing of the host is granted for it");
    return {};
  }
  LOCKSTEP_ASSIGN(const std::string path, usable_path(edit.host_path, mount.source, edit.line));
  const CdiObject object = look(edit.host_path, true);
  if (object.kind == Kind::missing)
    return refuse(mount.source, edit.line, printable(path) + ", which it mounts, is not here");
  if (object.has_every_device) {
    warn(mount.source, edit.line,
         "the mount of " + printable(path) + " is left out: it would open every device, chosen or not");
    return {};
  }
  const AccessSet all = abi_info(newest_abi)->fs;
  const bool is_device = object.kind == Kind::character || object.kind == Kind::block,
             holds_devices = !has_any(edit.options, {"nodev", "rnodev"});
  if (is_device) {
    // ro binds files, not devices; what the cgroup lets through is known where a node of the device stands in
    // a spec.
    const auto known = letters_.find(device_of(path, object));
    if (holds_devices)
      grant_device(path, object, known == letters_.end() ? all : allowed(known->first), mount.source, edit.line);
    return {};
  }
  if (object.kind == Kind::directory && has_devices(mount, path)) return {};
  AccessSet access = has_any(edit.options, {"ro", "rro"}) ? access_read_only : all;
  if (has_any(edit.options, {"noexec", "rnoexec"})) access = access - Right::execute;
  if (object.kind == Kind::directory) {
    if (!holds_devices) access = access - Right::ioctl_dev;
    access |= Right::resolve_unix;
  } else if (object.kind == Kind::socket) {
    access = (access & (Right::read_file | Right::write_file)) | Right::resolve_unix;
  } else if (access != all && access != access_read_only) {
    access = access & (access_on_files - (Right::ioctl_dev | Right::resolve_unix));
  }
  grant(path, access, mount.source, edit.line);
  return {};
}

Result<void> CdiContainer::place_mounts() {
  keep_last(mounts_, [](const Placed<CdiMount>& mount) { return mount.edit.container_path; });
  std::map<std::string, const Placed<CdiMount>*> visible;
  for (const Placed<CdiMount>& each : mounts_) {
    const auto [known, fresh] = visible.try_emplace(clean_directory(each.edit.container_path), &each);
    if (fresh) continue;
    // Both are mounted, and runtimes sort them differently: which one covers the other is not known here.
    warn(each.source, each.edit.line,
         printable(known->first) +
             " is written in two ways, and either mount may cover the other: nothing is granted for them");
    known->second = nullptr;
  }
  std::erase_if(visible, [](const auto& each) { return each.second == nullptr; });
  for (const auto& [path, mount] : visible) LOCKSTEP_CHECK(place_mount(*mount));
  for (const auto& [path, mount] : visible) {
    for (std::size_t slash = path.rfind('/'); slash != 0 && slash != std::string::npos;
         slash = path.rfind('/', slash - 1)) {
      const auto above = visible.find(path.substr(0, slash));
      if (above == visible.end() || !paths_.contains(normalise_path(above->second->edit.host_path))) continue;
      warn(mount->source, mount->edit.line,
           printable(path) + " hides a part of " + printable(above->first) + " in a container; here that part of " +
               printable(above->second->edit.host_path) + " stays open");
    }
  }
  return {};
}

// Those that run before the command, outside of the container.
Result<void> CdiContainer::check_hooks() const {
  if (!host_.complete) return {};
  for (const Placed<CdiHook>& each : hooks_) {
    const std::string& name = each.edit.name;
    if ((name == "prestart" || name == "createRuntime" || name == "createContainer") &&
        look(each.edit.path, true).kind == Kind::missing)
      return refuse(each.source, each.edit.line,
                    printable(each.edit.path) + ", which it runs as " + name + ", is not here");
  }
  return {};
}

Result<CdiChoice> CdiContainer::on_host() && {
  LOCKSTEP_CHECK(place_nodes());
  LOCKSTEP_CHECK(place_mounts());
  LOCKSTEP_CHECK(check_hooks());
  for (auto& [path, each] : paths_) out_.paths.push_back(std::move(each));
  return std::move(out_);
}

}  // namespace lockstep
