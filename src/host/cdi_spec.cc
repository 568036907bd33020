#include "host/cdi_spec.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "host/cdi_fields.h"
#include "host/cdi_names.h"

namespace lockstep {
namespace {

constexpr std::int64_t largest_id = UINT32_MAX, largest_number = INT32_MAX;
constexpr std::array<std::string_view, 6> hook_names = {"prestart",       "createRuntime", "createContainer",
                                                        "startContainer", "poststart",     "poststop"};
constexpr std::array<std::string_view, 5> node_types = {"", "b", "c", "u", "p"};

bool is_group_name(std::string_view name) {
  if (name == "/") return true;
  return name.size() < 4096 && name != "." && name != ".." && name.find_first_of("/\n") == std::string_view::npos;
}

class SpecReader {
 public:
  explicit SpecReader(const std::string& file) { reading_.file = file; }
  Result<CdiSpec> read(const Node& root);

 private:
  // The newest field used decides the least version.
  void needs(CdiVersion version, int line, std::string_view what) {
    if (version > least_) least_ = version, least_line_ = line, least_what_ = what;
  }
  template <typename Read>
  Result<void> each(const CdiFields& fields, std::string_view field, Read read) {
    LOCKSTEP_ASSIGN(const Node* items, fields.list(field));
    if (items != nullptr)
      for (const Node& item : items->items) LOCKSTEP_CHECK(read(item));
    return {};
  }
  Result<void> check_version(const CdiFields& root);
  Result<void> check_annotations(const CdiFields& fields);
  Result<void> check_environment(const CdiFields& fields, CdiEdits* out) const;
  Result<void> check_net_devices(const CdiFields& fields, CdiEdits* out);
  Result<void> check_groups(const CdiFields& fields, CdiEdits* out);
  Result<void> check_resource_control(const CdiFields& fields, CdiEdits* out);
  Result<CdiEdits> read_edits(const CdiFields& fields);
  Result<void> read_node(const Node& item, CdiEdits* out);
  Result<void> read_mount(const Node& item, CdiEdits* out);
  Result<void> read_hook(const Node& item, CdiEdits* out);
  Result<void> read_device(const Node& item, CdiSpec* out);

