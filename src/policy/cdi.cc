#include "policy/cdi.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>

#include "landlock/abi.h"
#include "policy/document.h"
#include "policy/policy.h"

namespace lockstep {
namespace {

constexpr std::size_t spec_limit = 16U << 20;
constexpr int known_major = 1, known_minor = 1;

struct Device {
  std::string name;
  std::vector<CdiPath> paths;
};

struct Spec {
  std::string file;
  std::string kind;
  std::vector<CdiPath> shared;  // of the spec as a whole: for any device of it
  std::vector<Device> devices;
};

class SpecReader {
 public:
  SpecReader(const std::string& file, std::vector<std::string>* warnings) : warnings_(warnings) { out_.file = file; }
  Result<Spec> read(const Node& root);

 private:
  Error fail(const Node& node, std::string message) const { return input_error(out_.file, node.line, std::move(message)); }
  void warn(int line, const std::string& message) { warnings_->push_back(out_.file + ":" + std::to_string(line) + ": " + message); }
  Result<void> check_fields(const Node& node, const std::string& what, const std::vector<std::string_view>& known);
  Result<std::string> need(const Node& node, const char* key, const std::string& what) const;
  Result<const Node*> list(const Node& node, const char* key) const;
  Result<std::string> path(const Node& node, const std::string& what) const;
  Result<void> read_version(const Node& root);
  Result<std::vector<CdiPath>> read_edits(const Node& node, const std::string& device);
  Result<void> read_node(const Node& node, const std::string& device, std::vector<CdiPath>* out);
  Result<void> read_mount(const Node& node, const std::string& device, std::vector<CdiPath>* out);

