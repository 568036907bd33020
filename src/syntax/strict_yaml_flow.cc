// What stands in brackets and braces.
#include "syntax/strict_yaml_reader.h"
#include "syntax/yaml_indicators.h"

namespace lockstep {

bool StrictYaml::flow(long indent) {
  const char bracket = cursor_.peek();
  const bool in_mapping = bracket == '{';
  const char closing = in_mapping ? '}' : ']';
  const int line = cursor_.line();
  if (!open(bracket)) return false;
  cursor_.advance();
  while (true) {
    if (!cursor_.skip_flow_gap(indent, line, bracket)) return false;
    if (cursor_.peek() != closing) {
      if (!flow_item(indent, in_mapping) || !cursor_.skip_flow_gap(indent, line, bracket)) return false;
      if (cursor_.peek() == ',') {
        cursor_.advance();
        continue;
      }
    }
    if (cursor_.peek() == closing) {
      cursor_.advance();
      return close(closing);
    }
    if (cursor_.peek() == ':')
      return cursor_.fail(in_mapping ? "a second colon: put the value in quotes"
                                     : "a colon in a list: write {key: value}, or put the text in quotes");
    return cursor_.fail(std::string("a comma or ") + closing + " is missing here");
  }
}

bool StrictYaml::flow_item(long indent, bool in_mapping) {
  if (!in_mapping) return flow_node(indent);
  const char c = cursor_.peek();
  if (c == '[' || c == '{' || c == '!') return cursor_.refuse("a key must be a plain string");
  const bool quoted = c == '"' || c == '\'';
  ScalarText name;
  if (!(quoted ? read_quoted(cursor_, indent, &name)
               : begins_plain(cursor_, true) && read_plain(cursor_, indent, true, &name)))
    return false;
  if (!name.one_line) return cursor_.fail("a key of several lines: a comma or a quote is missing");
  if (!key_scalar(name)) return false;
  cursor_.skip_blanks();
  if (cursor_.peek() != ':') return null();
  cursor_.advance();
  const int line = name.line;
  if (!cursor_.skip_flow_gap(indent, line, '{')) return false;
  return cursor_.peek() == ',' || cursor_.peek() == '}' ? null() : flow_node(indent);
}

bool StrictYaml::flow_node(long indent) {
  const std::size_t first = script_.size(), nodes = nodes_;
  Properties own;
  while (at_property()) {
    if (!take_property(true, &own)) return false;
    const int line = cursor_.line();
    if (!cursor_.skip_flow_gap(indent, line, '[')) return false;
    const char next = cursor_.peek();
    if (next == ',' || next == ']' || next == '}')
      return scalar({{}, line, false, true}, own.tag_name()) && set_anchor(own, first, nodes);
  }
  return flow_content(indent, own) && set_anchor(own, first, nodes);
}

bool StrictYaml::flow_content(long indent, const Properties& own) {
  const char c = cursor_.peek();
  const std::string_view tag = own.tag_name();
  ScalarText text;
  if (c == '*' && as_spec_) return alias(own);
  if (c == '[' || c == '{') return collection_tag(tag, c == '[' ? "seq" : "map") && flow(indent);
  if (c == '"' || c == '\'') return read_quoted(cursor_, indent, &text) && scalar(text, tag);
  return begins_plain(cursor_, true) && read_plain(cursor_, indent, true, &text) && scalar(text, tag);
}

}  // namespace lockstep