  CdiReading reading_;
  std::set<std::string> names_;  // of the devices so far
  CdiVersion least_ = CdiVersion::v0_3;
  int least_line_ = 0;
  std::string least_what_;
};

Result<void> SpecReader::check_version(const CdiFields& root) {
  LOCKSTEP_ASSIGN(const std::string written, root.need("cdiVersion"));
  const std::optional<CdiVersion> version = released_version(written);
  const int line = root.line_of("cdiVersion");
  if (!version)
    return reading_.fail(
        line, "cdiVersion: " + shortened(written) + " was never released: write one of " + released_versions());
  if (written[0] == 'v')
    reading_.warn(line,
                  "cdiVersion: write " + shortened(written.substr(1)) + ", without the v, which SPEC.md does not have");
  if (least_ > *version)
    return reading_.fail(least_line_, least_what_ + " needs cdiVersion " + std::string(name(least_)) +
                                          " or newer, and the spec has " + shortened(written));
  return {};
}

Result<void> SpecReader::check_annotations(const CdiFields& fields) {
  const Node* found = fields.find("annotations");
  if (found == nullptr) return {};
  if (found->kind != Node::Kind::mapping) return reading_.fail(found->line, "annotations must be a mapping");
  for (const auto& [key, value] : found->entries)
    if (value.kind == Node::Kind::sequence || value.kind == Node::Kind::mapping)
      return reading_.fail(value.line, "annotations: " + shortened(key) + " must be a string");
  if (!found->entries.empty()) needs(CdiVersion::v0_6, found->line, "annotations");
  return {};
}

// NAME=VALUE, the name not empty.
Result<bool> has_environment(const CdiFields& fields, const CdiReading& reading) {
  LOCKSTEP_ASSIGN(const std::vector<std::string> variables, fields.texts("env"));
  for (const std::string& each : variables)
    if (const std::size_t equals = each.find('='); equals == 0 || equals == std::string::npos)
      return reading.fail(fields.line_of("env"), "env: write NAME=VALUE, not " + shortened(each));
  return !variables.empty();
}

Result<void> SpecReader::check_environment(const CdiFields& fields, CdiEdits* out) const {
  LOCKSTEP_ASSIGN(const bool some, has_environment(fields, reading_));
  out->others = out->others || some;
  return {};
}

Result<void> SpecReader::check_net_devices(const CdiFields& fields, CdiEdits* out) {
  std::set<std::string> hosts, names;
  return each(fields, "netDevices", [&](const Node& item) -> Result<void> {
    LOCKSTEP_ASSIGN(const CdiFields net,
                    CdiFields::of(item, "a network device", {"hostInterfaceName", "name"}, reading_));
    LOCKSTEP_ASSIGN(const std::string host, net.need("hostInterfaceName"));
    LOCKSTEP_ASSIGN(const std::string name, net.need("name"));
    if (!hosts.insert(host).second || !names.insert(name).second)
      return reading_.fail(item.line,
                           "netDevices: " + shortened(host) + " or " + shortened(name) + " stands here twice");
    needs(CdiVersion::v1_1, item.line, "netDevices");
    out->others = true;
    return {};
  });
}

Result<void> SpecReader::check_groups(const CdiFields& fields, CdiEdits* out) {
  LOCKSTEP_ASSIGN(const std::vector<std::int64_t> groups, fields.integers("additionalGids", 0, largest_id));
  if (groups.empty()) return {};
  needs(CdiVersion::v0_7, fields.line_of("additionalGids"), "additionalGids");
  out->others = true;
  return {};
}

Result<void> SpecReader::check_resource_control(const CdiFields& fields, CdiEdits* out) {
  const Node* found = fields.find("intelRdt");
  if (found == nullptr) return {};
  LOCKSTEP_ASSIGN(const CdiFields rdt,
                  CdiFields::of(*found, "intelRdt",
                                {"closID", "l3CacheSchema", "memBwSchema", "schemata", "enableMonitoring"}, reading_));
  LOCKSTEP_ASSIGN(const std::string group, rdt.text("closID"));
  if (!is_group_name(group))
    return reading_.fail(rdt.line_of("closID"), "closID: write a file's name, or /, not " + shortened(group));
  for (const std::string_view field : {"l3CacheSchema", "memBwSchema"})
    if (const auto text = rdt.text(field); !text.ok()) return text.error();
  if (const auto schemata = rdt.texts("schemata"); !schemata.ok()) return schemata.error();
  LOCKSTEP_ASSIGN(const bool monitored, rdt.truth("enableMonitoring"));
  needs(CdiVersion::v0_7, found->line, "intelRdt");
  if (rdt.find("schemata") != nullptr || monitored)
    needs(CdiVersion::v1_1, found->line, "intelRdt.schemata or enableMonitoring");
  out->others = true;
  return {};
}

Result<void> SpecReader::read_node(const Node& item, CdiEdits* out) {
  LOCKSTEP_ASSIGN(
      const CdiFields fields,
      CdiFields::of(item, "a device node",
                    {"path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"}, reading_));
  CdiDeviceNode node;
  LOCKSTEP_ASSIGN(node.path, fields.need("path"));
  LOCKSTEP_ASSIGN(node.host_path, fields.text("hostPath"));
  LOCKSTEP_ASSIGN(node.type, fields.text("type"));
  LOCKSTEP_ASSIGN(node.permissions, fields.text("permissions"));
  node.line = fields.line_of(node.host_path.empty() ? "path" : "hostPath");
  if (std::find(node_types.begin(), node_types.end(), node.type) == node_types.end())
    return reading_.fail(fields.line_of("type"),
                         "type: write b, c, u or p, or leave it out, not " + shortened(node.type));
  if (!is_permissions(node.permissions))
    return reading_.fail(fields.line_of("permissions"),
                         "permissions: write letters of rwm, or none, not " + shortened(node.permissions));
  LOCKSTEP_ASSIGN(const std::optional<std::int64_t> major, fields.integer("major", 0, largest_number));
  LOCKSTEP_ASSIGN(const std::optional<std::int64_t> minor, fields.integer("minor", 0, largest_number));
  node.major = major.value_or(0);
  node.minor = minor.value_or(0);
  for (const std::string_view field : {"fileMode", "uid", "gid"})
    if (const auto id = fields.integer(field, 0, largest_id); !id.ok()) return id.error();
  if (!node.host_path.empty()) needs(CdiVersion::v0_5, fields.line_of("hostPath"), "deviceNodes.hostPath");
  out->nodes.push_back(std::move(node));
  return {};
}

Result<void> SpecReader::read_mount(const Node& item, CdiEdits* out) {
  LOCKSTEP_ASSIGN(const CdiFields fields,
                  CdiFields::of(item, "a mount", {"hostPath", "containerPath", "options", "type"}, reading_));
  CdiMount mount;
  LOCKSTEP_ASSIGN(mount.host_path, fields.need("hostPath"));
  LOCKSTEP_ASSIGN(mount.container_path, fields.need("containerPath"));
  LOCKSTEP_ASSIGN(mount.type, fields.text("type"));
  LOCKSTEP_ASSIGN(mount.options, fields.texts("options"));
  mount.line = fields.line_of("hostPath");
  if (!mount.type.empty()) needs(CdiVersion::v0_4, fields.line_of("type"), "mounts.type");
  out->mounts.push_back(std::move(mount));
  return {};
}

Result<void> SpecReader::read_hook(const Node& item, CdiEdits* out) {
  LOCKSTEP_ASSIGN(const CdiFields fields,
                  CdiFields::of(item, "a hook", {"hookName", "path", "args", "env", "timeout"}, reading_));
  CdiHook hook;
  LOCKSTEP_ASSIGN(hook.name, fields.need("hookName"));
  LOCKSTEP_ASSIGN(hook.path, fields.need("path"));
  hook.line = fields.line_of("path");
  if (std::find(hook_names.begin(), hook_names.end(), hook.name) == hook_names.end())
    return reading_.fail(fields.line_of("hookName"), "hookName: no hook is called " + shortened(hook.name));
  if (hook.path[0] != '/') return reading_.fail(hook.line, "a hook's path is absolute, not " + shortened(hook.path));
  if (const auto arguments = fields.texts("args"); !arguments.ok()) return arguments.error();
  if (const auto environment = has_environment(fields, reading_); !environment.ok()) return environment.error();
  if (const auto seconds = fields.integer("timeout", 1, largest_number); !seconds.ok()) return seconds.error();
  out->hooks.push_back(std::move(hook));
  return {};
}

Result<CdiEdits> SpecReader::read_edits(const CdiFields& fields) {
  CdiEdits out;
  const Node* found = fields.find("containerEdits");
  if (found == nullptr) return out;
  LOCKSTEP_ASSIGN(
      const CdiFields edits,
      CdiFields::of(*found, "containerEdits",
                    {"env", "deviceNodes", "netDevices", "mounts", "hooks", "intelRdt", "additionalGids"}, reading_));
  LOCKSTEP_CHECK(check_environment(edits, &out));
  LOCKSTEP_CHECK(each(edits, "deviceNodes", [&](const Node& item) { return read_node(item, &out); }));
  LOCKSTEP_CHECK(each(edits, "mounts", [&](const Node& item) { return read_mount(item, &out); }));
  LOCKSTEP_CHECK(each(edits, "hooks", [&](const Node& item) { return read_hook(item, &out); }));
  LOCKSTEP_CHECK(check_net_devices(edits, &out));
  LOCKSTEP_CHECK(check_groups(edits, &out));
  LOCKSTEP_CHECK(check_resource_control(edits, &out));
  return out;
}

Result<void> SpecReader::read_device(const Node& item, CdiSpec* out) {
  LOCKSTEP_ASSIGN(const CdiFields fields,
                  CdiFields::of(item, "a device", {"name", "annotations", "containerEdits"}, reading_));
  CdiDevice device;
  LOCKSTEP_ASSIGN(device.name, fields.need("name"));
  if (const std::string fault = fault_of_device_name(device.name); !fault.empty())
    return reading_.fail(fields.line_of("name"), fault);
  if (device.name[0] >= '0' && device.name[0] <= '9')
    needs(CdiVersion::v0_5, fields.line_of("name"), "a device's name that begins with a digit");
  LOCKSTEP_CHECK(check_annotations(fields));
  LOCKSTEP_ASSIGN(device.edits, read_edits(fields));
  if (device.edits.empty())
    return reading_.fail(item.line,
                         "the device " + shortened(device.name) + " has no edits: runtimes refuse the whole spec");
  if (!names_.insert(device.name).second)
    return reading_.fail(fields.line_of("name"), "the device " + shortened(device.name) + " stands here twice");
  out->devices.push_back(std::move(device));
  return {};
}

Result<CdiSpec> SpecReader::read(const Node& root) {
  CdiSpec out;
  out.file = reading_.file;
  constexpr std::string_view needed = "a CDI spec";
  if (const std::string_view is = kind_of_document(root); !is.empty() && is != needed)
    return reading_.fail(root.line, "this file is " + std::string(is) + ", and a CDI spec is needed here");
  LOCKSTEP_ASSIGN(
      const CdiFields fields,
      CdiFields::of(root, "a CDI spec", {"cdiVersion", "kind", "annotations", "devices", "containerEdits"}, reading_));
  LOCKSTEP_ASSIGN(out.kind, fields.need("kind"));
  if (const std::string fault = fault_of_kind(out.kind); !fault.empty())
    return reading_.fail(fields.line_of("kind"), "kind: " + fault);
  if (out.kind.find('.', out.kind.find('/')) != std::string::npos)
    needs(CdiVersion::v0_6, fields.line_of("kind"), "a class with a dot");
  LOCKSTEP_CHECK(check_annotations(fields));
  LOCKSTEP_CHECK(each(fields, "devices", [&](const Node& item) { return read_device(item, &out); }));
  if (out.devices.empty()) return reading_.fail(fields.line_of("devices"), "a CDI spec needs at least one of devices");
  LOCKSTEP_ASSIGN(out.edits, read_edits(fields));
  LOCKSTEP_CHECK(check_version(fields));
  out.warnings = std::move(reading_.warnings);
  return out;
}

}  // namespace

Result<CdiSpec> read_cdi_spec(std::string_view text, const std::string& file) {
  LOCKSTEP_ASSIGN(const Node root, parse_spec_document(text, file));
  return SpecReader(file).read(root);
}

}  // namespace lockstep
