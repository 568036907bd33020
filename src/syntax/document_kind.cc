// What a document is, where another kind is wanted.
#include <algorithm>

#include "syntax/document.h"

namespace lockstep {
namespace {

struct Schema {
  std::string_view name, is;
};
constexpr Schema schemas[] = {
    {"lockstep.host/1", "a host file"},
    {"lockstep.show/1", "a snapshot, of lockstep show --format json"},
    {"lockstep.case/1", "a case"},
    {"lockstep.diff/1", "what lockstep diff --format json printed"},
    {"lockstep.lint/1", "what lockstep lint --format json printed"},
    {"lockstep.report/1", "a report of the suite"},
    {"lockstep.doctor/1", "a report of lockstep doctor"},
    {"lockstep.fuzz/1", "a case of the fuzzer"},
};

}  // namespace

std::string_view kind_of_document(const Node& root) {
  if (const Node* schema = root.find("schema"))
    for (const Schema& each : schemas)
      if (each.name == schema->scalar) return each.is;
  const auto has = [&](std::string_view key) { return root.find(key) != nullptr; };
  if (has("cdiVersion") || has("containerEdits")) return "a CDI spec";
  if (has("accepted")) return "a file of accepted changes";
  if (has("filesystem_policy") || has("network_policies") || has("landlock") ||
      (has("version") && root.entries.size() == 1))
    return "a policy";
  return has("runtime_baseline_conflicts") && root.entries.size() == 1 ? "an administrator's file" : "";
}

Result<void> check_root(const Node& root, const std::string& file, const std::string& what, const std::string& hint,
                        const std::vector<std::string_view>& known) {
  Result<void> checked = check_keys(root, file, what, known);
  if (checked.ok() || root.kind != Node::Kind::mapping) return checked;
  const std::string_view kind = kind_of_document(root);
  if (kind.empty() || what == kind) return checked;
  const auto unknown = std::find_if(root.entries.begin(), root.entries.end(), [&](const auto& entry) {
    return std::find(known.begin(), known.end(), entry.first) == known.end();
  });
  checked.error().message = what + " has no key \"" + shortened(unknown->first) + "\": this file is " +
                            std::string(kind) + ", and " + what + " is needed here" + (hint.empty() ? "" : ": " + hint);
  return checked;
}

}  // namespace lockstep
