// A fuzz case as text.

#include <lockstep/abi.h>

#include "conformance/fuzz/case.h"
#include "syntax/json.h"

namespace lockstep::conformance::fuzz {
namespace {

Json to_json(const Item& item) {
  Json out = {{"kind", name(item.kind)}, {"path", item.path}};
  if (!item.target.empty()) out["target"] = item.target;
  if (!item.moved_to.empty()) out["moved_to"] = item.moved_to, out["mount"] = item.mount;
  if (item.mode != 0777) out["mode"] = item.mode;
  return out;
}

Json to_json(const RuleSpec& rule) {
  Json out = {{"path", rule.path}, {"rights", names(rule.rights)}};
  if (rule.pinned) out["pinned"] = true;
  return out;
}

Json to_json(const PolicySpec& policy) {
  Json out = {{"read_only", policy.read_only}, {"read_write", policy.read_write}};
  for (const RuleSpec& grant : policy.grants) out["grants"].push_back(to_json(grant));
  if (!policy.present.empty()) out["present"] = policy.present;
  if (!policy.workdir.empty()) out["workdir"] = policy.workdir;
  for (const auto& [key, is] : {std::pair("gpu", policy.gpu), {"proxy", policy.proxy}, {"hard", policy.hard}})
    if (is) out[key] = true;
  if (policy.min_abi != oldest_abi) out["min_abi"] = policy.min_abi;
  if (policy.conflicts) out["conflicts"] = name(*policy.conflicts);
  return out;
}

Json to_json(const LayerSpec& layer) {
  Json out, rules = Json::array();
  for (const RuleSpec& rule : layer.rules) rules.push_back(to_json(rule));
  if (layer.policy)
    out = {{"policy", to_json(*layer.policy)}};
  else
    out = {{"handled", names(layer.handled)}, {"rules", rules}};
  const Restrictions& more = layer.restrictions;
  if (!more.net.empty()) out["net"] = names(more.net);
  if (!more.scopes.empty()) out["scopes"] = names(more.scopes);
  for (const PortRule& rule : more.ports) out["ports"].push_back({{"right", name(rule.right)}, {"port", rule.port}});
  return out;
}

}  // namespace

std::string to_json(const FuzzCase& fuzz_case) {
  Json items = Json::array(), layers = Json::array(), operations = Json::array();
  for (const Item& item : fuzz_case.items) items.push_back(to_json(item));
  for (const LayerSpec& layer : fuzz_case.layers) layers.push_back(to_json(layer));
  for (const OperationSpec& each : fuzz_case.operations) {
    Json operation = {{"op", name(each.operation)}};
    if (each.mode != Mode::plain) operation["mode"] = name(each.mode);
    if (each.actor != Actor::self) operation["actor"] = name(each.actor);
    if (operand(each.operation) == Operand::port) operation["port"] = each.port;
    if (operand(each.operation) != Operand::port) operation["path"] = each.path;
    if (!each.path2.empty()) operation["path2"] = each.path2;
    operations.push_back(operation);
  }
  // One element a line: short enough to read, long enough to be compared by a text diff.
  const auto lines = [](const Json& list) {
    std::string out;
    for (const Json& each : list) out += (out.empty() ? "\n  " : ",\n  ") + each.dump();
    return "[" + out + "]";
  };
  Json head = {{"schema", fuzz_schema}, {"why", fuzz_case.why}};
  if (!fuzz_case.finds.empty()) head["finds"] = fuzz_case.finds;
  head["identity"] = fuzz_case.identity == Identity::user ? "user" : "root";
  if (!fuzz_case.chroot.empty()) head["chroot"] = fuzz_case.chroot;
  if (fuzz_case.peer_layers > 0) head["peer_layers"] = fuzz_case.peer_layers;
  if (fuzz_case.peer_executed) head["peer_executed"] = true;
  if (fuzz_case.reclaim) head["reclaim"] = true;
  if (fuzz_case.plan_abi > 0) head["plan_abi"] = fuzz_case.plan_abi;
  std::string out = head.dump();
  out.pop_back();
  return out + ",\n \"items\": " + lines(items) + ",\n \"layers\": " + lines(layers) +
         ",\n \"operations\": " + lines(operations) + "}\n";
}

}  // namespace lockstep::conformance::fuzz
