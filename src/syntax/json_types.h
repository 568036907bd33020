// What a Json is made of and compared with, and what is thrown where one is not what it should be: json.h.
#ifndef LOCKSTEP_SYNTAX_JSON_TYPES_H_
#define LOCKSTEP_SYNTAX_JSON_TYPES_H_

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace lockstep {

struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Json;
template <typename T>
concept JsonText = std::convertible_to<const T&, std::string_view>;
template <typename T>
concept JsonList = !JsonText<T> && !std::same_as<T, Json> && requires(const T& list) {
  list.begin() != list.end();
};
template <typename T>
concept JsonScalar = (std::is_arithmetic_v<T> && !std::same_as<T, char>) || std::same_as<T, std::string>;

template <typename T>
concept JsonPlain = JsonScalar<T> || JsonText<T> || JsonList<T> || std::same_as<T, std::nullptr_t>;

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_JSON_TYPES_H_
