#include "policy/document.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "base/unique_fd.h"
#include "policy/yaml_aliases.h"

namespace lockstep {
namespace {

// Builds the tree for both syntaxes, and is where what both refuse is refused.
class TreeBuilder {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) {}

  bool open(Node::Kind kind, int line) {
    if (stack_.size() >= Node::max_depth) return fail(line, "nested deeper than " + std::to_string(Node::max_depth) + " levels");
    Node node;
    node.kind = kind;
    node.line = line;
    stack_.push_back({std::move(node), {}, 0, false});
    return true;
  }
  bool close() {
    Node node = std::move(stack_.back().node);
    stack_.pop_back();
    return keys_differ(node) && add(std::move(node));
  }
  bool scalar(Node::Kind kind, std::string text, int line) {
    if (text.find('\0') != std::string::npos) return fail(line, "a NUL character");
    if (!stack_.empty() && stack_.back().node.kind == Node::Kind::mapping && !stack_.back().has_key) {
      if (kind == Node::Kind::null) return fail(line, "a key is missing before the colon");
      return key(std::move(text), line);
    }
    // A value left out is reported where the next thing stands: the line of its key is what a reader looks for.
    const bool of_key = kind == Node::Kind::null && !stack_.empty() && stack_.back().has_key;
    Node node;
    node.kind = kind;
    node.line = of_key ? stack_.back().key_line : line;
    node.scalar = std::move(text);
    return add(std::move(node));
  }
  bool key(std::string text, int line) {
    Level& level = stack_.back();
    level.key = std::move(text);
    level.key_line = line;
    level.has_key = true;
    return true;
  }
  bool expects_key() const { return !stack_.empty() && stack_.back().node.kind == Node::Kind::mapping && !stack_.back().has_key; }
  bool fail(int line, std::string message) {
    if (!error_) error_ = input_error(file_, line, std::move(message));
    return false;
  }
  const std::optional<Error>& error() const { return error_; }
  std::optional<Node>& root() { return root_; }

 private:
  struct Level {
    Node node;
    std::string key;
    int key_line;
    bool has_key;
  };

  // Sorted, not searched for at each key: a file of half a million keys is refused or read in a second, not in an hour.
  bool keys_differ(const Node& mapping) {
    std::vector<std::size_t> order(mapping.entries.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto key_at = [&](std::size_t i) -> const std::string& { return mapping.entries[i].first; };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key_at(a) < key_at(b); });
    const auto same = std::adjacent_find(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key_at(a) == key_at(b); });
    if (same == order.end()) return true;
    return fail(mapping.key_lines[*(same + 1)], "the key \"" + shortened(key_at(*same)) + "\" stands here twice, first on line " +
                                                    std::to_string(mapping.key_lines[*same]));
  }

  bool add(Node node) {
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
    level.has_key = false;
    return true;
  }

  const std::string& file_;
  std::vector<Level> stack_;
  std::optional<Node> root_;
  std::optional<Error> error_;
};

// yaml-cpp's events are used, not its nodes: nodes hide aliases and, on lookup, duplicate keys. Thrown to leave its parser; never
// leaves this file.
struct Refused {};

class YamlEvents : public YAML::EventHandler {
 public:
  explicit YamlEvents(TreeBuilder& builder) : builder_(builder) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) need(builder_.fail(line(mark), "a second document starts here: a file holds one"));
    started_ = true;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor, false);
    need(builder_.scalar(Node::Kind::null, "", line(mark)));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    need(builder_.fail(line(mark), "an alias (*name) is not allowed: write the value out"));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check(mark, tag, anchor, true);
    const bool quoted = tag == "!";
    const bool null = !quoted && (value == "~" || value == "null" || value == "Null" || value == "NULL");
    need(builder_.scalar(quoted ? Node::Kind::string : null ? Node::Kind::null : Node::Kind::plain, value, line(mark)));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    start(Node::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { need(builder_.close()); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    start(Node::Kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { need(builder_.close()); }

 private:
  static int line(const YAML::Mark& mark) { return mark.line + 1; }
  static void need(bool ok) {
    if (!ok) throw Refused();
  }
  void start(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check(mark, tag, anchor, false);
    if (builder_.expects_key()) need(builder_.fail(line(mark), "a key must be a plain string"));
    need(builder_.open(kind, line(mark)));
  }
  // yaml-cpp's own tags are "!" for a quoted scalar and "?" for anything plain.
  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool may_be_quoted) {
    if (anchor != 0) need(builder_.fail(line(mark), "an anchor (&name) is not allowed: write the value out"));
    if (!tag.empty() && tag != "?" && !(may_be_quoted && tag == "!"))
      need(builder_.fail(line(mark), "the tag " + shortened(tag) + " is not allowed: take it out"));
  }

  TreeBuilder& builder_;
  bool started_ = false;
};

void parse_yaml(std::string_view text, TreeBuilder& builder, bool as_spec) {
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    YamlEvents events(builder);
    YamlAliases aliases(events);
    if (as_spec) {
      parser.HandleNextDocument(aliases);
    } else {
      while (parser.HandleNextDocument(events)) {
      }
    }
  } catch (const Refused&) {
    // The builder has the reason.
  } catch (const YAML::Exception& error) {
    builder.fail(error.mark.is_null() ? 0 : error.mark.line + 1, "not valid YAML: " + shortened(error.msg));
  }
}

