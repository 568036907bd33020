#include "syntax/json.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <ostream>

namespace lockstep {
namespace {

// Events to a value. `open_` are the arrays and objects that are not closed yet; what is complete goes into the last of them.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Json& root() { return root_; }
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(static_cast<long long>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(static_cast<unsigned long long>(value)); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool key(string_t& value) override {
    keys_.back() = value;
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw JsonError("not valid JSON at byte " + std::to_string(position));
  }

 private:
  bool open(Json json) {
    if (open_.size() == Json::max_depth) throw JsonError("JSON that is nested too deeply");
    open_.push_back(std::move(json));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return add(std::move(done));
  }
  bool add(Json json) {
    if (open_.empty())
      root_ = std::move(json);
    else if (open_.back().is_array())
      open_.back().push_back(std::move(json));
    else
      open_.back()[keys_.back()] = std::move(json);
    return true;
  }

  Json root_;
  std::vector<Json> open_;
  std::vector<std::string> keys_;
};

}  // namespace

Json::Json(std::nullptr_t) {}
Json::Json(Kind kind, unsigned long long bits) : kind_(kind), bits_(bits) {}
Json::Json(Kind kind, std::string_view text) : kind_(kind), text_(text) {}
Json::Json(long long value)
    : kind_(value < 0 ? Kind::negative : Kind::natural), bits_(static_cast<std::uint64_t>(value)) {}
Json::Json(double value) : kind_(Kind::real), bits_(std::bit_cast<std::uint64_t>(value)) {}
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

Json::Json(std::initializer_list<Json> list) {
  const auto is_entry = [](const Json& each) {
    return each.kind_ == Kind::array && each.items_.size() == 2 && each.items_[0].kind_ == Kind::text;
  };
  if (!std::all_of(list.begin(), list.end(), is_entry)) {
    *this = array(list);
    return;
  }
  kind_ = Kind::object;
  for (const Json& each : list) (*this)[each.items_[0].text_] = each.items_[1];
}

Json Json::array(std::initializer_list<Json> list) {
  Json out;
  out.kind_ = Kind::array;
  out.items_ = list;
  return out;
}

Json Json::object() {
  Json out;
  out.kind_ = Kind::object;
  return out;
}

Json Json::parse(std::string_view text) {
  Builder builder;
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder.root());
}

Json Json::parse_or_null(std::string_view text) {
  try {
    return parse(text);
  } catch (const JsonError&) {
    return {};
  }
}

const std::vector<Json>& Json::items() const {
  if (kind_ != Kind::array) is_not("a list");
  return items_;
}

const std::vector<Json::Entry>& Json::entries() const {
  if (kind_ != Kind::object) is_not("an object");
  return entries_;
}

const Json* Json::find(std::string_view key) const {
  for (const Entry& each : entries_)
    if (each.first == key) return &each.second;
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  if (kind_ != Kind::object) is_not("an object");
  const Json* found = find(key);
  if (found == nullptr) throw JsonError("the key " + std::string(key) + " is missing");
  return *found;
}

const Json& Json::at(std::size_t index) const {
  if (index >= items().size()) throw JsonError("a list is too short");
  return items_[index];
}

Json& Json::add_entry(std::string_view key) {
  if (kind_ == Kind::null) kind_ = Kind::object;
  if (kind_ != Kind::object) is_not("an object");
  if (const Json* found = find(key)) return const_cast<Json&>(*found);
  return entries_.emplace_back(key, Json()).second;
}

Json& Json::operator[](std::size_t index) {
  return const_cast<Json&>(at(index));
}

void Json::push_back(Json value) {
  if (kind_ == Kind::null) kind_ = Kind::array;
  if (kind_ != Kind::array) is_not("a list");
  items_.push_back(std::move(value));
}

void Json::update(const Json& object) {
  for (const auto& [key, value] : object.entries()) (*this)[key] = value;
}

void Json::erase(std::string_view key) {
  std::erase_if(entries_, [&](const Entry& each) { return each.first == key; });
}

void Json::is_not(const char* wanted) const {
  constexpr const char* names[] = {"null", "a bool", "a number", "a number", "a number", "text", "a list", "an object"};
  throw JsonError(std::string(wanted) + " is wanted, and " + names[static_cast<int>(kind_)] + " stands there");
}

bool Json::boolean() const {
  if (kind_ != Kind::boolean) is_not("a bool");
  return bits_ != 0;
}

std::int64_t Json::integer() const {
  if (kind_ == Kind::real) return static_cast<std::int64_t>(std::bit_cast<double>(bits_));
  if (kind_ != Kind::negative && kind_ != Kind::natural) is_not("a number");
  return static_cast<std::int64_t>(bits_);
}

double Json::real() const {
  if (kind_ == Kind::real) return std::bit_cast<double>(bits_);
  return kind_ == Kind::natural ? static_cast<double>(bits_) : static_cast<double>(integer());
}

const std::string& Json::text() const {
  if (kind_ != Kind::text) is_not("text");
  return text_;
}

bool Json::equals(const Json& other) const {
  if (kind_ == Kind::real || other.kind_ == Kind::real) {
    const auto is_number = [](Kind kind) { return kind >= Kind::negative && kind <= Kind::real; };
    return is_number(kind_) && is_number(other.kind_) && real() == other.real();
  }
  return kind_ == other.kind_ && bits_ == other.bits_ && text_ == other.text_ && items_ == other.items_ &&
         entries_.size() == other.entries_.size() &&
         std::all_of(entries_.begin(), entries_.end(), [&](const Entry& each) {
           const Json* found = other.find(each.first);
           return found != nullptr && found->equals(each.second);
         });
}

// nlohmann's layout; the text of a scalar is nlohmann's own.
void Json::write(std::string* out, int indent, int depth, bool ascii) const {
  const auto scalar = [&](const nlohmann::json& json) {
    *out += json.dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace);
  };
  const auto line = [&](int levels) {
    if (indent >= 0) out->append(1, '\n').append(static_cast<std::size_t>(indent * levels), ' ');
  };
  const auto list = [&](char begin, const auto& all, char end, const auto& one) {
    *out += begin;
    for (const auto& each : all) {
      if (&each != &all.front()) *out += ',';
      line(depth + 1);
      one(each);
    }
    if (!all.empty()) line(depth);
    *out += end;
  };
  switch (kind_) {
    case Kind::null:
      *out += "null";
      break;
    case Kind::boolean:
      *out += bits_ != 0 ? "true" : "false";
      break;
    case Kind::negative:
      *out += std::to_string(static_cast<std::int64_t>(bits_));
      break;
    case Kind::natural:
      *out += std::to_string(bits_);
      break;
    case Kind::real:
      scalar(std::bit_cast<double>(bits_));
      break;
    case Kind::text:
      scalar(text_);
      break;
    case Kind::array:
      list('[', items_, ']', [&](const Json& each) { each.write(out, indent, depth + 1, ascii); });
      break;
    case Kind::object:
      list('{', entries_, '}', [&](const Entry& each) {
        scalar(each.first);
        *out += indent >= 0 ? ": " : ":";
        each.second.write(out, indent, depth + 1, ascii);
      });
      break;
  }
}

std::string Json::dump(int indent, bool ascii, int depth) const {
  std::string out;
  write(&out, indent, depth, ascii);
  return out;
}

std::ostream& Json::print(std::ostream& out) const {
  return out << dump();
}

}  // namespace lockstep
