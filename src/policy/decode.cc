// From a document to a Policy: the one strict decoder of both syntaxes.
#include <algorithm>
#include <unordered_set>

#include <lockstep/abi.h>
#include <lockstep/policy.h>
#include <lockstep/rights.h>

#include "syntax/document.h"

namespace lockstep {
namespace {

constexpr std::size_t longest_path = 4096;
constexpr std::size_t many_paths = 256;  // OpenShell's limit; hosts with a device tree of their own need more

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

class PolicyReader {
 public:
  explicit PolicyReader(const std::string& file) { out_.file = file; }
  Result<Policy> read(const Node& root);
  Result<std::vector<ConflictRule>> read_conflicts(const Node& node) const;

 private:
  Error fail(const Node& node, std::string message) const {
    return input_error(out_.file, node.line, std::move(message));
  }
  Result<std::string> text(const Node& node, const std::string& what) const {
    return read_string(node, out_.file, what);
  }
  Result<PathEntry> read_path(const Node& node, const std::string& what, bool changes) const;
  void warn_of_pattern(const PathEntry& entry);
  Result<void> read_list(const Node& node, const std::string& what, bool changes, std::vector<PathEntry>* out);
  Result<void> read_grants(const Node& node);
  Result<void> read_filesystem(const Node& node);
  Result<void> read_landlock(const Node& node);
  Result<void> read_scopes(const Node& node);
  Result<void> read_ports(const Node& node);
  Result<void> read_log(const Node& node);
  Result<void> read_process(const Node& node);
  Result<void> check_opaque(const Node& node, const std::string& what) const;

