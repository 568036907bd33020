#include "syntax/core_schema.h"

#include <algorithm>
#include <array>
#include <string>

namespace lockstep {
namespace {

constexpr std::array nulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array booleans = {"true", "True", "TRUE", "false", "False", "FALSE"};
constexpr std::array infinities = {".inf", ".Inf", ".INF"};
constexpr std::array not_numbers = {".nan", ".NaN", ".NAN"};
// Of YAML 1.1, in any case.
constexpr std::array older_words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};

template <typename Words>
bool is_one_of(const Words& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool all_of(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

std::string_view without_sign(std::string_view text) {
  return !text.empty() && (text[0] == '-' || text[0] == '+') ? text.substr(1) : text;
}

constexpr std::string_view decimal = "0123456789";

bool is_integer(std::string_view text) {
  if (text.starts_with("0o")) return all_of(text.substr(2), "01234567");
  if (text.starts_with("0x")) return all_of(text.substr(2), "0123456789abcdefABCDEF");
  return all_of(without_sign(text), decimal);
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_real(std::string_view text) {
  if (is_one_of(not_numbers, text)) return true;
  text = without_sign(text);
  if (is_one_of(infinities, text)) return true;
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos && !all_of(without_sign(text.substr(exponent + 1)), decimal)) return false;
  const std::string_view number = text.substr(0, exponent);
  const std::size_t point = number.find('.');
  const std::string_view whole = number.substr(0, point);
  if (point == std::string_view::npos) return all_of(whole, decimal);
  const std::string_view fraction = number.substr(point + 1);
  return whole.empty() ? all_of(fraction, decimal)
                       : all_of(whole, decimal) && (fraction.empty() || all_of(fraction, decimal));
}

}  // namespace

CoreType core_type(std::string_view plain) {
  if (is_one_of(nulls, plain)) return CoreType::null;
  if (is_one_of(booleans, plain)) return CoreType::boolean;
  if (is_integer(plain)) return CoreType::integer;
  return is_real(plain) ? CoreType::real : CoreType::text;
}

bool is_text_to_everybody(std::string_view plain) {
  if (core_type(plain) != CoreType::text || (decimal.find(plain[0]) != std::string_view::npos) ||
      plain.find_first_of("+-.=<") == 0)
    return false;
  std::string lower(plain);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return !is_one_of(older_words, std::string_view(lower));
}

std::string_view core_tag(std::string_view tag) {
  constexpr std::string_view full = "tag:yaml.org,2002:";
  const std::string_view name = tag.starts_with("!!")   ? tag.substr(2)
                                : tag.starts_with(full) ? tag.substr(full.size())
                                                        : "";
  return is_one_of(std::array{"null", "bool", "int", "float", "str", "map", "seq"}, name) ? name : "";
}

std::optional<Node::Kind> scalar_kind(std::string_view tag, bool quoted, std::string_view text) {
  const CoreType type = core_type(text);
  if (tag.empty()) return quoted ? Node::Kind::string : type == CoreType::null ? Node::Kind::null : Node::Kind::plain;
  const std::string_view name = core_tag(tag);
  if (name == "str") return Node::Kind::string;
  if (name == "null" && type == CoreType::null) return Node::Kind::null;
  const bool fits = (name == "bool" && type == CoreType::boolean) || (name == "int" && type == CoreType::integer) ||
                    (name == "float" && type == CoreType::real);
  return fits ? std::optional(Node::Kind::plain) : std::nullopt;
}

}  // namespace lockstep
