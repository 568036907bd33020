#include "conformance/fuzz/case.h"

#include <algorithm>
#include <array>
#include <functional>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "model/model.h"
#include "syntax/document.h"

namespace lockstep::conformance::fuzz {
namespace {

constexpr std::array<std::string_view, 17> kind_names = {"dir",  "file",    "empty",   "fifo", "chr",   "null",
                                                         "blk",  "socket",  "symlink", "link", "tmpfs", "bind",
                                                         "proc", "overlay", "hold",    "move", "remove"};

// Reads one file; holds its name so that every error can carry it.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Result<FuzzCase> read(const Node& root) const {
    FuzzCase out;
    LOCKSTEP_CHECK(check_keys(root, file_, "a fuzz case",
                              {"schema", "why", "finds", "identity", "chroot", "peer_layers", "peer_executed",
                               "reclaim", "plan_abi", "items", "layers", "operations"}));
    std::string word, identity = "root";
    LOCKSTEP_CHECK(text(root, "schema", true, word));
    if (word != fuzz_schema) return fail(root, "the schema must be " + std::string(fuzz_schema));
    LOCKSTEP_CHECK(text(root, "why", false, out.why));
    LOCKSTEP_CHECK(text(root, "identity", false, identity));
    if (identity != "root" && identity != "user") return fail(root, "identity: write root or user");
    out.identity = identity == "user" ? Identity::user : Identity::root;
    LOCKSTEP_CHECK(text(root, "chroot", false, out.chroot));
    if (const Node* peer = root.find("peer_layers")) {
      LOCKSTEP_ASSIGN(const long layers, read_integer(*peer, file_, "peer_layers", 0, 16));
      out.peer_layers = static_cast<std::size_t>(layers);
    }
    LOCKSTEP_CHECK(flag(root, "peer_executed", out.peer_executed));
    LOCKSTEP_CHECK(flag(root, "reclaim", out.reclaim));
    LOCKSTEP_CHECK(abi(root, "plan_abi", out.plan_abi));
    LOCKSTEP_CHECK(each(root, "finds", false, [&](const Node& node) -> Result<void> {
      LOCKSTEP_ASSIGN(std::string fault, read_string(node, file_, "finds"));
      out.finds.push_back(std::move(fault));
      return {};
    }));
    LOCKSTEP_CHECK(each(root, "items", true, [&](const Node& node) { return item(node, out.items); }));
    LOCKSTEP_CHECK(each(root, "layers", true, [&](const Node& node) { return layer(node, out.layers); }));
    LOCKSTEP_CHECK(each(root, "operations", true, [&](const Node& node) { return operation(node, out.operations); }));
    if (out.layers.empty() || out.operations.empty()) return fail(root, "a fuzz case needs a layer and an operation");
    const bool policy = std::any_of(out.layers.begin(), out.layers.end(),
                                    [](const LayerSpec& layer) { return layer.policy.has_value(); });
    if (policy != (out.plan_abi > 0)) return fail(root, "plan_abi is of cases with a policy, and of all of them");
    if (out.reclaim && (out.identity != Identity::root || !out.chroot.empty()))
      return fail(root, "reclaim needs the identity root, and no chroot");
    return out;
  }

 private:
  Error fail(const Node& node, std::string message) const { return input_error(file_, node.line, std::move(message)); }

  Result<void> text(const Node& node, std::string_view key, bool required, std::string& out) const {
    const Node* value = node.find(key);
    if (value == nullptr && required) return fail(node, "\"" + std::string(key) + "\" is missing");
    if (value == nullptr) return {};
    LOCKSTEP_ASSIGN(out, read_string(*value, file_, std::string(key)));
    return {};
  }

  Result<void> flag(const Node& node, std::string_view key, bool& out) const {
    const Node* value = node.find(key);
    if (value == nullptr) return {};
    LOCKSTEP_ASSIGN(out, read_bool(*value, file_, std::string(key)));
    return {};
  }

