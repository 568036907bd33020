#include <algorithm>
#include <unordered_set>

#include <lockstep/abi.h>
#include <lockstep/host.h>
#include <lockstep/policy.h>

#include "syntax/document.h"
#include "syntax/json.h"

namespace lockstep {
namespace {

constexpr std::string_view gpu_names[] = {"none", "nvidia", "wsl2", "amd", "intel"};
constexpr std::size_t longest_path = 4096;
constexpr std::string_view kind_names[] = {"dir", "file", "char", "socket", "link"};
constexpr std::string_view socket_types[] = {"stream", "seqpacket", "dgram"};

NodeKind usual_kind(std::string_view path) {
  const bool directory = path == "/dev" || path == "/dev/shm" || path == "/dev/pts" || path == "/dev/nvidia-caps";
  return path.starts_with("/dev/") && !directory ? NodeKind::character : NodeKind::directory;
}

class HostReader {
 public:
  explicit HostReader(const std::string& file) : file_(file) {}
  Result<Host> read(const Node& root);

 private:
  Error fail(const Node& node, std::string message) const { return input_error(file_, node.line, std::move(message)); }
  Result<std::string> path(const Node& node, const std::string& what) const { return read_path(node, file_, what); }
  Result<HostEntry> entry(const Node& node) const;
  Result<void> read_present(const Node& node, Host& out) const;
  Result<void> read_kernel(const Node& node, Host& out) const;

  const std::string& file_;
};

Result<HostEntry> HostReader::entry(const Node& node) const {
  HostEntry out;
  if (node.kind != Node::Kind::mapping) {
    LOCKSTEP_ASSIGN(out.path, path(node, "present"));
    out.kind = usual_kind(out.path);
    return out;
  }
  LOCKSTEP_CHECK(check_keys(node, file_, "an entry of present", {"path", "kind", "target", "type"}));
  const Node* where = node.find("path");
  const Node* kind = node.find("kind");
  if (where == nullptr || kind == nullptr) return fail(node, "an entry of present needs path and kind");
  LOCKSTEP_ASSIGN(out.path, path(*where, "present.path"));
  LOCKSTEP_ASSIGN(const std::string word, read_string(*kind, file_, "present.kind"));
  const auto* known = std::find(std::begin(kind_names), std::end(kind_names), word);
  if (known == std::end(kind_names))
    return fail(*kind, "present.kind: write dir, file, char, socket or link, not \"" + printable(word) + "\"");
  out.kind = static_cast<NodeKind>(known - std::begin(kind_names));
  const Node* target = node.find("target");
  if ((target != nullptr) != (out.kind == NodeKind::link))
    return fail(node, "present: a link needs target, and nothing else has one");
  if (target != nullptr) {
    LOCKSTEP_ASSIGN(out.target, read_string(*target, file_, "present.target"));
    if (out.target.empty() || out.target.size() > longest_path)
      return fail(*target, "present.target: write what the link leads to");
  }
  if (const Node* type = node.find("type")) {
    if (out.kind != NodeKind::socket) return fail(*type, "present.type is of sockets alone");
    LOCKSTEP_ASSIGN(const std::string of_server, read_string(*type, file_, "present.type"));
    if (std::find(std::begin(socket_types), std::end(socket_types), of_server) == std::end(socket_types))
      return fail(*type, "present.type: write stream, seqpacket or dgram, not \"" + printable(of_server) + "\"");
    if (of_server != socket_types[0]) out.target = of_server;
  }
  return out;
}

Result<void> HostReader::read_present(const Node& node, Host& out) const {
  if (node.kind != Node::Kind::sequence) {
    LOCKSTEP_ASSIGN(const std::string word, read_string(node, file_, "present"));
    if (word != "real") return fail(node, "present: write \"real\", or a list of paths");
    out.real = true;
    return {};
  }
  std::unordered_set<std::string> seen;
  for (const Node& item : node.items) {
    LOCKSTEP_ASSIGN(HostEntry each, entry(item));
    if (!seen.insert(each.path).second)
      return fail(item, "present has " + printable(each.path) + " twice: take one out");
    out.present.push_back(std::move(each));
  }
  return {};
}

Result<void> HostReader::read_kernel(const Node& node, Host& out) const {
  LOCKSTEP_CHECK(check_keys(node, file_, "kernel", {"abi", "errata"}));
  KernelLandlock kernel;
  const Node* abi = node.find("abi");
  if (abi == nullptr) return fail(node, "kernel needs abi");
  LOCKSTEP_ASSIGN(const long number, read_integer(*abi, file_, "kernel.abi", 0, 1000));
  kernel.abi = static_cast<int>(number);
  if (const Node* errata = node.find("errata")) {
    LOCKSTEP_ASSIGN(const long bits, read_integer(*errata, file_, "kernel.errata", 0, 0xffffffffL));
    kernel.errata = static_cast<unsigned>(bits);
  }
  out.kernel = kernel;
  return {};
}

Result<Host> HostReader::read(const Node& root) {
  LOCKSTEP_CHECK(check_root(root, file_, "a host file", "lockstep host --format json writes one",
                            {"schema", "gpu", "numa_coherent", "gpu_nodes", "present", "absent", "kernel"}));
  const Node* schema = root.find("schema");
  if (schema == nullptr || schema->scalar != "lockstep.host/1")
    return fail(schema == nullptr ? root : *schema, "a host starts with \"schema\": \"lockstep.host/1\"");
  Host out;
  out.file = file_;
  const Node* gpu = root.find("gpu");
  const Node* present = root.find("present");
  if (gpu == nullptr || present == nullptr) return fail(root, "a host needs gpu and present");
  LOCKSTEP_ASSIGN(const std::string word, read_string(*gpu, file_, "gpu"));
  const auto* known = std::find(std::begin(gpu_names), std::end(gpu_names), word);
  if (known == std::end(gpu_names))
    return fail(*gpu, "gpu: write none, nvidia, wsl2, amd or intel, not \"" + printable(word) + "\"");
  out.gpu = static_cast<GpuKind>(known - std::begin(gpu_names));
  if (const Node* coherent = root.find("numa_coherent")) {
    LOCKSTEP_ASSIGN(out.numa_coherent, read_bool(*coherent, file_, "numa_coherent"));
    if (out.numa_coherent && out.gpu != GpuKind::nvidia)
      return fail(*coherent, "numa_coherent is of nvidia GPUs alone");
  }
  LOCKSTEP_CHECK(read_present(*present, out));
  if (const Node* nodes = root.find("gpu_nodes")) {
    if (nodes->kind != Node::Kind::sequence) return fail(*nodes, "gpu_nodes must be a list");
    for (const Node& item : nodes->items) {
      LOCKSTEP_ASSIGN(std::string node, path(item, "gpu_nodes"));
      if (!is_gpu_node(node))
        return fail(item, "gpu_nodes: " + printable(node) + " is no GPU node (/dev/nvidia and a number)");
      if (std::find(out.gpu_nodes.begin(), out.gpu_nodes.end(), node) != out.gpu_nodes.end())
        return fail(item, "gpu_nodes has " + printable(node) + " twice: take one out");
      out.gpu_nodes.push_back(std::move(node));
    }
  }
  if (const Node* absent = root.find("absent")) {
    if (absent->kind != Node::Kind::sequence) return fail(*absent, "absent must be a list");
    for (const Node& item : absent->items) {
      LOCKSTEP_ASSIGN(std::string each, path(item, "absent"));
      if (each.size() == 1) return fail(item, "absent: the root directory is always there");
      out.absent.push_back(std::move(each));
    }
  }
  if (const Node* kernel = root.find("kernel")) LOCKSTEP_CHECK(read_kernel(*kernel, out));
  // A GPU node that stands in one of the lists is in both.
  for (const HostEntry& each : out.present)
    if (is_gpu_node(each.path) &&
        std::find(out.gpu_nodes.begin(), out.gpu_nodes.end(), each.path) == out.gpu_nodes.end())
      out.gpu_nodes.push_back(each.path);
  std::sort(out.gpu_nodes.begin(), out.gpu_nodes.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;  // 2 before 10
  });
  for (const std::string& node : out.gpu_nodes)
    if (!out.real && !out.exists(node)) out.present.push_back({node, NodeKind::character});
  return out;
}

}  // namespace

