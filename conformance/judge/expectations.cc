#include "conformance/judge/expectations.h"

#include <algorithm>
#include <map>

#include <lockstep/abi.h>

namespace lockstep::conformance::judge {
namespace {

// Reads one entry of `expect`.
class ExpectationReader {
 public:
  explicit ExpectationReader(const CaseFields& fields) : fields_(fields) {}

  Result<Expectation> read(const Node& node) const;

 private:
  Error fail(const Node& node, std::string message) const { return fields_.fail(node, std::move(message)); }
  Result<std::string> text(const Node& node, const std::string& what) const { return fields_.text(node, what); }
  Result<void> read_operands(const Node& node, const std::string& word, wire::CellRequest* cell) const;
  Result<void> read_path(const Node& node, const char* key, std::string& out) const;

  const CaseFields& fields_;
};

Result<void> ExpectationReader::read_path(const Node& node, const char* key, std::string& out) const {
  const Node* value = node.find(key);
  if (value == nullptr) return fail(node, std::string("this operation needs \"") + key + "\"");
  LOCKSTEP_ASSIGN(out, text(*value, key));
  if (!out.starts_with('/') && out != "$scratch" && !out.starts_with("$scratch/"))
    return fail(*value, std::string(key) + ": write an absolute path, or one that starts with $scratch/");
  if ((out + "/").find("/../") != std::string::npos)
    return fail(*value, std::string(key) + ": write it without a .. component");
  return {};
}

Result<void> ExpectationReader::read_operands(const Node& node, const std::string& word,
                                              wire::CellRequest* cell) const {
  const Operand takes = operand(cell->operation);
  const bool paths = takes == Operand::path || takes == Operand::two_paths;
  if (!paths && (node.find("path") != nullptr || node.find("path2") != nullptr))
    return fail(node, word + " takes no path" + (cell->operation == Operation::comm_open ? ", but a target" : ""));
  if (takes == Operand::path && node.find("path2") != nullptr) return fail(node, word + " takes no path2");
  if (takes != Operand::port && node.find("port") != nullptr) return fail(node, word + " takes no port");
  if (takes == Operand::port) {
    const Node* port = node.find("port");
    if (port == nullptr) return fail(node, "this operation needs \"port\"");
    LOCKSTEP_ASSIGN(const long number, read_integer(*port, fields_.file(), "port", 0, 65535));
    cell->port = static_cast<std::uint16_t>(number);
  }
  if (paths) {
    LOCKSTEP_CHECK(read_path(node, "path", cell->path));
    if (takes == Operand::two_paths) LOCKSTEP_CHECK(read_path(node, "path2", cell->path2));
  }
  set_implied_path(cell);
  return {};
}

Result<Expectation> ExpectationReader::read(const Node& node) const {
  LOCKSTEP_CHECK(check_keys(
      node, fields_.file(), "expect",
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
  LOCKSTEP_CHECK(fields_.choice(node, "actor", actor_from_name, "self, thread, child, grandchild, exec or early-thread",
                                out.cell.actor));
  if (const Node* value = node.find("target")) {
    LOCKSTEP_ASSIGN(const std::string word, text(*value, "target"));
    const std::optional<Target> target = target_from_name(word);
    if (!target || !comm)
      return fail(*value, "target: own, other-thread, numeric or other-process, of comm-open alone");
    out.cell.target = *target;
  }
  LOCKSTEP_CHECK(
      fields_.choice(node, "identity", wire::identity_from_name, "user, container-root, root or self", out.identity));
  if (const Node* value = node.find("abi")) {
    LOCKSTEP_ASSIGN(out.abis, fields_.abis(*value, "expect.abi"));
  }
  if (const Node* value = node.find("server")) {
    if (*operation != Operation::connect_unix || out.cell.mode == Mode::own_server)
      return fail(*value, "server: of connect-unix to a server that is there");
    LOCKSTEP_CHECK(fields_.choice(node, "server", wire::socket_type_from_name, "stream, seqpacket or dgram",
                                  out.server.emplace()));
  }
  LOCKSTEP_CHECK(read_operands(node, op_word, &out.cell));
  return out;
}

// The first match wins: an expectation whose every cell an earlier one has taken claims nothing.
Result<void> check_first_matches(const Case& out) {
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
    if (!matches)
      return input_error(out.file, each.line, "this expectation matches no cell: an earlier one has them all");
    same.push_back(&each);
  }
  return {};
}

}  // namespace

Result<void> read_readiness_expectations(const Node& node, const CaseFields& fields,
                                         std::vector<ReadinessExpectation>& out) {
  const auto one = [&](const Node& value, AbiSet set) -> Result<void> {
    LOCKSTEP_ASSIGN(const std::string word, fields.text(value, "readiness"));
    const std::optional<gpu::Readiness> is = gpu::readiness_from_name(word);
    if (!is) return fields.fail(value, "readiness: write ready, degraded, blocked or blocked-elsewhere");
    out.push_back({set, *is});
    return {};
  };
  if (node.kind != Node::Kind::sequence) return one(node, AbiSet::all());
  for (const Node& item : node.items) {
    LOCKSTEP_CHECK(check_keys(item, fields.file(), "readiness", {"abi", "is"}));
    const Node *range = item.find("abi"), *is = item.find("is");
    if (range == nullptr || is == nullptr) return fields.fail(item, "readiness: each entry needs \"abi\" and \"is\"");
    LOCKSTEP_ASSIGN(const AbiSet set, fields.abis(*range, "readiness.abi"));
    LOCKSTEP_CHECK(one(*is, set));
  }
  return {};
}

Result<void> read_expectations(const Node& node, const CaseFields& fields, std::vector<Expectation>& out) {
  if (node.kind != Node::Kind::sequence) return fields.fail(node, "expect must be a list");
  for (const Node& item : node.items) {
    LOCKSTEP_ASSIGN(Expectation expectation, ExpectationReader(fields).read(item));
    out.push_back(std::move(expectation));
  }
  return {};
}

Result<void> check_expectations(const Case& out) {
  // An expectation outside the case's own ABIs and identities could never match a cell: it would claim nothing.
  for (const Expectation& each : out.expectations) {
    const bool identity_runs =
        !each.identity || std::count(out.identities.begin(), out.identities.end(), *each.identity) > 0;
    if ((each.abis & out.plan_abis).empty() || !identity_runs)
      return input_error(out.file, each.line,
                         "this expectation matches no cell: the case has no such plan ABI or identity");
  }
  return check_first_matches(out);
}

}  // namespace lockstep::conformance::judge