  Result<void> abi(const Node& node, std::string_view key, int& out) const {
    const Node* value = node.find(key);
    if (value == nullptr) return {};
    LOCKSTEP_ASSIGN(const long number, read_integer(*value, file_, std::string(key), oldest_abi, newest_abi));
    out = static_cast<int>(number);
    return {};
  }

  // Of a policy: the objects are looked for by name, as its author's are.
  Result<void> paths(const Node& node, std::string_view key, std::vector<std::string>& out) const {
    return each(node, key, false, [&](const Node& one) -> Result<void> {
      LOCKSTEP_ASSIGN(std::string path, read_string(one, file_, std::string(key)));
      LOCKSTEP_CHECK(named(one, path));
      out.push_back(std::move(path));
      return {};
    });
  }
  Result<void> named(const Node& node, const std::string& path) const {
    if (path.empty() || path.starts_with('@') || ("/" + path + "/").find("/../") != std::string::npos)
      return fail(node, "a policy's path: write a name, absolute or relative to the tree, without .. and holds");
    return {};
  }

  Result<void> grant(const Node& node, std::vector<RuleSpec>& out) const {
    LOCKSTEP_CHECK(check_keys(node, file_, "a grant", {"path", "rights"}));
    RuleSpec one;
    LOCKSTEP_CHECK(text(node, "path", true, one.path));
    LOCKSTEP_CHECK(named(node, one.path));
    LOCKSTEP_CHECK(rights(node, "rights", true, right_from_name, one.rights));
    if (one.rights.empty()) return fail(node, "a grant needs a right");
    out.push_back(std::move(one));
    return {};
  }

  Result<void> policy(const Node& node, LayerSpec& layer) const {
    LOCKSTEP_CHECK(check_keys(
        node, file_, "a policy",
        {"read_only", "read_write", "grants", "present", "workdir", "gpu", "proxy", "hard", "min_abi", "conflicts"}));
    PolicySpec& out = layer.policy.emplace();
    LOCKSTEP_CHECK(paths(node, "read_only", out.read_only));
    LOCKSTEP_CHECK(paths(node, "read_write", out.read_write));
    LOCKSTEP_CHECK(paths(node, "present", out.present));
    LOCKSTEP_CHECK(each(node, "grants", false, [&](const Node& one) { return grant(one, out.grants); }));
    std::string conflicts;
    LOCKSTEP_CHECK(text(node, "workdir", false, out.workdir));
    if (!out.workdir.empty()) LOCKSTEP_CHECK(named(node, out.workdir));
    LOCKSTEP_CHECK(flag(node, "gpu", out.gpu));
    LOCKSTEP_CHECK(flag(node, "proxy", out.proxy));
    LOCKSTEP_CHECK(flag(node, "hard", out.hard));
    LOCKSTEP_CHECK(abi(node, "min_abi", out.min_abi));
    LOCKSTEP_CHECK(text(node, "conflicts", false, conflicts));
    if (!conflicts.empty() && conflicts != "promote" && conflicts != "keep")
      return fail(node, "conflicts: write promote or keep");
    if (!conflicts.empty()) out.conflicts = conflicts == "keep" ? ConflictMode::keep : ConflictMode::promote;
    return {};
  }

  // A path of the tree stays in the tree.
  Result<void> path(const Node& node, std::string_view key, bool required, std::string& out,
                    bool absolute = false) const {
    LOCKSTEP_CHECK(text(node, key, required, out));
    const bool climbs = ("/" + out + "/").find("/../") != std::string::npos && key != "target";
    if (climbs || (out.starts_with('/') && !absolute))
      return fail(node, std::string(key) + ": write a path relative to the tree, without ..");
    return {};
  }

  Result<void> each(const Node& node, std::string_view key, bool required,
                    const std::function<Result<void>(const Node&)>& read_one) const {
    const Node* list = node.find(key);
    if (list == nullptr && !required) return {};
    if (list == nullptr || list->kind != Node::Kind::sequence)
      return fail(node, "\"" + std::string(key) + "\" must be a list");
    for (const Node& one : list->items) LOCKSTEP_CHECK(read_one(one));
    return {};
  }

