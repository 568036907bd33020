#include "syntax/tree_builder.h"

#include <algorithm>
#include <numeric>

namespace lockstep {

bool TreeBuilder::open(Node::Kind kind, int line) {
  if (stack_.size() >= Node::max_depth)
    return fail(line, "nested deeper than " + std::to_string(Node::max_depth) + " levels");
  Node node;
  node.kind = kind;
  node.line = line;
  stack_.push_back({std::move(node), {}, Node::Kind::plain, 0, false});
  return true;
}

bool TreeBuilder::close() {
  Node node = std::move(stack_.back().node);
  stack_.pop_back();
  return keys_differ(node) && add(std::move(node));
}

bool TreeBuilder::scalar(Node::Kind kind, std::string text, int line) {
  if (text.find('\0') != std::string::npos) return fail(line, "a NUL character");
  if (expects_key()) {
    if (kind == Node::Kind::null) return fail(line, "a key is missing before the colon");
    return key(kind, std::move(text), line);
  }
  // A value left out is reported where the next thing stands: the line of its key is what a reader looks for.
  const bool of_key = kind == Node::Kind::null && !stack_.empty() && stack_.back().has_key;
  Node node;
  node.kind = kind;
  node.line = of_key ? stack_.back().key_line : line;
  node.scalar = std::move(text);
  return add(std::move(node));
}

bool TreeBuilder::key(Node::Kind kind, std::string text, int line) {
  Level& level = stack_.back();
  level.key = std::move(text);
  level.key_kind = kind;
  level.key_line = line;
  level.has_key = true;
  return true;
}

bool TreeBuilder::fail(int line, std::string message) {
  if (!error_) error_ = input_error(file_, line, std::move(message));
  return false;
}

// What stands below network_policies and network_middlewares is somebody else's, and may be secret. A short
// word without a digit is the name of a field; any other key is in no message.
bool TreeBuilder::may_be_secret(const std::string& key) const {
  if (stack_.empty() || !stack_.front().key.starts_with("network")) return false;
  return key.size() > 24 || key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_-") != std::string::npos;
}

// Sorted, not searched for at each key: a file of half a million keys is refused or read in a second, not in
// an hour.
bool TreeBuilder::keys_differ(const Node& mapping) {
  std::vector<std::size_t> order(mapping.entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key_at = [&](std::size_t i) -> const std::string& { return mapping.entries[i].first; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key_at(a) < key_at(b); });
  const auto same = std::adjacent_find(order.begin(), order.end(),
                                       [&](std::size_t a, std::size_t b) { return key_at(a) == key_at(b); });
  if (same == order.end()) return true;
  const std::string key = may_be_secret(key_at(*same)) ? "a key" : "the key \"" + shortened(key_at(*same)) + "\"";
  return fail(mapping.key_lines[*(same + 1)],
              key + " stands here twice, first on line " + std::to_string(mapping.key_lines[*same]));
}

bool TreeBuilder::add(Node node) {
  if (++nodes_ > most_nodes_)
    return fail(node.line, "more than " + std::to_string(most_nodes_) + " values: take some out");
  if (stack_.empty()) {
    root_ = std::move(node);
    return true;
  }
  Level& level = stack_.back();
  if (level.node.kind == Node::Kind::sequence) {
    level.node.items.push_back(std::move(node));
    return true;
  }
  if (!level.has_key) return fail(node.line, "a key must be a plain string");
  level.node.entries.emplace_back(std::move(level.key), std::move(node));
  level.node.key_lines.push_back(level.key_line);
  level.node.key_kinds.push_back(level.key_kind);
  level.has_key = false;
  return true;
}

}  // namespace lockstep
