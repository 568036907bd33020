#include "syntax/yaml_indicators.h"

#include "syntax/core_schema.h"

namespace lockstep {

bool read_tag(YamlCursor& cursor, bool in_flow, std::string_view* tag) {
  std::size_t size = 0;
  while (!cursor.ends_word(size) &&
         !(in_flow && std::string_view(",[]{}").find(cursor.peek(size)) != std::string_view::npos))
    ++size;
  const std::string_view written = cursor.rest_of_line().substr(0, size);
  if (core_tag(written).empty() || !written.starts_with("!!") || !tag->empty())
    return cursor.refuse("a tag (!name) is not allowed here: take it out, or put a text that starts with ! in quotes");
  *tag = written;
  cursor.advance(size);
  return true;
}

bool begins_plain(YamlCursor& cursor, bool in_flow) {
  const char c = cursor.peek();
  const bool ends =
      cursor.ends_word(1) || (in_flow && std::string_view(",[]{}").find(cursor.peek(1)) != std::string_view::npos);
  switch (c) {
    case '&':
      return cursor.refuse(
          "an anchor (&name) is not allowed: write the value out; a text that starts with & stands in "
          "quotes");
    case '*':
      return cursor.fail(
          "an alias (*name) of nothing, and aliases are not allowed: write the value out; a text that starts "
          "with * stands in quotes");
    case '?':
      return (!ends && !in_flow) || cursor.refuse("a key must be a plain string: write key: value, without ?");
    case ':':
      return (!ends && !in_flow) || cursor.refuse("a key is missing before the colon");
    case '-':
      return !ends || cursor.fail(in_flow ? "no - within brackets: entries stand between commas"
                                          : "a list begins on a line of its own, below its key");
    case ',':
      return cursor.fail("a comma where a value is needed: take one out; a text that starts with , stands in quotes");
    case ']':
    case '}':
      return cursor.fail(std::string(1, c) + " closes nothing here, or another bracket than it should");
    case '|':
    case '>':
      return cursor.fail("text of several lines cannot begin within brackets or at the top: use quotes");
    case '%':
    case '@':
    case '`':
      return cursor.fail(std::string("a text that starts with ") + c + " stands in quotes");
    case '#':
      return cursor.fail("a blank is needed before #");
    case '"':
    case '\'':
    default:
      return true;
  }
}

}  // namespace lockstep
