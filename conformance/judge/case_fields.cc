#include "conformance/judge/case_fields.h"

namespace lockstep::conformance::judge {

Result<AbiSet> CaseFields::abis(const Node& node, const std::string& what) const {
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

Result<std::vector<std::string>> CaseFields::strings(const Node& node, const std::string& what) const {
  if (node.kind != Node::Kind::sequence) return fail(node, what + " must be a list");
  std::vector<std::string> out;
  for (const Node& item : node.items) {
    LOCKSTEP_ASSIGN(std::string value, text(item, what));
    out.push_back(std::move(value));
  }
  return out;
}

}  // namespace lockstep::conformance::judge