// Counts the lines that the JSON lexer has consumed, so that its events have a place: `line` is that of the character read
// last, and a line end belongs to the line it ends. The lexer reads one character past a number and none past other tokens.
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

class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonEvents(TreeBuilder& builder, const int* line) : builder_(builder), line_(line) {}
  bool null() override { return builder_.scalar(Node::Kind::null, "", *line_); }
  bool boolean(bool value) override { return builder_.scalar(Node::Kind::plain, value ? "true" : "false", *line_); }
  bool number_integer(number_integer_t value) override { return builder_.scalar(Node::Kind::plain, std::to_string(value), *line_); }
  bool number_unsigned(number_unsigned_t value) override { return builder_.scalar(Node::Kind::plain, std::to_string(value), *line_); }
  bool number_float(number_float_t, const string_t& text) override { return builder_.scalar(Node::Kind::plain, text, *line_); }
  bool string(string_t& value) override { return builder_.scalar(Node::Kind::string, value, *line_); }
  bool binary(binary_t&) override { return builder_.fail(*line_, "binary data"); }
  bool start_object(std::size_t) override { return builder_.open(Node::Kind::mapping, *line_); }
  bool key(string_t& value) override {
    if (value.find('\0') != std::string::npos) return builder_.fail(*line_, "a NUL character");
    return builder_.key(value, *line_);
  }
  bool end_object() override { return builder_.close(); }
  bool start_array(std::size_t) override { return builder_.open(Node::Kind::sequence, *line_); }
  bool end_array() override { return builder_.close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    const std::string_view what = error.what();  // "[json.exception...] parse error at line 1, column 2: ..."
    const std::size_t colon = what.find(": ");
    return builder_.fail(*line_, "not valid JSON: " + shortened(colon == std::string_view::npos ? what : what.substr(colon + 2)));
  }

 private:
  TreeBuilder& builder_;
  const int* line_;
};

void parse_json(std::string_view text, TreeBuilder& builder) {
  LineCounter counter;
  JsonEvents events(builder, &counter.line);
  nlohmann::json::sax_parse(CountingIterator(text.data(), &counter), CountingIterator(text.data() + text.size(), &counter), &events);
}

int line_of(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

}  // namespace

Node::Node() = default;

const Node* Node::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name == key) return &value;
  return nullptr;
}

// A spec is YAML whatever its name says.
static Result<Node> parse(std::string_view text, const std::string& name, bool as_spec) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (!is_valid_utf8(text)) {
    std::size_t low = 0;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos && is_valid_utf8(text.substr(low, end - low)); end = text.find('\n', low))
      low = end + 1;
    return input_error(name, line_of(text, low), "not valid UTF-8: save the file in UTF-8");
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) return input_error(name, line_of(text, nul), "a NUL character: this is no text file");
  TreeBuilder builder(name);
  name.ends_with(".json") && !as_spec ? parse_json(text, builder) : parse_yaml(text, builder, as_spec);
  if (builder.error()) return *builder.error();
  if (!builder.root() || builder.root()->kind == Node::Kind::null) return input_error(name, 0, "the file is empty");
  return std::move(*builder.root());
}

Result<Node> parse_document(std::string_view text, const std::string& name) { return parse(text, name, false); }
Result<Node> parse_spec_document(std::string_view text, const std::string& name) { return parse(text, name, true); }

// A plain scalar that some YAML takes for a number, a truth or nothing, in 1.1's words or the core schema's: 12 is not "12" and True
// not "True", where web is "web".
static bool is_typed(std::string_view plain) {
  std::string lower(plain);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const std::string_view word : {"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
    if (lower == word) return true;
  return !plain.empty() && std::string_view("0123456789+-.~=<").find(plain[0]) != std::string_view::npos;
}

std::string canonical_text(const Node& node) {
  const auto text = [](const std::string& value) { return std::to_string(value.size()) + ":" + value; };
  std::string out;
  switch (node.kind) {
    case Node::Kind::null: return "null";
    case Node::Kind::plain: return (is_typed(node.scalar) ? "value " : "text ") + text(node.scalar);
    case Node::Kind::string: return "text " + text(node.scalar);
    case Node::Kind::sequence:
      for (const Node& item : node.items) out += canonical_text(item) + ", ";
      return "[" + out + "]";
    case Node::Kind::mapping: break;
  }
  std::map<std::string, const Node*> entries;
  for (const auto& [key, value] : node.entries) entries.emplace(key, &value);
  for (const auto& [key, value] : entries) out += text(key) + " = " + canonical_text(*value) + ", ";
  return "{" + out + "}";
}

Result<std::string> read_input_file(const std::string& path, std::size_t limit) {
  const auto fail = [&](const std::string& message) { return input_error(path, 0, message); };
  UniqueFd file;
  if (path != "-") {
    // O_NONBLOCK: a FIFO nobody writes to must not hang us before it is refused.
    file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return fail("cannot be read: " + errno_name(errno));
    struct stat st;
    if (::fstat(file.get(), &st) != 0) return fail("cannot be read: " + errno_name(errno));
    if (S_ISDIR(st.st_mode)) return fail("is a directory: name a file in it");
    if (!S_ISREG(st.st_mode)) return fail("is no regular file: name one, or - for standard input");
  }
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(file ? file.get() : STDIN_FILENO, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("cannot be read: " + errno_name(errno));
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > limit) return fail("is larger than " + std::to_string(limit >> 10) + " KiB");
  }
}

}  // namespace lockstep
