#include "conformance/judge/case.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include <lockstep/abi.h>

#include "host/context_flags.h"
#include "syntax/document.h"

namespace lockstep::conformance::judge {
namespace {

constexpr std::size_t case_size_limit = 4U << 20;
constexpr std::size_t most_stacked = 15;  // a kernel takes 16 layers

std::optional<Toggle> toggle_from_name(std::string_view name) {
  if (name == "auto") return Toggle::automatic;
  return name == "on" ? std::optional(Toggle::on) : name == "off" ? std::optional(Toggle::off) : std::nullopt;
}

// Reads one case file. Holds the file's name so that every error can carry it.
class CaseReader {
 public:
  CaseReader(std::string file, std::string fixtures) : file_(std::move(file)), fixtures_(std::move(fixtures)) {}

  Result<Case> read();

 private:
  Error fail(const Node& node, std::string message) const { return input_error(file_, node.line, std::move(message)); }
  Result<std::string> text(const Node& node, const std::string& what) const { return read_string(node, file_, what); }
  template <typename FromName, typename T>
  Result<void> choice(const Node& node, const char* key, FromName from_name, const char* words, T& out) const;
  Result<AbiSet> abis(const Node& node, const std::string& what) const;
  Result<std::vector<std::string>> strings(const Node& node, const std::string& what) const;
  Result<void> read_context(const Node& root, Case& out) const;
  Result<void> read_stacked(const Node& node, Case& out) const;
  Result<void> read_claims(const Node& root, Case& out) const;
  Result<void> read_readiness(const Node& node, Case& out) const;
  Result<void> check_first_matches(const Case& out) const;
  Result<Expectation> read_expectation(const Node& node) const;
  Result<void> read_operands(const Node& node, const std::string& word, wire::CellRequest* cell) const;
  Result<void> read_path(const Node& node, const char* key, std::string& out) const;

