// JSON to a tree.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "syntax/tree_builder.h"

namespace lockstep {
namespace {

// Counts the lines that the JSON lexer has consumed, so that its events have a place: `line` is that of the
// character read last, and a line end belongs to the line it ends. The lexer reads one character past a
// number and none past other tokens.
struct LineCounter {
  int line = 1;
  bool ended = false;
};

class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  CountingIterator(const char* at, LineCounter* counter) : at_(at), counter_(counter) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (counter_->ended) ++counter_->line;
    counter_->ended = *at_++ == '\n';
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  LineCounter* counter_;
};

// What is wrong at the character that was read last, the position-th of the text, and what to write instead.
std::string json_fault(std::string_view text, std::size_t position) {
  if (position == 0 || position > text.size())
    return "the text ends before it is complete: a bracket, a brace or a quote is not closed";
  constexpr std::string_view blanks = " \t\r\n";
  const char c = text[position - 1];
  const std::size_t before = position < 2 ? std::string_view::npos : text.find_last_not_of(blanks, position - 2);
  const char last = before == std::string_view::npos ? '\0' : text[before];
  if (c == '/' || c == '#' || last == '/')
    return "JSON has no comments: take it out, or name the file .yaml and begin comments with #";
  if ((c == '}' || c == ']' || c == ',') && last == ',') return "a comma too many: take it out";
  if (c == '}' || c == ']' || c == ',')
    return std::string("no ") + c + " can stand here: a value, a colon or another bracket is missing";
  if (c == '\'') return "text stands in double quotes";
  if (c == '\n' || c == '\r' || c == '\t')
    return "a line end or tab within a text: the quote is not closed, or write \\n or \\t";
  if (last == '\\' || c == '\\') return "no escape is written so: a backslash itself is \\\\";
  if (last == '0' && c >= '0' && c <= '9') return "a number does not begin with 0";
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
    return "a word without quotes: text and keys stand in double quotes; true, false and null are written "
           "small";
  if (c == '"' || c == '{' || c == '[') return "a comma or a colon is missing before this";
  return "something that JSON does not know stands here: text and keys stand in double quotes";
}

class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonEvents(TreeBuilder& builder, std::string_view text, const int* line)
      : builder_(builder), text_(text), line_(line) {}
  bool null() override { return builder_.scalar(Node::Kind::null, "", *line_); }
  bool boolean(bool value) override { return builder_.scalar(Node::Kind::plain, value ? "true" : "false", *line_); }
  bool number_integer(number_integer_t value) override {
    return builder_.scalar(Node::Kind::plain, std::to_string(value), *line_);
  }
  bool number_unsigned(number_unsigned_t value) override {
    return builder_.scalar(Node::Kind::plain, std::to_string(value), *line_);
  }
  bool number_float(number_float_t, const string_t& text) override {
    return builder_.scalar(Node::Kind::plain, text, *line_);
  }
  bool string(string_t& value) override { return builder_.scalar(Node::Kind::string, value, *line_); }
  bool binary(binary_t&) override { return builder_.fail(*line_, "binary data"); }
  bool start_object(std::size_t) override { return builder_.open(Node::Kind::mapping, *line_); }
  bool key(string_t& value) override {
    if (value.find('\0') != std::string::npos) return builder_.fail(*line_, "a NUL character");
    return builder_.key(Node::Kind::string, value, *line_);
  }
  bool end_object() override { return builder_.close(); }
  bool start_array(std::size_t) override { return builder_.open(Node::Kind::sequence, *line_); }
  bool end_array() override { return builder_.close(); }
  // The parser's own words quote the text, which may be secret, and do not say what to write.
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return builder_.fail(*line_, "not valid JSON: " + json_fault(text_, position));
  }

 private:
  TreeBuilder& builder_;
  std::string_view text_;
  const int* line_;
};

}  // namespace

void read_json(std::string_view text, TreeBuilder& builder) {
  LineCounter counter;
  JsonEvents events(builder, text, &counter.line);
  nlohmann::json::sax_parse(CountingIterator(text.data(), &counter),
                            CountingIterator(text.data() + text.size(), &counter), &events);
}

}  // namespace lockstep
