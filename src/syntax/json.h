// Json: a JSON value that is cheap to include. Text in and out is nlohmann's, and no header of nlohmann's is behind this one.
//
//   Json out = {{"schema", "lockstep.abi/1"}, {"abis", Json::array()}};   // keys stay in the order they came in
//   out["abis"].push_back({{"abi", 7}, {"kernel", "6.15"}});
//   out.dump(2);                                                          // indented by two
//
//   const Json read = Json::parse(text);                                  // throws JsonError, as do at() and get()
//   const std::string schema = read.value("schema", "");
//
// A braced list of pairs that begin with text is an object, any other an array: Json::array() where that is not meant. A document of a
// person's, whose faults need lines, is a Node: document.h.
#ifndef LOCKSTEP_SYNTAX_JSON_H_
#define LOCKSTEP_SYNTAX_JSON_H_

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syntax/json_types.h"

namespace lockstep {

class Json {
 public:
  enum class Kind : std::uint8_t { null, boolean, negative, natural, real, text, array, object };
  using Entry = std::pair<std::string, Json>;
  static constexpr int max_depth = 512;  // of a text that is parsed

  // Not explicit: a value stands for itself.
  Json(std::nullptr_t = nullptr);
  Json(std::same_as<bool> auto value) : Json(Kind::boolean, value ? 1U : 0U) {}
  Json(int value) : Json(static_cast<long long>(value)) {}
  Json(long value) : Json(static_cast<long long>(value)) {}
  Json(long long value);
  Json(unsigned value) : Json(Kind::natural, value) {}
  Json(unsigned long value) : Json(Kind::natural, value) {}
  Json(unsigned long long value) : Json(Kind::natural, value) {}
  Json(double value);
  Json(const JsonText auto& text) : Json(Kind::text, std::string_view(text)) {}
  Json(const JsonList auto& list) : Json(nullptr) {
    if constexpr (requires { list.begin()->second; }) {
      *this = object();  // also of an empty map
      for (const auto& [key, value] : list) (*this)[key] = Json(value);
    } else {
      *this = array();
      for (const auto& value : list) push_back(Json(value));
    }
  }
  Json(std::initializer_list<Json> list);
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();
  static Json array(std::initializer_list<Json> list = {});
  static Json object();

  static Json parse(std::string_view text);
  static Json parse_or_null(std::string_view text);  // null where the text is no JSON
  // In one line, or with a line for each value; with `ascii`, \uNNNN for all else. What is no UTF-8 is replaced. `depth`:
  // of a part that is written into a larger text, how many levels down it stands.
  std::string dump(int indent = -1, bool ascii = false, int depth = 0) const;

  bool is_null() const { return kind_ == Kind::null; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }
  std::size_t size() const { return kind_ == Kind::object ? entries_.size() : items_.size(); }
  bool empty() const { return size() == 0; }
  const std::vector<Json>& items() const;     // of an array
  const std::vector<Entry>& entries() const;  // of an object, in order
  std::vector<Json>::const_iterator begin() const { return items().begin(); }
  std::vector<Json>::const_iterator end() const { return items().end(); }

  bool contains(std::string_view key) const { return find(key) != nullptr; }
  const Json* find(std::string_view key) const;  // of an object; nullptr where absent
  const Json& at(std::string_view key) const;
  const Json& at(std::size_t index) const;
  const Json& operator[](std::size_t index) const { return at(index); }
  Json& operator[](std::size_t index);
  // Templates: clang weighs the conversion of a literal against that of this value to a number.
  template <std::convertible_to<std::string_view> Key>
  const Json& operator[](const Key& key) const {
    return at(std::string_view(key));
  }
  template <std::convertible_to<std::string_view> Key>
  Json& operator[](const Key& key) {
    return add_entry(key);
  }
  Json& back() { return (*this)[size() - 1]; }
  void push_back(Json value);       // null becomes an array
  void update(const Json& object);  // every entry of it
  void erase(std::string_view key);

  // A number, a bool, a std::string, a Json, or a list of these.
  template <typename T>
  T get() const {
    if constexpr (std::same_as<T, Json>)
      return *this;
    else if constexpr (std::same_as<T, bool>)
      return boolean();
    else if constexpr (std::floating_point<T>)
      return static_cast<T>(real());
    else if constexpr (std::integral<T>)
      return static_cast<T>(integer());
    else if constexpr (std::same_as<T, std::string>)
      return text();
    else {
      T out;
      for (const Json& each : items()) out.insert(out.end(), each.get<typename T::value_type>());
      return out;
    }
  }
  template <JsonScalar T>
  operator T() const {
    return get<T>();
  }
  template <typename T>
  T value(std::string_view key, const T& fallback) const {
    const Json* found = find(key);
    return found != nullptr ? found->get<T>() : fallback;
  }
  std::string value(std::string_view key, const char* fallback) const { return value(key, std::string(fallback)); }

  friend bool operator==(const Json& a, const Json& b) { return a.equals(b); }
  template <JsonPlain T>
  friend bool operator==(const Json& a, const T& b) {
    return a.equals(Json(b));
  }
  friend std::ostream& operator<<(std::ostream& out, const Json& json) { return json.print(out); }

 private:
  Json& add_entry(std::string_view key);  // null becomes an object, and what is absent is added
  Json(Kind kind, unsigned long long bits);
  Json(Kind kind, std::string_view text);
  [[noreturn]] void is_not(const char* wanted) const;
  bool boolean() const;
  std::int64_t integer() const;  // the bits of a std::uint64_t where it is greater
  double real() const;
  const std::string& text() const;
  bool equals(const Json& other) const;  // objects in whatever order
  std::ostream& print(std::ostream& out) const;
  void write(std::string* out, int indent, int depth, bool ascii) const;

  Kind kind_ = Kind::null;
  std::uint64_t bits_ = 0;  // of a bool and a number
  std::string text_;
  std::vector<Json> items_;
  std::vector<Entry> entries_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_JSON_H_
