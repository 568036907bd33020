// Reads what `lockstep show --format json` wrote.
#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "diff/diff.h"
#include "syntax/document.h"

namespace lockstep::diff {
namespace {

constexpr std::size_t file_limit = 16U << 20;
constexpr std::size_t most_nodes = 8 * Node::max_nodes;  // each rule stands there three times, with each of its rights

class SnapshotReader {
 public:
  explicit SnapshotReader(const std::string& file) : file_(file) { out_.file = file; }
  Result<EffectivePolicy> read(const Node& root);

 private:
  Result<const Node*> need(const Node& node, const char* key) const {
    if (node.kind != Node::Kind::mapping)
      return input_error(file_, node.line, std::string("an object with ") + key + " is needed here");
    const Node* found = node.find(key);
    if (found == nullptr)
      return input_error(file_, node.line,
                         std::string("there is no ") + key + ": write the file by lockstep show --format json");
    return found;
  }
  Result<std::string> text(const Node& node, const char* key) const {
    LOCKSTEP_ASSIGN(const Node* found, need(node, key));
    return read_string(*found, file_, key);
  }
  Result<bool> boolean(const Node& node, const char* key) const {
    LOCKSTEP_ASSIGN(const Node* found, need(node, key));
    return read_bool(*found, file_, key);
  }
  Result<const Node*> list(const Node& node, const char* key) const {
    LOCKSTEP_ASSIGN(const Node* found, need(node, key));
    if (found->kind != Node::Kind::sequence)
      return input_error(file_, found->line, std::string(key) + " must be a list");
    return found;
  }
  Result<EffectiveRule> rule(const Node& node) const;
  Result<void> restrictions(const Node& effective);