  Spec out_;
  std::vector<std::string>* warnings_;
  std::set<std::string> known_unknowns_;  // a field of every device is named once
};

Result<void> SpecReader::check_fields(const Node& node, const std::string& what, const std::vector<std::string_view>& known) {
  if (node.kind != Node::Kind::mapping) return fail(node, what + " must be a mapping");
  for (std::size_t i = 0; i < node.entries.size(); ++i)
    if (std::find(known.begin(), known.end(), node.entries[i].first) == known.end() && known_unknowns_.insert(what + node.entries[i].first).second)
      warn(node.key_lines[i], what + ": the field " + shortened(node.entries[i].first) + " is not known here, and what it asks for is not granted");
  return {};
}

Result<std::string> SpecReader::need(const Node& node, const char* key, const std::string& what) const {
  const Node* found = node.find(key);
  if (found == nullptr) return fail(node, what + " needs " + key);
  LOCKSTEP_ASSIGN(std::string out, read_string(*found, out_.file, std::string(key)));
  if (out.empty()) return fail(*found, std::string(key) + " is empty");
  return out;
}

// nullptr where the key is absent.
Result<const Node*> SpecReader::list(const Node& node, const char* key) const {
  const Node* found = node.find(key);
  if (found != nullptr && found->kind != Node::Kind::sequence) return fail(*found, std::string(key) + " must be a list");
  return found;
}

Result<std::string> SpecReader::path(const Node& node, const std::string& what) const {
  LOCKSTEP_ASSIGN(std::string out, read_path(node, out_.file, what));
  if (out == "/" || out == "/dev") return fail(node, what + ": " + out + " would open every device, chosen or not: it is never granted");
  return out;
}

Result<void> SpecReader::read_version(const Node& root) {
  LOCKSTEP_ASSIGN(const std::string version, need(root, "cdiVersion", "a CDI spec"));
  int numbers[3] = {};
  const char* at = version.data();
  const char* end = at + version.size();
  for (int i = 0; i < 3; ++i) {
    const auto [next, ec] = std::from_chars(at, end, numbers[i]);
    if (ec != std::errc() || *at == '-' || (i < 2 ? next == end || *next != '.' : next != end))
      return fail(*root.find("cdiVersion"), "cdiVersion: write three numbers, as 0.5.0, not " + shortened(version));
    at = i < 2 ? next + 1 : next;
  }
  if (numbers[0] > known_major || (numbers[0] == known_major && numbers[1] > known_minor))
    warn(root.find("cdiVersion")->line, "CDI " + version + " is newer than " + std::to_string(known_major) + "." + std::to_string(known_minor) +
                                            ", which is what is known here: fields it adds are not read");
  return {};
}

Result<void> SpecReader::read_node(const Node& node, const std::string& device, std::vector<CdiPath>* out) {
  LOCKSTEP_CHECK(check_fields(node, "a device node", {"path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"}));
  const Node* inside = node.find("path");
  if (inside == nullptr) return fail(node, "a device node needs path");
  LOCKSTEP_ASSIGN(std::string where, path(*inside, "deviceNodes.path"));
  if (const Node* outside = node.find("hostPath")) {
    LOCKSTEP_ASSIGN(where, path(*outside, "deviceNodes.hostPath"));
  }
  AccessSet access = abi_info(newest_abi)->fs;
  if (const Node* permissions = node.find("permissions")) {
    LOCKSTEP_ASSIGN(const std::string letters, read_string(*permissions, out_.file, "permissions"));
    if (letters != "none" && letters.find_first_not_of("rwm") != std::string::npos)
      return fail(*permissions, "permissions: write letters of rwm, or none, not " + shortened(letters));
    const bool reads = letters.find('r') != std::string::npos, writes = letters.find('w') != std::string::npos;
    if (letters == "none" || (!letters.empty() && !reads && !writes)) return {};
    if (reads != writes) access = (reads ? AccessSet(Right::read_file) : AccessSet(Right::write_file)) | Right::ioctl_dev;
  }
  out->push_back({std::move(where), access, device, out_.file + ":" + std::to_string(inside->line)});
  return {};
}

// Specs do not say what a mount is; a socket is known by its name.
bool is_socket_name(std::string_view path) {
  const std::string_view last = path.substr(path.rfind('/') + 1);
  return last == "socket" || last.ends_with(".sock") || last.ends_with(".socket");
}

Result<void> SpecReader::read_mount(const Node& node, const std::string& device, std::vector<CdiPath>* out) {
  LOCKSTEP_CHECK(check_fields(node, "a mount", {"hostPath", "containerPath", "options", "type"}));
  const Node* outside = node.find("hostPath");
  if (outside == nullptr || node.find("containerPath") == nullptr) return fail(node, "a mount needs hostPath and containerPath");
  if (const Node* type = node.find("type")) {
    LOCKSTEP_ASSIGN(const std::string word, read_string(*type, out_.file, "mounts.type"));
    if (!word.empty() && word != "none" && word != "bind") return {};  // tmpfs and the like: nothing of the host's
  }
  LOCKSTEP_ASSIGN(std::string where, path(*outside, "mounts.hostPath"));
  bool writable = false, read_only = false;
  LOCKSTEP_ASSIGN(const Node* options, list(node, "options"));
  if (options != nullptr) {
    for (const Node& item : options->items) {
      LOCKSTEP_ASSIGN(const std::string option, read_string(item, out_.file, "mounts.options"));
      writable = writable || option == "rw";
      read_only = read_only || option == "ro";
    }
  }
  AccessSet access = writable && !read_only ? abi_info(newest_abi)->fs : access_read_only;
  if (is_socket_name(where)) access = access | Right::resolve_unix;
  out->push_back({std::move(where), access, device, out_.file + ":" + std::to_string(outside->line)});
  return {};
}

Result<std::vector<CdiPath>> SpecReader::read_edits(const Node& node, const std::string& device) {
  std::vector<CdiPath> out;
  const Node* edits = node.find("containerEdits");
  if (edits == nullptr || edits->kind == Node::Kind::null) return out;
  LOCKSTEP_CHECK(check_fields(*edits, "containerEdits", {"env", "deviceNodes", "netDevices", "mounts", "hooks", "intelRdt", "additionalGids", "additionalGIDs"}));
  for (const char* key : {"env", "hooks", "netDevices", "additionalGids", "additionalGIDs"})
    if (Result<const Node*> each = list(*edits, key); !each.ok()) return std::move(each).error();
  LOCKSTEP_ASSIGN(const Node* nodes, list(*edits, "deviceNodes"));
  LOCKSTEP_ASSIGN(const Node* mounts, list(*edits, "mounts"));
  if (nodes != nullptr)
    for (const Node& item : nodes->items) LOCKSTEP_CHECK(read_node(item, device, &out));
  if (mounts != nullptr)
    for (const Node& item : mounts->items) LOCKSTEP_CHECK(read_mount(item, device, &out));
  return out;
}

Result<Spec> SpecReader::read(const Node& root) {
  LOCKSTEP_CHECK(check_fields(root, "a CDI spec", {"cdiVersion", "kind", "annotations", "devices", "containerEdits"}));
  LOCKSTEP_CHECK(read_version(root));
  LOCKSTEP_ASSIGN(out_.kind, need(root, "kind", "a CDI spec"));
  if (const std::size_t slash = out_.kind.find('/'); slash == 0 || slash == std::string::npos || slash + 1 == out_.kind.size())
    return fail(*root.find("kind"), "kind: write vendor/class, as nvidia.com/gpu, not " + shortened(out_.kind));
  LOCKSTEP_ASSIGN(const Node* devices, list(root, "devices"));
  if (devices == nullptr || devices->items.empty()) return fail(root, "a CDI spec needs at least one of devices");
  std::set<std::string> names;
  for (const Node& item : devices->items) {
    LOCKSTEP_CHECK(check_fields(item, "a device", {"name", "annotations", "containerEdits"}));
    Device device;
    LOCKSTEP_ASSIGN(device.name, need(item, "name", "a device"));
    if (device.name.find_first_of(",=") != std::string::npos) return fail(item, "a device's name has no comma and no =");
    if (!names.insert(device.name).second) return fail(item, "the device " + shortened(device.name) + " stands here twice");
    LOCKSTEP_ASSIGN(device.paths, read_edits(item, out_.kind + "=" + device.name));
    out_.devices.push_back(std::move(device));
  }
  LOCKSTEP_ASSIGN(out_.shared, read_edits(root, out_.kind));
  return std::move(out_);
}

Result<std::vector<std::string>> files_of(const std::string& place) {
  std::error_code error;
  if (!std::filesystem::is_directory(place, error)) return std::vector<std::string>{place};
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
    const std::string extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json") out.push_back(entry.path());
  }
  if (error) return input_error(place, 0, "cannot be read: " + error.message());
  if (out.empty()) return input_error(place, 0, "holds no CDI spec (*.yaml, *.yml, *.json)");
  std::sort(out.begin(), out.end());
  return out;
}

class Chooser {
 public:
  explicit Chooser(const std::vector<Spec>& specs) : specs_(specs) {}
  Result<void> choose(const std::string& word);
  Result<void> add_all();
  std::vector<CdiPath> paths() &&;