  template <typename Set, typename FromName>
  Result<void> rights(const Node& node, std::string_view key, bool required, FromName from_name, Set& out) const {
    return each(node, key, required, [&](const Node& each_right) -> Result<void> {
      LOCKSTEP_ASSIGN(const std::string word, read_string(each_right, file_, std::string(key)));
      const auto right = from_name(word);
      if (!right) return fail(each_right, "there is no right \"" + shortened(word) + "\"");
      out |= *right;
      return {};
    });
  }

  Result<void> item(const Node& node, std::vector<Item>& out) const {
    LOCKSTEP_CHECK(check_keys(node, file_, "an item", {"kind", "path", "target", "moved_to", "mount", "mode"}));
    Item one;
    std::string kind;
    LOCKSTEP_CHECK(text(node, "kind", true, kind));
    const auto found = std::find(kind_names.begin(), kind_names.end(), kind);
    if (found == kind_names.end()) return fail(node, "there is no kind of item \"" + shortened(kind) + "\"");
    one.kind = static_cast<ItemKind>(found - kind_names.begin());
    LOCKSTEP_CHECK(path(node, "path", true, one.path));
    // Of a link it is text, and leads where it leads.
    LOCKSTEP_CHECK(path(node, "target", false, one.target, one.kind == ItemKind::symlink));
    const bool server = std::find(server_words.begin(), server_words.end(), one.target) != server_words.end();
    if (one.kind == ItemKind::socket && !one.target.empty() && !server)
      return fail(node, "a socket's target: write seqpacket, dgram, idle or gone");
    LOCKSTEP_CHECK(path(node, "moved_to", false, one.moved_to));
    LOCKSTEP_CHECK(path(node, "mount", false, one.mount));
    if (const Node* mode = node.find("mode")) {
      LOCKSTEP_ASSIGN(const long bits, read_integer(*mode, file_, "mode (decimal)", 0, 07777));
      one.mode = static_cast<unsigned>(bits);
    }
    out.push_back(std::move(one));
    return {};
  }

  Result<void> rule(const Node& node, LayerSpec& layer) const {
    LOCKSTEP_CHECK(check_keys(node, file_, "a rule", {"path", "rights", "pinned"}));
    RuleSpec one;
    LOCKSTEP_CHECK(path(node, "path", true, one.path, true));
    LOCKSTEP_CHECK(rights(node, "rights", true, right_from_name, one.rights));
    LOCKSTEP_CHECK(flag(node, "pinned", one.pinned));
    if (one.rights.empty() || !layer.handled.contains(one.rights))
      return fail(node, "a rule's rights must be some of those its layer handles");
    layer.rules.push_back(std::move(one));
    return {};
  }

  Result<void> port(const Node& node, bool required, std::uint16_t& out) const {
    const Node* value = node.find("port");
    if (value == nullptr && required) return fail(node, "\"port\" is missing");
    if (value == nullptr) return {};
    LOCKSTEP_ASSIGN(const long number, read_integer(*value, file_, "port", 0, 65535));
    out = static_cast<std::uint16_t>(number);
    return {};
  }

  Result<void> port_rule(const Node& node, Restrictions& out) const {
    LOCKSTEP_CHECK(check_keys(node, file_, "a rule on a port", {"right", "port"}));
    PortRule one;
    std::string word;
    LOCKSTEP_CHECK(text(node, "right", true, word));
    LOCKSTEP_CHECK(port(node, true, one.port));
    const auto right = net_right_from_name(word);
    if (!right || !out.net.contains(*right)) return fail(node, "a port's right must be one of those in net");
    one.right = *right;
    out.ports.push_back(one);
    return {};
  }

