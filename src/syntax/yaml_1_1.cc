#include "syntax/yaml_1_1.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <system_error>

namespace lockstep {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 5> nulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> truths = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                     "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> lies = {"n",     "N",     "no",  "No",  "NO", "false",
                                                   "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 3> not_numbers = {".nan", ".NaN", ".NAN"};
constexpr std::array<std::string_view, 6> infinities = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"};
constexpr std::array<std::string_view, 3> negative_infinities = {"-.inf", "-.Inf", "-.INF"};

// A sign, and 0x, 0o, 0b or a leading 0 for the base.
std::optional<std::int64_t> integer_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size() ||
      value > static_cast<std::uint64_t>(INT64_MAX))
    return std::nullopt;
  return negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

// [-+] digits [. digits] [e [-+] digits], or . digits.
bool is_real(std::string_view text) {
  const auto digits = [&] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count > 0;
  };
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const bool before = digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const bool after = digits();
    if (!before && !after) return false;
  } else if (!before) {
    return false;
  }
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return digits() && text.empty();
}

// The shortest digits that give the number again; with an exponent below 1e-4 and from 1e6 on.
std::string text_of(double value) {
  std::array<char, 64> buffer;
  const bool scientific = value != 0 && (std::fabs(value) < 1e-4 || std::fabs(value) >= 1e6);
  const auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                       scientific ? std::chars_format::scientific : std::chars_format::fixed);
  return ec == std::errc() ? std::string(buffer.data(), end) : std::string();
}

}  // namespace

Yaml11 read_yaml_1_1(std::string_view plain) {
  Yaml11 out;
  out.text = plain;
  const auto known = [&](Yaml11::Kind kind, std::string_view text) {
    out.kind = kind;
    out.text = text;
    return out;
  };
  if (is_one_of(plain, nulls)) return known(Yaml11::Kind::null, "");
  if (is_one_of(plain, truths)) return known(Yaml11::Kind::truth, "true");
  if (is_one_of(plain, lies)) return known(Yaml11::Kind::truth, "false");
  if (is_one_of(plain, not_numbers)) return known(Yaml11::Kind::real, "NaN");
  if (is_one_of(plain, infinities)) return known(Yaml11::Kind::real, "+Inf");
  if (is_one_of(plain, negative_infinities)) return known(Yaml11::Kind::real, "-Inf");
  if (std::string_view("+-.0123456789").find(plain[0]) == std::string_view::npos) return out;
  std::string number(plain);
  if (plain[0] != '.') std::erase(number, '_');
  if (const std::optional<std::int64_t> value = integer_of(number); value && plain[0] != '.') {
    out.integer = *value;
    out.whole = true;
    return known(Yaml11::Kind::integer, std::to_string(*value));
  }
  if (!is_real(number)) return out;
  const double value = std::strtod(number.c_str(), nullptr);
  if (!std::isfinite(value)) return out;
  if (std::trunc(value) == value && std::fabs(value) < 9e15) {
    out.integer = static_cast<std::int64_t>(value);
    out.whole = true;
  }
  return known(Yaml11::Kind::real, text_of(value));
}

}  // namespace lockstep