 private:
  void add(const Spec& spec, const Device& device);
  void add(const std::vector<CdiPath>& paths);
  std::string offered() const;

  const std::vector<Spec>& specs_;
  std::map<std::string, CdiPath> paths_;
  std::set<const Spec*> used_;
};

void Chooser::add(const std::vector<CdiPath>& paths) {
  for (const CdiPath& each : paths) {
    const auto [known, fresh] = paths_.try_emplace(each.path, each);
    if (!fresh) known->second.access |= each.access;
  }
}

void Chooser::add(const Spec& spec, const Device& device) {
  add(device.paths);
  if (used_.insert(&spec).second) add(spec.shared);
}

// A spec's own device "all" is what its tool means by that.
Result<void> Chooser::add_all() {
  std::map<std::string, const Spec*> seen;
  for (const Spec& spec : specs_)
    for (const Device& device : spec.devices)
      if (const auto [other, fresh] = seen.try_emplace(spec.kind + "=" + device.name, &spec); !fresh)
        return input_error(spec.file, 0, "the device " + shortened(other->first) + " stands in " + printable(other->second->file) + " as well: take one of the two away");
  for (const Spec& spec : specs_) {
    const auto own = std::find_if(spec.devices.begin(), spec.devices.end(), [](const Device& device) { return device.name == "all"; });
    if (own != spec.devices.end()) {
      add(spec, *own);
    } else {
      for (const Device& device : spec.devices) add(spec, device);
    }
  }
  return {};
}

std::string Chooser::offered() const {
  std::string out;
  for (const Spec& spec : specs_)
    for (const Device& device : spec.devices) out += (out.empty() ? "" : ", ") + spec.kind + "=" + device.name;
  return shortened(out);
}

Result<void> Chooser::choose(const std::string& word) {
  const Spec* found = nullptr;
  const Device* chosen = nullptr;
  for (const Spec& spec : specs_) {
    for (const Device& device : spec.devices) {
      if (word != device.name && word != spec.kind + "=" + device.name) continue;
      if (found != nullptr)
        return input_error(spec.file, 0, "the device " + shortened(word) + " stands in " + printable(found->file) + " as well" +
                                             (found->kind == spec.kind ? ": take one of the two away" : ": write it with its kind, as " + spec.kind + "=" + device.name));
      found = &spec;
      chosen = &device;
    }
  }
  if (found == nullptr) return input_error("", 0, "no device is called " + shortened(word) + "; the specs have " + offered());
  add(*found, *chosen);
  return {};
}

std::vector<CdiPath> Chooser::paths() && {
  std::vector<CdiPath> out;
  for (auto& [path, each] : paths_) out.push_back(std::move(each));
  return out;
}

std::vector<std::string> words_of(std::string_view devices) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= devices.size();) {
    const std::size_t end = std::min(devices.find(',', at), devices.size());
    out.emplace_back(devices.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

Result<CdiChoice> choose_cdi(const std::vector<std::string>& places, std::string_view devices) {
  CdiChoice out;
  std::vector<Spec> specs;
  for (const std::string& place : places) {
    LOCKSTEP_ASSIGN(const std::vector<std::string> files, files_of(place));
    for (const std::string& file : files) {
      LOCKSTEP_ASSIGN(const std::string text, read_input_file(file, spec_limit));
      LOCKSTEP_ASSIGN(const Node root, parse_document(text, file));
      LOCKSTEP_ASSIGN(Spec spec, SpecReader(file, &out.warnings).read(root));
      specs.push_back(std::move(spec));
    }
  }
  Chooser chooser(specs);
  for (const std::string& word : words_of(devices)) {
    if (word.empty()) return input_error("", 0, "an empty name among the devices: write all, or names separated by commas");
    if (word == "all") {
      LOCKSTEP_CHECK(chooser.add_all());
    } else {
      LOCKSTEP_CHECK(chooser.choose(word));
    }
  }
  out.paths = std::move(chooser).paths();
  return out;
}

Result<std::vector<std::string>> choose_nodes(const std::vector<std::string>& nodes, std::string_view devices) {
  std::vector<std::string> out;
  for (const std::string& word : words_of(devices)) {
    if (word == "all") return nodes;
    if (word.empty() || word.find_first_not_of("0123456789") != std::string::npos)
      return input_error("", 0, "without a CDI spec GPUs have numbers alone: write all, or 0,2, not " + shortened(word));
    const std::string node = "/dev/nvidia" + word;
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) {
      std::string offered;
      for (const std::string& each : nodes) offered += (offered.empty() ? "" : ", ") + each;
      return input_error("", 0, "there is no " + shortened(node) + (nodes.empty() ? ": no GPU node at all" : "; there is " + shortened(offered)));
    }
    if (std::find(out.begin(), out.end(), node) == out.end()) out.push_back(node);
  }
  return out;
}

}  // namespace lockstep