  const std::string& file_;
  EffectivePolicy out_;
};

Result<EffectiveRule> SnapshotReader::rule(const Node& node) const {
  LOCKSTEP_CHECK(
      check_keys(node, file_, "a rule",
                 {"path", "access", "rights", "quiet", "origin", "reason", "promoted_from", "line", "spec"}));
  EffectiveRule out;
  LOCKSTEP_ASSIGN(const Node* path, need(node, "path"));
  LOCKSTEP_ASSIGN(out.path, read_path(*path, file_, "path"));
  if (out.path != path->scalar)
    return input_error(file_, path->line, "the path of a rule must be as show writes it: " + printable(out.path));
  LOCKSTEP_ASSIGN(const std::string access, text(node, "access"));
  if (access == "grant") {
    out.access = Access::grant;
    LOCKSTEP_ASSIGN(const Node* rights, need(node, "rights"));
    LOCKSTEP_ASSIGN(out.granted, read_rights(*rights, file_, "rights"));
  } else if (access == "read_only" || access == "read_write") {
    out.access = access == "read_only" ? Access::read_only : Access::read_write;
  } else {
    return input_error(file_, node.line, "access: write read_only, read_write or grant, not " + shortened(access));
  }
  LOCKSTEP_ASSIGN(const std::string origin, text(node, "origin"));
  const std::optional<Origin> known = origin_from_name(origin);
  if (!known) return input_error(file_, node.line, "origin: no origin is called " + shortened(origin));
  out.origin = *known;
  LOCKSTEP_ASSIGN(const Node* line, need(node, "line"));
  if (line->kind != Node::Kind::null) {
    LOCKSTEP_ASSIGN(const long number, read_integer(*line, file_, "line", 1, 1 << 30));
    out.line = static_cast<int>(number);
  }
  if (const Node* quiet = node.find("quiet")) {
    LOCKSTEP_ASSIGN(out.quiet, read_bool(*quiet, file_, "quiet"));
  }
  return out;
}

Result<void> SnapshotReader::restrictions(const Node& effective) {
  Restrictions& out = out_.restrictions;
  LOCKSTEP_ASSIGN(const Node* scopes, list(effective, "scopes"));
  for (const Node& item : scopes->items) {
    LOCKSTEP_ASSIGN(const std::string word, read_string(item, file_, "scopes"));
    const std::optional<Scope> scope = scope_from_name(word);
    if (!scope) return input_error(file_, item.line, "scopes: no scope is called " + shortened(word));
    out.scopes |= *scope;
  }
  LOCKSTEP_ASSIGN(const Node* ports, need(effective, "ports"));
  std::vector<std::string_view> rights;
  rights.reserve(net_right_count);
  for (int bit = 0; bit < net_right_count; ++bit) rights.push_back(name(static_cast<NetRight>(bit)));
  LOCKSTEP_CHECK(check_keys(*ports, file_, "ports", rights));
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    LOCKSTEP_ASSIGN(const Node* some, need(*ports, std::string(name(right)).c_str()));
    if (some->kind == Node::Kind::null) continue;  // not restricted
    if (some->kind != Node::Kind::sequence)
      return input_error(file_, some->line, "ports: write a list, or null for any port");
    out.net |= right;
    for (const Node& item : some->items) {
      LOCKSTEP_ASSIGN(const long port, read_integer(item, file_, "ports", 0, 65535));
      out.ports.push_back({right, static_cast<std::uint16_t>(port)});
    }
  }
  LOCKSTEP_ASSIGN(const Node* log, need(effective, "log"));
  LOCKSTEP_CHECK(check_keys(*log, file_, "log", {"same_exec", "new_exec", "subdomains"}));
  LOCKSTEP_ASSIGN(out.log.same_exec, boolean(*log, "same_exec"));
  LOCKSTEP_ASSIGN(out.log.new_exec, boolean(*log, "new_exec"));
  LOCKSTEP_ASSIGN(out.log.subdomains, boolean(*log, "subdomains"));
  LOCKSTEP_ASSIGN(const std::string threads, text(effective, "threads"));
  if (threads != "one" && threads != "all") return input_error(file_, effective.line, "threads: write one or all");
  out.all_threads = threads == "all";
  return {};
}

Result<EffectivePolicy> SnapshotReader::read(const Node& root) {
  if (root.find("schema") == nullptr || root.find("schema")->scalar != "lockstep.show/1")
    LOCKSTEP_CHECK(check_root(root, file_, "a snapshot", "lockstep show --format json writes one", {"schema"}));
  LOCKSTEP_ASSIGN(const std::string schema, text(root, "schema"));
  if (schema != "lockstep.show/1")
    return input_error(file_, root.line, "schema: lockstep.show/1 is needed, not " + shortened(schema));
  // What is not known here may restrict or allow: a snapshot of a later version is not half read.
  LOCKSTEP_CHECK(check_keys(root, file_, "a snapshot", {"schema", "policy", "source", "effective", "plan"}));
  LOCKSTEP_ASSIGN(const Node* effective, need(root, "effective"));
  LOCKSTEP_CHECK(check_keys(
      *effective, file_, "effective",
      {"compatibility", "min_abi", "scopes", "ports", "log", "threads", "include_workdir", "run_as_user",
       "run_as_group", "network", "read_only", "read_write", "grants", "rules", "skipped", "notices", "warnings"}));
  LOCKSTEP_ASSIGN(const std::string compatibility, text(*effective, "compatibility"));
  if (compatibility != "best_effort" && compatibility != "hard_requirement")
    return input_error(file_, effective->line, "compatibility: write best_effort or hard_requirement");
  out_.compatibility = compatibility == "best_effort" ? Compatibility::best_effort : Compatibility::hard_requirement;
  LOCKSTEP_ASSIGN(const Node* min_abi, need(*effective, "min_abi"));
  LOCKSTEP_ASSIGN(const long abi, read_integer(*min_abi, file_, "min_abi", oldest_abi, newest_abi));
  out_.min_abi = static_cast<int>(abi);
  LOCKSTEP_CHECK(restrictions(*effective));
  LOCKSTEP_ASSIGN(out_.include_workdir, boolean(*effective, "include_workdir"));
  LOCKSTEP_ASSIGN(out_.run_as_user, text(*effective, "run_as_user"));
  LOCKSTEP_ASSIGN(out_.run_as_group, text(*effective, "run_as_group"));
  LOCKSTEP_ASSIGN(out_.network, text(*effective, "network"));
  LOCKSTEP_ASSIGN(const Node* rules, list(*effective, "rules"));
  for (const Node& node : rules->items) {
    LOCKSTEP_ASSIGN(EffectiveRule each, rule(node));
    out_.rules.push_back(std::move(each));
  }
  return std::move(out_);
}

}  // namespace

Result<EffectivePolicy> load_snapshot(const std::string& file) {
  LOCKSTEP_ASSIGN(const std::string content, read_input_file(file, file_limit));
  // A snapshot is JSON, whatever it is called.
  Result<Node> root = parse_document(content, file + ".json", most_nodes);
  if (!root.ok()) {
    root.error().file = file;
    return std::move(root).error();
  }
  return SnapshotReader(file).read(*root);
}

}  // namespace lockstep::diff