  std::string file_;
  std::string fixtures_;
};

// Leaves `out` as it is where the key is not there.
template <typename FromName, typename T>
Result<void> CaseReader::choice(const Node& node, const char* key, FromName from_name, const char* words,
                                T& out) const {
  const Node* value = node.find(key);
  if (value == nullptr) return {};
  LOCKSTEP_ASSIGN(const std::string word, text(*value, key));
  const auto found = from_name(word);
  if (!found) return fail(*value, std::string(key) + ": write " + words + ", not \"" + printable(word) + "\"");
  out = *found;
  return {};
}

Result<AbiSet> CaseReader::abis(const Node& node, const std::string& what) const {
  std::string joined;
  if (node.kind == Node::Kind::sequence) {
    for (const Node& item : node.items) {
      LOCKSTEP_ASSIGN(const std::string part, text(item, what));
      joined += (joined.empty() ? "" : ",") + part;
    }
  } else {
    LOCKSTEP_ASSIGN(joined, text(node, what));
  }
  const std::optional<AbiSet> set = AbiSet::parse(joined);
  if (!set)
    return fail(node,
                what + ": write ABIs as \"1-7\", \"3-\", \"5\" or \"1,3,5-7\", not \"" + printable(joined) + "\"");
  return *set;
}

Result<std::vector<std::string>> CaseReader::strings(const Node& node, const std::string& what) const {
  if (node.kind != Node::Kind::sequence) return fail(node, what + " must be a list");
  std::vector<std::string> out;
  for (const Node& item : node.items) {
    LOCKSTEP_ASSIGN(std::string value, text(item, what));
    out.push_back(std::move(value));
  }
  return out;
}

Result<void> CaseReader::read_context(const Node& root, Case& out) const {
  const Node *policy = root.find("policy"), *host = root.find("host");
  if (policy == nullptr || host == nullptr) return fail(root, "a case needs \"policy\" and \"host\"");
  LOCKSTEP_ASSIGN(const std::string policy_path, text(*policy, "policy"));
  LOCKSTEP_ASSIGN(out.policy, load_policy(fixtures_ + "/" + policy_path));
  LOCKSTEP_ASSIGN(const std::string host_path, text(*host, "host"));
  ContextFlags flags;
  flags.host = fixtures_ + "/" + host_path;
  LOCKSTEP_CHECK(choice(root, "source", source_from_name, "default, gateway, image or user", flags.source));
  LOCKSTEP_CHECK(choice(root, "gpu", toggle_from_name, "auto, on or off", flags.gpu));
  LOCKSTEP_CHECK(choice(root, "proxy", toggle_from_name, "auto, on or off", flags.proxy));
  if (const Node* node = root.find("workdir")) {
    LOCKSTEP_ASSIGN(flags.workdir, text(*node, "workdir"));
  }
  if (const Node* node = root.find("administrator_conflicts")) {
    LOCKSTEP_ASSIGN(const std::string path, text(*node, "administrator_conflicts"));
    flags.conflicts = fixtures_ + "/" + path;
  }
  if (const Node* node = root.find("cdi")) {
    LOCKSTEP_ASSIGN(const std::string path, text(*node, "cdi"));
    flags.cdi.push_back(fixtures_ + "/" + path);
  }
  if (const Node* node = root.find("gpu_devices")) {
    LOCKSTEP_ASSIGN(flags.gpu_devices, text(*node, "gpu_devices"));
  }
  LOCKSTEP_ASSIGN(out.context, make_context(flags));
  if (const Node* node = root.find("stacked")) LOCKSTEP_CHECK(read_stacked(*node, out));
  if (const Node* node = root.find("plan_abis")) {
    LOCKSTEP_ASSIGN(out.plan_abis, abis(*node, "plan_abis"));
  }
  if (const Node* node = root.find("identities")) {
    LOCKSTEP_ASSIGN(const std::vector<std::string> words, strings(*node, "identities"));
    for (const std::string& word : words) {
      const std::optional<wire::IdentityKind> identity = wire::identity_from_name(word);
      if (!identity)
        return fail(*node, "identities: write user, container-root, root or self, not \"" + printable(word) + "\"");
      if (std::count(out.identities.begin(), out.identities.end(), *identity) > 0)
        return fail(*node, "identities: " + word + " stands here twice");
      out.identities.push_back(*identity);
    }
    if (out.identities.empty()) return fail(*node, "identities: name one, or leave the key out");
  } else {
    out.identities = {wire::IdentityKind::user};
  }
  return {};
}

Result<void> CaseReader::read_stacked(const Node& node, Case& out) const {
  LOCKSTEP_ASSIGN(const std::vector<std::string> files, strings(node, "stacked"));
  if (out.context.host.real || files.empty() || files.size() > most_stacked)
    return fail(node, "stacked: from 1 to " + std::to_string(most_stacked) + " policies, on a simulated host");
  for (const std::string& file : files) {
    LOCKSTEP_ASSIGN(out.stacked.emplace_back(), load_policy(fixtures_ + "/" + file));
  }
  return {};
}

Result<void> CaseReader::read_readiness(const Node& node, Case& out) const {
  const auto one = [&](const Node& value, AbiSet set) -> Result<void> {
    LOCKSTEP_ASSIGN(const std::string word, text(value, "readiness"));
    const std::optional<gpu::Readiness> is = gpu::readiness_from_name(word);
    if (!is) return fail(value, "readiness: write ready, degraded, blocked or blocked-elsewhere");
    out.readiness.push_back({set, *is});
    return {};
  };
  if (node.kind != Node::Kind::sequence) return one(node, AbiSet::all());
  for (const Node& item : node.items) {
    LOCKSTEP_CHECK(check_keys(item, file_, "readiness", {"abi", "is"}));
    const Node *range = item.find("abi"), *is = item.find("is");
    if (range == nullptr || is == nullptr) return fail(item, "readiness: each entry needs \"abi\" and \"is\"");
    LOCKSTEP_ASSIGN(const AbiSet set, abis(*range, "readiness.abi"));
    LOCKSTEP_CHECK(one(*is, set));
  }
  return {};
}

Result<void> CaseReader::read_path(const Node& node, const char* key, std::string& out) const {
  const Node* value = node.find(key);
  if (value == nullptr) return fail(node, std::string("this operation needs \"") + key + "\"");
  LOCKSTEP_ASSIGN(out, text(*value, key));
  if (!out.starts_with('/') && out != "$scratch" && !out.starts_with("$scratch/"))
    return fail(*value, std::string(key) + ": write an absolute path, or one that starts with $scratch/");
  if ((out + "/").find("/../") != std::string::npos)
    return fail(*value, std::string(key) + ": write it without a .. component");
  return {};
}

Result<void> CaseReader::read_operands(const Node& node, const std::string& word, wire::CellRequest* cell) const {
  const Operand takes = operand(cell->operation);
  const bool paths = takes == Operand::path || takes == Operand::two_paths;
  if (!paths && (node.find("path") != nullptr || node.find("path2") != nullptr))
    return fail(node, word + " takes no path" + (cell->operation == Operation::comm_open ? ", but a target" : ""));
  if (takes == Operand::path && node.find("path2") != nullptr) return fail(node, word + " takes no path2");
  if (takes != Operand::port && node.find("port") != nullptr) return fail(node, word + " takes no port");
  if (takes == Operand::port) {
    const Node* port = node.find("port");
    if (port == nullptr) return fail(node, "this operation needs \"port\"");
    LOCKSTEP_ASSIGN(const long number, read_integer(*port, file_, "port", 0, 65535));
    cell->port = static_cast<std::uint16_t>(number);
  }
  if (paths) {
    LOCKSTEP_CHECK(read_path(node, "path", cell->path));
    if (takes == Operand::two_paths) LOCKSTEP_CHECK(read_path(node, "path2", cell->path2));
  }
  set_implied_path(cell);
  return {};
}

Result<Expectation> CaseReader::read_expectation(const Node& node) const {
  LOCKSTEP_CHECK(check_keys(
      node, file_, "expect",
      {"op", "mode", "actor", "target", "path", "path2", "port", "server", "identity", "abi", "result", "why"}));
  Expectation out;
  out.line = node.line;
  const Node *op = node.find("op"), *result = node.find("result");
  if (op == nullptr || result == nullptr) return fail(node, "an expectation needs \"op\" and \"result\"");
  LOCKSTEP_ASSIGN(const std::string op_word, text(*op, "op"));
  const std::optional<Operation> operation = operation_from_name(op_word);
  if (!operation) return fail(*op, "op: no operation is called \"" + printable(op_word) + "\"");
  if (*operation == Operation::cu_init)
    return fail(*op, "op: cu-init runs on real hosts by itself and takes no expectation");
  out.cell.operation = *operation;
  const bool comm = *operation == Operation::comm_open;
  out.cell.mode = comm ? Mode::rdwr : Mode::plain;
  out.cell.target = comm ? Target::other_thread : Target::own;

  LOCKSTEP_ASSIGN(const std::string result_word, text(*result, "result"));
  const std::optional<int> err = errno_from_name(result_word);
  if (!err)
    return fail(*result, "result: write allow or an errno such as EACCES, not \"" + printable(result_word) + "\"");
  out.err = *err;

  if (const Node* value = node.find("mode")) {
    LOCKSTEP_ASSIGN(const std::string word, text(*value, "mode"));
    const std::optional<Mode> mode = mode_from_name(word);
    if (!mode || !has_mode(*operation, *mode))
      return fail(*value, "mode: \"" + printable(word) + "\" is no mode of " + op_word);
    out.cell.mode = *mode;
  }
  LOCKSTEP_CHECK(
      choice(node, "actor", actor_from_name, "self, thread, child, grandchild, exec or early-thread", out.cell.actor));
  if (const Node* value = node.find("target")) {
    LOCKSTEP_ASSIGN(const std::string word, text(*value, "target"));
    const std::optional<Target> target = target_from_name(word);
    if (!target || !comm)
      return fail(*value, "target: own, other-thread, numeric or other-process, of comm-open alone");
    out.cell.target = *target;
  }
  LOCKSTEP_CHECK(
      choice(node, "identity", wire::identity_from_name, "user, container-root, root or self", out.identity));
  if (const Node* value = node.find("abi")) {
    LOCKSTEP_ASSIGN(out.abis, abis(*value, "expect.abi"));
  }
  if (const Node* value = node.find("server")) {
    if (*operation != Operation::connect_unix || out.cell.mode == Mode::own_server)
      return fail(*value, "server: of connect-unix to a server that is there");
    LOCKSTEP_CHECK(
        choice(node, "server", wire::socket_type_from_name, "stream, seqpacket or dgram", out.server.emplace()));
  }
  LOCKSTEP_CHECK(read_operands(node, op_word, &out.cell));
  return out;
}

Result<void> CaseReader::read_claims(const Node& root, Case& out) const {
  if (const Node* node = root.find("expect_effective")) {
    LOCKSTEP_CHECK(check_keys(*node, file_, "expect_effective", {"read_only", "read_write"}));
    if (const Node* list = node->find("read_only")) {
      LOCKSTEP_ASSIGN(out.read_only, strings(*list, "expect_effective.read_only"));
    }
    if (const Node* list = node->find("read_write")) {
      LOCKSTEP_ASSIGN(out.read_write, strings(*list, "expect_effective.read_write"));
    }
  }
  if (const Node* node = root.find("expect_notices")) {
    LOCKSTEP_ASSIGN(out.notices, strings(*node, "expect_notices"));
  }
  if (const Node* node = root.find("expect_error")) {
    LOCKSTEP_ASSIGN(out.error, text(*node, "expect_error"));
  }
  if (const Node* node = root.find("expect_refusal")) {
    LOCKSTEP_ASSIGN(out.refusal, text(*node, "expect_refusal"));
  }
  for (const char* key : {"readiness", "expect"})
    if (const Node* node = root.find(key); node != nullptr && (out.error || out.refusal))
      return fail(*node, std::string(key) + " beside " + (out.error ? "expect_error" : "expect_refusal") +
                             ": a policy that is refused has no cell");
  if (const Node* node = root.find("readiness")) LOCKSTEP_CHECK(read_readiness(*node, out));
  if (const Node* node = root.find("expect")) {
    if (node->kind != Node::Kind::sequence) return fail(*node, "expect must be a list");
    for (const Node& item : node->items) {
      LOCKSTEP_ASSIGN(Expectation expectation, read_expectation(item));
      out.expectations.push_back(std::move(expectation));
    }
  }
  // An expectation outside the case's own ABIs and identities could never match a cell: it would claim nothing.
  for (const Expectation& each : out.expectations) {
    const bool identity_runs =
        !each.identity || std::count(out.identities.begin(), out.identities.end(), *each.identity) > 0;
    if ((each.abis & out.plan_abis).empty() || !identity_runs)
      return input_error(file_, each.line,
                         "this expectation matches no cell: the case has no such plan ABI or identity");
  }
  return check_first_matches(out);
}

// The first match wins: an expectation whose every cell an earlier one has taken claims nothing.
Result<void> CaseReader::check_first_matches(const Case& out) const {
  std::map<std::string, std::vector<const Expectation*>> earlier;
  for (const Expectation& each : out.expectations) {
    std::vector<const Expectation*>& same = earlier[cell_name(each.cell)];
    bool matches = false;
    for (const wire::IdentityKind identity : out.identities) {
      if (each.identity && *each.identity != identity) continue;
      for (int abi = oldest_abi; abi <= newest_abi; ++abi)
        matches = matches || ((each.abis & out.plan_abis).contains(abi) &&
                              std::none_of(same.begin(), same.end(), [&](const Expectation* other) {
                                return other->abis.contains(abi) && (!other->identity || *other->identity == identity);
                              }));
    }
    if (!matches) return input_error(file_, each.line, "this expectation matches no cell: an earlier one has them all");
    same.push_back(&each);
  }
  return {};
}

Result<Case> CaseReader::read() {
  LOCKSTEP_ASSIGN(const std::string content, read_input_file(file_, case_size_limit));
  LOCKSTEP_ASSIGN(const Node root, parse_document(content, file_));
  LOCKSTEP_CHECK(check_root(root, file_, "a case", "",
                            {"schema",
                             "name",
                             "why",
                             "policy",
                             "host",
                             "source",
                             "gpu",
                             "proxy",
                             "workdir",
                             "administrator_conflicts",
                             "stacked",
                             "cdi",
                             "gpu_devices",
                             "identities",
                             "plan_abis",
                             "expect_effective",
                             "expect_notices",
                             "expect_error",
                             "expect_refusal",
                             "readiness",
                             "expect"}));
  const Node* schema = root.find("schema");
  if (schema == nullptr || schema->scalar != "lockstep.case/1")
    return fail(root, "a case starts with \"schema\": \"lockstep.case/1\"");
  Case out;
  out.file = file_;
  const Node *name = root.find("name"), *why = root.find("why");
  if (name == nullptr || why == nullptr) return fail(root, "a case needs \"name\" and \"why\"");
  LOCKSTEP_ASSIGN(out.name, text(*name, "name"));
  LOCKSTEP_ASSIGN(out.why, text(*why, "why"));
  if (!file_.ends_with("/" + out.name + ".json")) return fail(*name, "name must be the file's name without .json");
  // Rows are tests, and a hyphen becomes an underscore there: names that differ must still differ then.
  if (out.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    return fail(*name, "name: write small letters, digits and hyphens");
  LOCKSTEP_CHECK(read_context(root, out));
  LOCKSTEP_CHECK(read_claims(root, out));
  return out;
}

}  // namespace

Result<Case> load_case(const std::string& file, const std::string& fixtures) {
  return CaseReader(file, fixtures).read();
}

Result<std::vector<Case>> load_cases(const std::string& fixtures) {
  const std::string folder = fixtures + "/cases";
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr)
    return input_error(folder, 0,
                       "cannot be read (" + errno_name(errno) + "): --fixtures takes the directory that holds cases/");
  std::vector<std::string> files;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view file = entry->d_name;
    if (file.ends_with(".json") && !file.starts_with('.')) files.push_back(folder + "/" + std::string(file));
  }
  ::closedir(directory);
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const std::string& file : files) {
    LOCKSTEP_ASSIGN(Case each, load_case(file, fixtures));
    cases.push_back(std::move(each));
  }
  if (cases.empty()) return input_error(folder, 0, "holds no case (*.json)");
  return cases;
}

}  // namespace lockstep::conformance::judge