  Policy out_;
};

Result<PathEntry> PolicyReader::read_path(const Node& node, const std::string& what, bool changes) const {
  LOCKSTEP_ASSIGN(std::string written, text(node, what));
  const std::string shown = "\"" + printable(written.substr(0, 80)) + "\"";
  if (written.empty()) return fail(node, what + ": the path is empty");
  if (written.size() > longest_path) return fail(node, what + ": the path is longer than 4096 bytes");
  if (has_control_character(written)) return fail(node, what + ": " + shown + " has a control character");
  if (written[0] != '/') return fail(node, what + ": write an absolute path, not " + shown);
  for (std::size_t at = 0; at < written.size();) {
    const std::size_t end = std::min(written.find('/', at), written.size());
    if (written.compare(at, end - at, "..") == 0)
      return fail(node, what + ": " + shown + " has a .. component: write where it leads");
    at = end + 1;
  }
  PathEntry entry{normalise_path(written), std::move(written), node.line};
  if (changes && entry.path == "/")
    return fail(node, what + ": the root directory cannot be granted for writing: name the directories below it");
  return entry;
}

void PolicyReader::warn_of_pattern(const PathEntry& entry) {
  if (entry.path.find_first_of("*?[") != std::string::npos)
    out_.warnings.push_back({entry.line, printable(entry.path) + " is taken literally: Landlock knows no patterns"});
}

Result<void> PolicyReader::read_list(const Node& node, const std::string& what, bool changes,
                                     std::vector<PathEntry>* out) {
  if (node.kind == Node::Kind::null) return fail(node, what + " is empty: write [] or take the key out");
  if (node.kind != Node::Kind::sequence) return fail(node, what + " must be a list of paths");
  std::unordered_set<std::string> seen;
  for (const Node& item : node.items) {
    LOCKSTEP_ASSIGN(PathEntry entry, read_path(item, what, changes));
    if (!seen.insert(entry.path).second) {
      out_.warnings.push_back({entry.line, what + " has " + printable(entry.path) + " twice"});
      out_.repeated.push_back(std::move(entry));
      continue;
    }
    warn_of_pattern(entry);
    out->push_back(std::move(entry));
  }
  return {};
}

Result<void> PolicyReader::read_grants(const Node& node) {
  if (node.kind != Node::Kind::sequence) return fail(node, "filesystem_policy.grants must be a list");
  for (const Node& item : node.items) {
    LOCKSTEP_CHECK(check_keys(item, out_.file, "a grant", {"path", "access", "reason", "quiet"}));
    const Node* path = item.find("path");
    const Node* access = item.find("access");
    if (path == nullptr || access == nullptr) return fail(item, "a grant needs path and access");
    Grant grant;
    LOCKSTEP_ASSIGN(grant.access, read_rights(*access, out_.file, "grants.access"));
    LOCKSTEP_ASSIGN(grant.entry, read_path(*path, "grants.path", !access_read_only.contains(grant.access)));
    warn_of_pattern(grant.entry);
    if (const Node* reason = item.find("reason")) {
      LOCKSTEP_ASSIGN(grant.reason, text(*reason, "grants.reason"));
    }
    if (const Node* quiet = item.find("quiet")) {
      LOCKSTEP_ASSIGN(grant.quiet, read_bool(*quiet, out_.file, "grants.quiet"));
    }
    out_.grants.push_back(std::move(grant));
  }
  return {};
}

Result<void> PolicyReader::read_filesystem(const Node& node) {
  LOCKSTEP_CHECK(
      check_keys(node, out_.file, "filesystem_policy", {"include_workdir", "read_only", "read_write", "grants"}));
  out_.has_filesystem_policy = true;
  out_.filesystem_line = node.line;
  out_.include_workdir = false;
  if (const Node* value = node.find("include_workdir")) {
    LOCKSTEP_ASSIGN(out_.include_workdir, read_bool(*value, out_.file, "filesystem_policy.include_workdir"));
  }
  if (const Node* value = node.find("read_only"))
    LOCKSTEP_CHECK(read_list(*value, "filesystem_policy.read_only", false, &out_.read_only));
  if (const Node* value = node.find("read_write"))
    LOCKSTEP_CHECK(read_list(*value, "filesystem_policy.read_write", true, &out_.read_write));
  if (const Node* value = node.find("grants")) LOCKSTEP_CHECK(read_grants(*value));
  const std::size_t paths = out_.read_only.size() + out_.read_write.size() + out_.grants.size();
  if (paths > many_paths)
    out_.warnings.push_back({node.line, std::to_string(paths) + " paths: more than the 256 that OpenShell takes"});
  return {};
}

Result<void> PolicyReader::read_scopes(const Node& node) {
  if (node.kind != Node::Kind::sequence) return fail(node, "landlock.scopes must be a list; write [] for none");
  for (const Node& item : node.items) {
    LOCKSTEP_ASSIGN(const std::string word, text(item, "landlock.scopes"));
    const std::optional<Scope> scope = scope_from_name(word);
    if (!scope)
      return fail(item, "landlock.scopes: write abstract_unix_socket or signal, not \"" + shortened(word) + "\"");
    out_.restrictions.scopes |= *scope;
  }
  return {};
}

Result<void> PolicyReader::read_ports(const Node& node) {
  Restrictions& out = out_.restrictions;
  LOCKSTEP_CHECK(
      check_keys(node, out_.file, "landlock.ports", {"bind_tcp", "connect_tcp", "bind_udp", "connect_send_udp"}));
  for (const auto& [key, list] : node.entries) {
    const std::string what = "landlock.ports." + key;
    if (list.kind != Node::Kind::sequence)
      return fail(list, what + " must be a list of ports: [] is none, without the key it is any");
    const NetRight right = *net_right_from_name(key);
    out.net |= right;
    for (const Node& item : list.items) {
      LOCKSTEP_ASSIGN(const long port, read_integer(item, out_.file, what, 0, 65535));
      out.ports.push_back({right, static_cast<std::uint16_t>(port)});
    }
  }
  std::sort(out.ports.begin(), out.ports.end());
  out.ports.erase(std::unique(out.ports.begin(), out.ports.end()), out.ports.end());
  const auto has = [&](PortRule rule) {
    return std::find(out.ports.begin(), out.ports.end(), rule) != out.ports.end();
  };
  if (out.net.contains(NetRight::bind_udp) && !has({NetRight::bind_udp, 0}) &&
      out.ports_of(NetRight::connect_send_udp) != "none")
    out_.warnings.push_back(
        {node.line,
         "landlock.ports: bind_udp is without port 0: a UDP socket can send only after it was bound to a port listed"});
  return {};
}

Result<void> PolicyReader::read_log(const Node& node) {
  LogSettings& log = out_.restrictions.log;
  LOCKSTEP_CHECK(check_keys(node, out_.file, "landlock.log", {"same_exec", "new_exec", "subdomains"}));
  for (const auto& [key, target] : {std::pair{"same_exec", &log.same_exec}, std::pair{"new_exec", &log.new_exec},
                                    std::pair{"subdomains", &log.subdomains}}) {
    const Node* value = node.find(key);
    if (value == nullptr) continue;
    LOCKSTEP_ASSIGN(*target, read_bool(*value, out_.file, std::string("landlock.log.") + key));
  }
  return {};
}

Result<void> PolicyReader::read_landlock(const Node& node) {
  LOCKSTEP_CHECK(
      check_keys(node, out_.file, "landlock", {"compatibility", "min_abi", "scopes", "ports", "log", "threads"}));
  if (const Node* value = node.find("scopes")) LOCKSTEP_CHECK(read_scopes(*value));
  if (const Node* value = node.find("ports")) LOCKSTEP_CHECK(read_ports(*value));
  if (const Node* value = node.find("log")) LOCKSTEP_CHECK(read_log(*value));
  if (const Node* value = node.find("threads")) {
    LOCKSTEP_ASSIGN(const std::string word, text(*value, "landlock.threads"));
    if (word != "one" && word != "all")
      return fail(*value, "landlock.threads: write one or all, not \"" + shortened(word) + "\"");
    out_.restrictions.all_threads = word == "all";
  }
  if (const Node* value = node.find("compatibility")) {
    LOCKSTEP_ASSIGN(const std::string word, text(*value, "landlock.compatibility"));
    if (word == "hard_requirement") {
      out_.compatibility = Compatibility::hard_requirement;
    } else if (word != "best_effort") {
      return fail(*value,
                  "landlock.compatibility: write best_effort or hard_requirement, not \"" + shortened(word) + "\"");
    }
  }
  if (const Node* value = node.find("min_abi")) {
    LOCKSTEP_ASSIGN(const long abi, read_integer(*value, out_.file, "landlock.min_abi", oldest_abi, newest_abi));
    out_.min_abi = static_cast<int>(abi);
    out_.min_abi_line = value->line;
  }
  return {};
}

Result<void> PolicyReader::read_process(const Node& node) {
  LOCKSTEP_CHECK(check_keys(node, out_.file, "process", {"run_as_user", "run_as_group"}));
  if (const Node* user = node.find("run_as_user")) out_.run_as_user_line = user->line;
  for (const auto& [key, target] :
       {std::pair{"run_as_user", &out_.run_as_user}, std::pair{"run_as_group", &out_.run_as_group}}) {
    const Node* value = node.find(key);
    if (value == nullptr) continue;
    LOCKSTEP_ASSIGN(*target, text(*value, std::string("process.") + key));
    if (target->empty() || has_control_character(*target))
      return fail(*value, std::string("process.") + key + ": write a name or a number");
  }
  return {};
}

Result<void> PolicyReader::check_opaque(const Node& node, const std::string& what) const {
  if (node.kind != Node::Kind::mapping) return fail(node, what + " must be a mapping; write {} for none");
  return {};
}

Result<std::vector<ConflictRule>> PolicyReader::read_conflicts(const Node& node) const {
  if (node.kind != Node::Kind::sequence) return fail(node, "runtime_baseline_conflicts must be a list");
  std::vector<ConflictRule> out;
  for (const Node& item : node.items) {
    LOCKSTEP_CHECK(check_keys(item, out_.file, "a conflict rule", {"paths", "sources", "mode"}));
    ConflictRule rule;
    rule.file = out_.file;
    rule.line = item.line;
    const Node* paths = item.find("paths");
    const Node* mode = item.find("mode");
    if (paths == nullptr || mode == nullptr) return fail(item, "a conflict rule needs paths and mode");
    if (paths->kind != Node::Kind::sequence || paths->items.empty())
      return fail(*paths, "paths must be a list of paths or patterns");
    for (const Node& path : paths->items) {
      LOCKSTEP_ASSIGN(PathEntry entry, read_path(path, "paths", false));
      rule.paths.push_back(std::move(entry.path));
    }
    LOCKSTEP_ASSIGN(const std::string word, text(*mode, "mode"));
    const std::optional<ConflictMode> known = word == "promote"  ? std::optional(ConflictMode::promote)
                                              : word == "keep"   ? std::optional(ConflictMode::keep)
                                              : word == "reject" ? std::optional(ConflictMode::reject)
                                                                 : std::nullopt;
    if (!known) return fail(*mode, "mode: write promote, keep or reject, not \"" + shortened(word) + "\"");
    rule.mode = *known;
    if (const Node* sources = item.find("sources")) {
      if (sources->kind != Node::Kind::sequence || sources->items.empty())
        return fail(*sources, "sources must be a list; leave it out for any");
      for (const Node& source : sources->items) {
        LOCKSTEP_ASSIGN(const std::string name, text(source, "sources"));
        const std::optional<Source> value = source_from_name(name);
        if (!value)
          return fail(source, "sources: write default, gateway, image or user, not \"" + shortened(name) + "\"");
        rule.sources.push_back(*value);
      }
    }
    out.push_back(std::move(rule));
  }
  return out;
}

Result<Policy> PolicyReader::read(const Node& root) {
  LOCKSTEP_CHECK(check_root(root, out_.file, "a policy", "it begins with version: 1",
                            {"version", "filesystem_policy", "landlock", "process", "network_policies",
                             "network_middlewares", "runtime_baseline_conflicts"}));
  const Node* version = root.find("version");
  if (version == nullptr) return fail(root, "version is missing: write version: 1");
  LOCKSTEP_CHECK([&]() -> Result<void> {
    LOCKSTEP_ASSIGN([[maybe_unused]] const long number, read_integer(*version, out_.file, "version", 1, 1));
    return {};
  }());
  if (const Node* node = root.find("filesystem_policy")) LOCKSTEP_CHECK(read_filesystem(*node));
  if (const Node* node = root.find("landlock")) LOCKSTEP_CHECK(read_landlock(*node));
  if (const Node* node = root.find("process")) LOCKSTEP_CHECK(read_process(*node));
  if (const Node* node = root.find("network_policies")) {
    LOCKSTEP_CHECK(check_opaque(*node, "network_policies"));
    out_.has_network_policies = !node->entries.empty();
  }
  if (const Node* node = root.find("network_middlewares")) LOCKSTEP_CHECK(check_opaque(*node, "network_middlewares"));
  for (const char* key : {"network_policies", "network_middlewares"})
    if (const Node* node = root.find(key); node != nullptr && !node->entries.empty()) {
      out_.network += std::string(key) + ": " + canonical_text(*node) + "\n";
      out_.network_summary += (out_.network_summary.empty() ? "" : "; ") + std::string(key) + ": " +
                              std::to_string(node->entries.size()) + ", not shown";
    }
  if (const Node* node = root.find("runtime_baseline_conflicts")) {
    LOCKSTEP_ASSIGN(out_.conflicts, read_conflicts(*node));
  }
  return std::move(out_);
}

}  // namespace

Result<Policy> decode_policy(std::string_view text, const std::string& name) {
  if (text.size() > policy_size_limit)
    return input_error(name, 0, "is larger than " + std::to_string(policy_size_limit >> 10) + " KiB");
  LOCKSTEP_ASSIGN(const Node root, parse_document(text, name));
  return PolicyReader(name).read(root);
}

Result<std::vector<ConflictRule>> decode_conflicts(std::string_view text, const std::string& name) {
  LOCKSTEP_ASSIGN(const Node root, parse_document(text, name));
  LOCKSTEP_CHECK(check_root(root, name, "an administrator's file", "it has runtime_baseline_conflicts alone",
                            {"runtime_baseline_conflicts"}));
  const Node* node = root.find("runtime_baseline_conflicts");
  if (node == nullptr) return input_error(name, root.line, "runtime_baseline_conflicts is missing");
  return PolicyReader(name).read_conflicts(*node);
}

}  // namespace lockstep
