#include "syntax/strict_yaml.h"

#include "syntax/core_schema.h"
#include "syntax/strict_yaml_reader.h"
#include "syntax/yaml_indicators.h"

namespace lockstep {

bool StrictYaml::add(const std::string& piece) {
  if (++nodes_ > Node::max_nodes)
    return cursor_.refuse("more than " + std::to_string(Node::max_nodes) + " values: take some out");
  script_ += piece;
  return true;
}

bool StrictYaml::open(char mark) {
  if (++depth_ > Node::max_depth)
    return cursor_.refuse("nested deeper than " + std::to_string(Node::max_depth) + " levels");
  return add(std::string(1, mark));
}

bool StrictYaml::close(char mark) {
  --depth_;
  script_ += mark;
  return true;
}

bool StrictYaml::scalar(const ScalarText& text, std::string_view tag) {
  const std::optional<Node::Kind> kind = scalar_kind(tag, text.quoted, text.text);
  if (!kind) return cursor_.refuse("the value is not what its tag " + std::string(tag) + " says: take the tag out");
  return add(script_scalar(*kind, *kind == Node::Kind::null ? "" : text.text));
}

bool StrictYaml::key_scalar(const ScalarText& text) {
  constexpr std::size_t longest = 1000;  // YAML's limit for a key with its colon is 1024 characters
  if (text.text.size() > longest) return cursor_.fail("a key longer than " + std::to_string(longest) + " bytes");
  if (!text.quoted && core_type(text.text) == CoreType::null)
    return cursor_.refuse("a key is missing before the colon");
  script_ += script_scalar(text.quoted ? Node::Kind::string : Node::Kind::plain, text.text);
  return true;
}

bool StrictYaml::collection_tag(std::string_view tag, std::string_view name) {
  return tag.empty() || core_tag(tag) == name ||
         cursor_.refuse("the value is not what its tag " + std::string(tag) + " says: take the tag out");
}

bool StrictYaml::alias(const Properties& own) {
  if (own.tag || own.anchor) return cursor_.fail("an alias (*name) has no tag and no anchor");
  AnchoredPiece piece;
  if (!anchors_.find(cursor_, script_, &piece)) return false;
  nodes_ += piece.nodes;
  return add(script_.substr(piece.first, piece.end - piece.first));
}

bool StrictYaml::take_property(bool in_flow, Properties* out) {
  const bool is_tag = cursor_.peek() == '!';
  std::string_view name;
  if (is_tag && !read_tag(cursor_, in_flow, &name)) return false;
  if (!is_tag) name = YamlAnchors::take_name(cursor_);
  std::optional<std::string_view>& place = is_tag ? out->tag : out->anchor;
  if (place)
    return cursor_.fail((is_tag ? "a second tag, " : "a second anchor, &") + shortened(name) +
                        ", of one value: a value has one of each at most");
  place = name;
  return true;
}

bool StrictYaml::set_anchor(const Properties& own, std::size_t first, std::size_t nodes) {
  if (own.anchor) anchors_.set(*own.anchor, {first, script_.size(), nodes_ - nodes});
  return true;
}

bool StrictYaml::node(long indent, Place place) {
  const std::size_t first = script_.size(), nodes = nodes_;
  Properties own;
  Place there = place;
  while (at_property()) {  // on this line, and on the next where they stand deeper
    if (!take_property(false, &own)) return false;
    const int line = cursor_.line();
    if (!cursor_.skip_gap()) return false;
    const bool same_line = cursor_.line() == line && !cursor_.at_end();
    there = same_line ? Place::after_key : Place::line_start;
    if (same_line || (!ends_block() && cursor_.column() > indent)) continue;
    const bool is_list = !ends_block() && place == Place::after_key && cursor_.column() == indent && cursor_.at_dash();
    return (is_list ? collection_tag(own.tag_name(), "seq") && sequence(indent)
                    : scalar({{}, line, false, true}, own.tag_name())) &&
           set_anchor(own, first, nodes);
  }
  return content(indent, there, own) && set_anchor(own, first, nodes);
}

// A node behind its properties.
bool StrictYaml::content(long indent, Place place, const Properties& own) {
  const char c = cursor_.peek();
  const std::string_view tag = own.tag_name();
  if (c == '*' && as_spec_) return alias(own);
  if (c == '[' || c == '{') {
    if (!collection_tag(tag, c == '[' ? "seq" : "map") || !flow(indent)) return false;
    cursor_.skip_blanks();
    return cursor_.peek() != ':' || cursor_.refuse("a key must be a plain string");
  }
  if ((c == '|' || c == '>') && indent >= 0) {
    ScalarText text;
    return read_block_scalar(cursor_, indent, &text) && scalar(text, tag);
  }
  if (cursor_.at_dash() && place != Place::after_key) return collection_tag(tag, "seq") && sequence(cursor_.column());
  return text_or_mapping(indent, place, tag);
}

bool StrictYaml::text_or_mapping(long indent, Place place, std::string_view tag) {
  const long column = cursor_.column();
  const char c = cursor_.peek();
  const bool quoted = c == '"' || c == '\'';
  ScalarText text;
  if (!(quoted ? read_quoted(cursor_, indent, &text)
               : begins_plain(cursor_, false) && read_plain(cursor_, indent, false, &text)))
    return false;
  const YamlCursor behind = cursor_;
  cursor_.skip_blanks();
  if (!at_colon()) {
    if (quoted && !cursor_.at_break() && !cursor_.at_comment())
      return cursor_.fail("text behind a closing quote: a quote too many, or a blank is missing before #");
    cursor_ = behind;
    return scalar(text, tag);
  }
  if (place == Place::after_key)
    return cursor_.fail("a second colon on this line: put the value in quotes, or begin a mapping on the next line");
  if (!text.one_line)
    return cursor_.fail(
        "a colon in text of several lines: line this line up with the entries above, or put the text in "
        "quotes");
  return collection_tag(tag, "map") && mapping(column, std::move(text));
}

bool StrictYaml::key(ScalarText* out) {
  const char c = cursor_.peek();
  if (c == '[' || c == '{') return cursor_.refuse("a key must be a plain string");
  std::string_view tag;
  if (c == '!' && !read_tag(cursor_, false, &tag)) return false;
  if (c == '!') return cursor_.refuse("a key has no tag: take it out");
  const bool quoted = c == '"' || c == '\'';
  const int line = cursor_.line();
  if (!(quoted ? read_quoted(cursor_, cursor_.column(), out)
               : begins_plain(cursor_, false) && read_plain(cursor_, cursor_.column(), false, out)))
    return false;
  cursor_.skip_blanks();
  if (!at_colon() || !out->one_line)
    return cursor_.fail("line " + std::to_string(line) + " needs a key, a colon and a blank: key: value");
  return true;
}

bool StrictYaml::mapping(long column, ScalarText first) {
  if (!open('{')) return false;
  for (ScalarText name = std::move(first);;) {
    if (!key_scalar(name)) return false;
    cursor_.advance();  // the colon
    if (!value_of_key(column) || !cursor_.skip_gap()) return false;
    if (ends_block() || (cursor_.first_in_line() && cursor_.column() < column)) return close('}');
    if (!follows(column)) return false;
    if (cursor_.at_dash())
      return cursor_.fail("a list entry where the next key is needed: indent the list below its key");
    if (!key(&name)) return false;
  }
}

// Whether what comes behind a value can be the next entry of a block of that column.
bool StrictYaml::follows(long column) {
  if (cursor_.peek() == '#') return cursor_.fail("a blank is needed before #");
  if (!cursor_.first_in_line()) return cursor_.fail("text behind the value: a comma, a quote or a line end is missing");
  return cursor_.column() == column ||
         cursor_.fail("this line is indented deeper than the entries above that it could belong to: line it up");
}

bool StrictYaml::value_of_key(long column) {
  cursor_.skip_blanks();
  if (!cursor_.at_break() && !cursor_.at_comment()) return node(column, Place::after_key);
  if (!cursor_.skip_gap()) return false;
  if (ends_block() || cursor_.column() < column) return null();
  if (cursor_.column() > column) return node(column, Place::line_start);
  return cursor_.at_dash() ? sequence(column) : null();
}

bool StrictYaml::sequence(long column) {
  if (!open('[')) return false;
  while (true) {
    cursor_.advance();  // the dash
    while (cursor_.peek() == ' ') cursor_.advance();
    if (cursor_.peek() == '\t') return cursor_.fail_tab();
    if (cursor_.at_break() || cursor_.at_comment()) {
      if (!cursor_.skip_gap()) return false;
      if (!(!ends_block() && cursor_.column() > column ? node(column, Place::line_start) : null())) return false;
    } else if (!node(column, Place::after_dash)) {
      return false;
    }
    if (!cursor_.skip_gap()) return false;
    if (ends_block() || (cursor_.first_in_line() && cursor_.column() < column)) return close(']');
    if (!follows(column)) return false;
    if (!cursor_.at_dash()) return close(']');
  }
}

// %YAML 1.1 or 1.2, once, before ---.
bool StrictYaml::directives() {
  if (cursor_.column() != 0 || cursor_.peek() != '%') return true;
  const std::string_view line = cursor_.rest_of_line();
  if (line != "%YAML 1.1" && line != "%YAML 1.2")
    return cursor_.refuse("a directive (%...) is not allowed: take the line out");
  cursor_.advance(line.size());
  if (!cursor_.skip_gap()) return false;
  return (cursor_.at_marker() && cursor_.peek() == '-') || cursor_.fail("--- is missing behind %YAML");
}

bool StrictYaml::document() {
  if (!cursor_.skip_gap() || !directives()) return false;
  Place place = Place::line_start;
  if (cursor_.at_marker() && cursor_.peek() == '-') {
    const int line = cursor_.line();
    cursor_.advance(3);
    cursor_.skip_blanks();
    if (!cursor_.at_break() && !cursor_.at_comment()) place = Place::after_key;
    if (!cursor_.skip_gap()) return false;
    if (place == Place::line_start && cursor_.at_marker() && cursor_.peek() == '-')
      return cursor_.refuse("a second document starts here, behind line " + std::to_string(line) +
                            ": a file holds one");
  }
  if (cursor_.at_end()) return true;
  if (!cursor_.at_marker() && !node(-1, place)) return false;
  if (!cursor_.skip_gap()) return false;
  if (as_spec_ && ends_block()) return true;
  const bool ended = cursor_.at_marker() && cursor_.peek() == '.';
  if (ended) {
    cursor_.advance(3);
    const int line = cursor_.line();
    if (!cursor_.skip_gap()) return false;
    if (cursor_.line() == line && !cursor_.at_end()) return cursor_.fail("text behind ...");
  }
  if (cursor_.at_end()) return true;
  if (ended || cursor_.at_marker()) return cursor_.refuse("a second document starts here: a file holds one");
  return follows(0) && cursor_.fail("this line belongs to nothing above it: line it up with the entries there");
}

Result<std::string> StrictYaml::script() {
  document();
  if (cursor_.error()) return *cursor_.error();
  return std::move(script_);
}

std::string script_scalar(Node::Kind kind, std::string_view text) {
  if (kind == Node::Kind::null) return "~";
  return (kind == Node::Kind::string ? "'" : "=") + std::to_string(text.size()) + ":" + std::string(text);
}

Result<std::string> strict_yaml(std::string_view text, bool as_spec) {
  return StrictYaml(text, as_spec).script();
}

}  // namespace lockstep
