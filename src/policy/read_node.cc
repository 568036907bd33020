// Strict readers of one node: what is asked for, or an error that says what to write.
#include <algorithm>
#include <charconv>

#include "landlock/abi.h"
#include "policy/document.h"
#include "policy/policy.h"

namespace lockstep {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string shortened(std::string_view text) {
  constexpr std::size_t most = 200;
  return text.size() <= most ? printable(text) : printable(text.substr(0, most)) + "...";
}

Result<std::string> read_string(const Node& node, const std::string& file, const std::string& what) {
  if (node.kind != Node::Kind::plain && node.kind != Node::Kind::string) return input_error(file, node.line, what + " must be a string");
  return node.scalar;
}

Result<bool> read_bool(const Node& node, const std::string& file, const std::string& what) {
  if (node.kind == Node::Kind::plain && node.scalar == "true") return true;
  if (node.kind == Node::Kind::plain && node.scalar == "false") return false;
  return input_error(file, node.line, what + ": write true or false, without quotes");
}

Result<long> read_integer(const Node& node, const std::string& file, const std::string& what, long low, long high) {
  long value = 0;
  const std::string& text = node.scalar;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool ambiguous = text != std::to_string(value);  // 010 is 8 to some readers and 10 to others
  if (node.kind != Node::Kind::plain || text.empty() || ec != std::errc() || end != text.data() + text.size() || ambiguous || value < low || value > high)
    return input_error(file, node.line,
                       what + ": write a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ", without quotes");
  return value;
}

Result<void> check_keys(const Node& node, const std::string& file, const std::string& what, const std::vector<std::string_view>& known) {
  if (node.kind != Node::Kind::mapping) return input_error(file, node.line, what + " must be a mapping (key: value)");
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const std::string& key = node.entries[i].first;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string message = what + " has no key \"" + shortened(key) + "\"";
    if (key.size() >= 64) return input_error(file, node.key_lines[i], std::move(message));
    const auto nearest = std::min_element(known.begin(), known.end(), [&](std::string_view a, std::string_view b) {
      return edit_distance(key, a) < edit_distance(key, b);
    });
    if (nearest != known.end() && edit_distance(key, *nearest) <= 3) message += "; did you mean " + std::string(*nearest) + "?";
    return input_error(file, node.key_lines[i], std::move(message));
  }
  return {};
}

Result<std::string> read_path(const Node& node, const std::string& file, const std::string& what) {
  LOCKSTEP_ASSIGN(const std::string written, read_string(node, file, what));
  const bool climbs = written.find("/../") != std::string::npos || written.ends_with("/..");
  const bool control = std::any_of(written.begin(), written.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!written.starts_with('/') || climbs || control || written.size() > 4096)
    return input_error(file, node.line, what + ": write an absolute path without .. or control characters, of at most 4096 bytes, not \"" +
                                            printable(written.substr(0, 80)) + "\"");
  return normalise_path(written);
}

// What a program's cache directory needs, of all that were seen to use one. No execute, and nothing of sockets, fifos and
// devices: no program was seen to make or run them there.
constexpr AccessSet access_cache = Right::read_file | Right::read_dir | Right::write_file | Right::truncate | Right::make_dir |
                                   Right::make_reg | Right::make_sym | Right::remove_file | Right::remove_dir | Right::refer;

Result<AccessSet> read_rights(const Node& node, const std::string& file, const std::string& what) {
  if (node.kind != Node::Kind::sequence || node.items.empty()) return input_error(file, node.line, what + " must be a list of rights");
  const AccessSet all = abi_info(newest_abi)->fs;
  AccessSet out;
  for (const Node& item : node.items) {
    LOCKSTEP_ASSIGN(const std::string word, read_string(item, file, what));
    if (word == "read") {
      out |= access_read_only;
    } else if (word == "write") {
      out |= all - access_read_only;
    } else if (word == "cache") {
      out |= access_cache;
    } else if (word == "all") {
      out |= all;
    } else if (const std::optional<Right> right = right_from_name(word)) {
      out |= *right;
    } else {
      return input_error(file, item.line, what + ": no right is called \"" + printable(word) + "\": write read, write, cache, all, or of " + join_names(all, ", "));
    }
  }
  return out;
}

}  // namespace lockstep
