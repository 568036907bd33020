// Strict readers of one node: what is asked for, or an error that says what to write.
#include <algorithm>
#include <charconv>

#include <lockstep/abi.h>
#include <lockstep/policy.h>
#include <lockstep/rights.h>

#include "base/suggest.h"
#include "syntax/core_schema.h"
#include "syntax/document.h"

namespace lockstep {
namespace {

// The value of an integer of the core schema; nothing where it is too large.
std::optional<long> integer_value(std::string_view text) {
  const int base = text.starts_with("0x") ? 16 : text.starts_with("0o") ? 8 : 10;
  const bool negative = text.starts_with('-');
  text.remove_prefix(base != 10 ? 2 : negative || text.starts_with('+') ? 1 : 0);
  long value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return ec == std::errc() ? std::optional(negative ? -value : value) : std::nullopt;
}

// 010 is 10 to YAML 1.2 and 8 to YAML 1.1: whoever wrote it may have meant either.
bool is_octal_to_some(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] != 'x' && text[1] != 'o' &&
         text.find_first_not_of('0') < text.size() - 1;
}

}  // namespace

std::string shortened(std::string_view text) {
  constexpr std::size_t most = 200;
  return text.size() <= most ? printable(text) : printable(text.substr(0, most)) + "...";
}

Result<std::string> read_string(const Node& node, const std::string& file, const std::string& what) {
  if (node.kind != Node::Kind::plain && node.kind != Node::Kind::string)
    return input_error(file, node.line, what + " must be a string");
  return node.scalar;
}

Result<bool> read_bool(const Node& node, const std::string& file, const std::string& what) {
  if (node.kind == Node::Kind::plain && core_type(node.scalar) == CoreType::boolean)
    return node.scalar[0] == 't' || node.scalar[0] == 'T';
  return input_error(file, node.line, what + ": write true or false, without quotes");
}

Result<long> read_integer(const Node& node, const std::string& file, const std::string& what, long low, long high) {
  const std::string wanted = low == high
                                 ? "write " + std::to_string(low)
                                 : "write a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  const auto fail = [&](const std::string& why) { return input_error(file, node.line, what + ": " + wanted + why); };
  const bool is_number = core_type(node.scalar) == CoreType::integer;
  if (node.kind == Node::Kind::string && is_number) return fail(", without quotes");
  if (node.kind != Node::Kind::plain) return fail("");
  if (!is_number) return fail(", not " + shortened(node.scalar));
  if (is_octal_to_some(node.scalar))
    return fail(", without a 0 before it: " + shortened(node.scalar) + " is read as octal by some");
  const std::optional<long> value = integer_value(node.scalar);
  if (!value || *value < low || *value > high)
    return fail((low == high ? ", the only one there is, not " : ", not ") + shortened(node.scalar));
  return *value;
}

Result<void> check_keys(const Node& node, const std::string& file, const std::string& what,
                        const std::vector<std::string_view>& known) {
  if (node.kind != Node::Kind::mapping) return input_error(file, node.line, what + " must be a mapping (key: value)");
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const std::string& key = node.entries[i].first;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string suggested = suggestion(key, known);
    std::string keys;
    for (const std::string_view each : known) keys.append(keys.empty() ? "" : ", ").append(each);
    return input_error(file, node.key_lines[i],
                       what + " has no key \"" + shortened(key) + "\"" +
                           (suggested.empty() ? "; its keys: " + keys : did_you_mean(suggested)));
  }
  return {};
}

Result<std::string> read_path(const Node& node, const std::string& file, const std::string& what) {
  LOCKSTEP_ASSIGN(const std::string written, read_string(node, file, what));
  const bool climbs = written.find("/../") != std::string::npos || written.ends_with("/..");
  const bool control = std::any_of(written.begin(), written.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!written.starts_with('/') || climbs || control || written.size() > 4096)
    return input_error(file, node.line,
                       what +
                           ": write an absolute path without .. or control characters, of at most 4096 bytes, not \"" +
                           printable(written.substr(0, 80)) + "\"");
  return normalise_path(written);
}

// What a program's cache directory needs, of all that were seen to use one. No execute, and nothing of sockets, fifos
// and devices: no program was seen to make or run them there.
constexpr AccessSet access_cache = Right::read_file | Right::read_dir | Right::write_file | Right::truncate |
                                   Right::make_dir | Right::make_reg | Right::make_sym | Right::remove_file |
                                   Right::remove_dir | Right::refer;

Result<AccessSet> read_rights(const Node& node, const std::string& file, const std::string& what) {
  if (node.kind != Node::Kind::sequence || node.items.empty())
    return input_error(file, node.line, what + " must be a list of rights, as in [read, write_file]");
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
      return input_error(file, item.line,
                         what + ": no right is called \"" + shortened(word) + "\"" +
                             did_you_mean(suggestion_for_right(word)) + ": write read, write, cache, all, or of " +
                             join_names(all, ", "));
    }
  }
  return out;
}

}  // namespace lockstep