  Result<void> layer(const Node& node, std::vector<LayerSpec>& out) const {
    LOCKSTEP_CHECK(check_keys(node, file_, "a layer", {"handled", "rules", "policy", "net", "ports", "scopes"}));
    LayerSpec one;
    Restrictions& more = one.restrictions;
    const Node* of_library = node.find("policy");
    if (of_library != nullptr && (node.find("handled") != nullptr || node.find("rules") != nullptr))
      return fail(node, "a layer has a policy, or handled and rules");
    LOCKSTEP_CHECK(rights(node, "handled", of_library == nullptr, right_from_name, one.handled));
    LOCKSTEP_CHECK(rights(node, "net", false, net_right_from_name, more.net));
    LOCKSTEP_CHECK(rights(node, "scopes", false, scope_from_name, more.scopes));
    LOCKSTEP_CHECK(each(node, "ports", false, [&](const Node& port) { return port_rule(port, more); }));
    std::sort(more.ports.begin(), more.ports.end());
    if (of_library != nullptr) {
      LOCKSTEP_CHECK(policy(*of_library, one));
      return out.push_back(std::move(one)), Result<void>();
    }
    if (one.handled.empty() && more.net.empty() && more.scopes.empty()) more.net = NetRight::bind_tcp;
    LOCKSTEP_CHECK(each(node, "rules", true, [&](const Node& each_rule) { return rule(each_rule, one); }));
    out.push_back(std::move(one));
    return {};
  }

  Result<void> operation(const Node& node, std::vector<OperationSpec>& out) const {
    LOCKSTEP_CHECK(check_keys(node, file_, "an operation", {"op", "mode", "actor", "path", "path2", "port"}));
    OperationSpec one;
    std::string op, mode = "plain", actor = "self";
    LOCKSTEP_CHECK(text(node, "op", true, op));
    LOCKSTEP_CHECK(text(node, "mode", false, mode));
    LOCKSTEP_CHECK(text(node, "actor", false, actor));
    const auto known = operation_from_name(op);
    if (!known) return fail(node, "there is no operation \"" + shortened(op) + "\"");
    const auto known_mode = mode_from_name(mode);
    const auto known_actor = actor_from_name(actor);
    // What nobody would try must not read as a case that agrees.
    if (*known == Operation::cu_init) return fail(node, "cu-init is not one operation");
    if (!known_mode || !has_mode(*known, *known_mode) || !known_actor || *known_actor == Actor::early_thread ||
        (*known_actor == Actor::exec && *known_mode == Mode::before))
      return fail(node, "there is no such mode or actor: \"" + shortened(mode) + "\", \"" + shortened(actor) + "\"");
    one.operation = *known, one.mode = *known_mode, one.actor = *known_actor;
    const bool on_port = operand(one.operation) == Operand::port;
    LOCKSTEP_CHECK(path(node, "path", one.operation != Operation::comm_open && !on_port, one.path));
    LOCKSTEP_CHECK(port(node, on_port, one.port));
    LOCKSTEP_CHECK(path(node, "path2", takes_two_paths(one.operation), one.path2));
    out.push_back(std::move(one));
    return {};
  }

  std::string file_;
};

}  // namespace

std::string_view name(ItemKind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

int needs_abi(const FuzzCase& fuzz_case) {
  int needed = std::max(oldest_abi, fuzz_case.plan_abi);
  for (const LayerSpec& layer : fuzz_case.layers) {
    const Restrictions& more = layer.restrictions;
    while (needed < newest_abi &&
           (!abi_info(needed)->fs.contains(layer.handled) || !model::net_rights_of_abi(needed).contains(more.net) ||
            !model::scopes_of_abi(needed).contains(more.scopes)))
      ++needed;
  }
  return needed;
}

std::string one_line(const OperationSpec& operation) {
  std::string out(name(operation.operation));
  if (operation.mode != Mode::plain) out += "/" + std::string(name(operation.mode));
  if (operation.actor != Actor::self) out += " by " + std::string(name(operation.actor));
  if (operand(operation.operation) == Operand::port) return out + " " + std::to_string(operation.port);
  out += " " + operation.path;
  return operation.path2.empty() ? out : out + " " + operation.path2;
}

Result<FuzzCase> read_fuzz_case(const std::string& file) {
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(file, 1U << 20));
  LOCKSTEP_ASSIGN(const Node root, parse_document(text, file.ends_with(".json") ? file : file + ".json"));
  return Reader(file).read(root);
}

}  // namespace lockstep::conformance::fuzz
