#include "syntax/document.h"

#include <algorithm>
#include <map>

#include "syntax/core_schema.h"
#include "syntax/tree_builder.h"

namespace lockstep {

Node::Node() = default;

const Node* Node::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name == key) return &value;
  return nullptr;
}

int line_of(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

namespace {

// A spec is YAML whatever its name says.
Result<Node> parse(std::string_view text, const std::string& name, bool as_spec, std::size_t most_nodes) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (!is_valid_utf8(text)) {
    std::size_t low = 0;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos && is_valid_utf8(text.substr(low, end - low));
         end = text.find('\n', low))
      low = end + 1;
    return input_error(name, line_of(text, low), "not valid UTF-8: save the file in UTF-8");
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return input_error(name, line_of(text, nul), "a NUL character: this is no text file");
  TreeBuilder builder(name, most_nodes);
  if (name.ends_with(".json") && !as_spec) {
    read_json(text, builder);
  } else {
    read_yaml(text, builder, as_spec);
  }
  if (builder.error()) return *builder.error();
  if (!builder.root() || builder.root()->kind == Node::Kind::null) return input_error(name, 0, "the file is empty");
  return std::move(*builder.root());
}

}  // namespace

Result<Node> parse_document(std::string_view text, const std::string& name, std::size_t most_nodes) {
  return parse(text, name, false, most_nodes);
}

Result<Node> parse_spec_document(std::string_view text, const std::string& name) {
  return parse(text, name, true, Node::max_nodes);
}

namespace {

std::string canonical_scalar(Node::Kind kind, const std::string& value) {
  const bool is_text = kind == Node::Kind::string || is_text_to_everybody(value);
  return (is_text ? "text " : "value ") + std::to_string(value.size()) + ":" + value;
}

}  // namespace

std::string canonical_text(const Node& node) {
  std::string out;
  switch (node.kind) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::plain:
    case Node::Kind::string:
      return canonical_scalar(node.kind, node.scalar);
    case Node::Kind::sequence:
      for (const Node& item : node.items) out += canonical_text(item) + ", ";
      return "[" + out + "]";
    case Node::Kind::mapping:
      break;
  }
  std::map<std::string, const Node*> entries;
  for (std::size_t i = 0; i < node.entries.size(); ++i)
    entries.emplace(canonical_scalar(node.key_kinds[i], node.entries[i].first), &node.entries[i].second);
  for (const auto& [key, value] : entries) out += key + " = " + canonical_text(*value) + ", ";
  return "{" + out + "}";
}

}  // namespace lockstep