bool Host::exists(std::string_view path) const {
  const auto hidden = [&](const std::string& gone) {  // what is below a missing directory is missing with it
    return path == gone || (path.starts_with(gone) && path[gone.size()] == '/');
  };
  if (std::any_of(absent.begin(), absent.end(), hidden)) return false;
  return path == "/" || std::any_of(present.begin(), present.end(), [&](const HostEntry& entry) {
           return entry.path == path || (entry.path.starts_with(path) && entry.path[path.size()] == '/');
         });
}

std::string_view name(GpuKind gpu) {
  return gpu_names[static_cast<std::size_t>(gpu)];
}
std::string_view name(NodeKind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

namespace {

bool is_numbered(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix) || path.size() == prefix.size()) return false;
  path.remove_prefix(prefix.size());
  return std::all_of(path.begin(), path.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_gpu_node(std::string_view path) {
  return is_numbered(path, "/dev/nvidia");
}
bool is_render_node(std::string_view path) {
  return is_numbered(path, "/dev/dri/renderD");
}

Result<Host> decode_host(std::string_view text, const std::string& name) {
  LOCKSTEP_ASSIGN(const Node root, parse_document(text, name));
  return HostReader(name).read(root);
}

std::string host_to_json(const Host& host) {
  Json out;
  out["schema"] = "lockstep.host/1";
  out["gpu"] = name(host.gpu);
  if (host.numa_coherent) out["numa_coherent"] = true;
  out["gpu_nodes"] = host.gpu_nodes;
  out["present"] = host.real && host.present.empty() ? Json("real") : Json::array();
  for (const HostEntry& entry : host.present) {
    if (entry.kind == usual_kind(entry.path)) {
      out["present"].push_back(entry.path);
    } else {
      out["present"].push_back({{"path", entry.path}, {"kind", name(entry.kind)}});
      if (entry.kind == NodeKind::link) out["present"].back()["target"] = entry.target;
      if (entry.kind == NodeKind::socket && !entry.target.empty()) out["present"].back()["type"] = entry.target;
    }
  }
  out["absent"] = host.absent;
  if (host.kernel) out["kernel"] = {{"abi", host.kernel->abi}, {"errata", host.kernel->errata}};
  return out.dump(2) + "\n";
}

}  // namespace lockstep
