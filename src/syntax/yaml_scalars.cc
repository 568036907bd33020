#include "syntax/yaml_scalars.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace lockstep {
namespace {

bool is_flow_indicator(char c) {
  return c != '\0' && std::string_view(",[]{}").find(c) != std::string_view::npos;
}

// "- x", "key:" and "key: x": a line of text that most likely is none.
bool looks_like_entry(std::string_view line) {
  if (line == "-" || line.starts_with("- ")) return true;
  const auto is_of_key = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '"' || c == '\'';
  };
  const std::size_t end =
      static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), is_of_key) - line.begin());
  return end > 0 && end < line.size() && line[end] == ':' &&
         (end + 1 == line.size() || line[end + 1] == ' ' || line[end + 1] == '\t');
}

std::string on_line(int line) {
  return " of line " + std::to_string(line);
}

// Line ends between two pieces of text: one is a space, more are one line end less.
void fold(std::string& out, long breaks) {
  if (breaks == 1) out += ' ';
  if (breaks > 1) out.append(static_cast<std::size_t>(breaks - 1), '\n');
}

// From a line end inside quotes to the text of the next line that has some.
bool continue_quoted(YamlCursor& cursor, long indent, const ScalarText& out, long* breaks) {
  for (*breaks = 0; cursor.at_break(); ++*breaks) {
    if (cursor.at_end()) return cursor.fail("the quote" + on_line(out.line) + " is not closed");
    cursor.next_line();
    long spaces = 0;
    for (; cursor.peek() == ' '; cursor.advance()) ++spaces;
    cursor.skip_blanks();
    if (cursor.at_break()) continue;
    if (spaces <= indent || cursor.at_marker() || looks_like_entry(cursor.rest_of_line()))
      return cursor.fail("the quote" + on_line(out.line) +
                         " is not closed before this line: close it, or write the text on one line");
  }
  return true;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

// Behind a backslash that no line end follows.
bool read_escape(YamlCursor& cursor, std::string& out) {
  constexpr std::string_view simple = "0abtnvfre \"/\\";
  constexpr std::string_view means{"\0\a\b\t\n\v\f\r\x1b \"/\\", 13};
  const char c = cursor.peek();
  cursor.advance();
  if (const std::size_t at = simple.find(c); c != '\0' && at != std::string_view::npos) {
    out += means[at];
    return true;
  }
  if (c == 'N' || c == '_') return append_utf8(out, c == 'N' ? 0x85 : 0xa0), true;
  if (c == 'L' || c == 'P') return append_utf8(out, c == 'L' ? 0x2028 : 0x2029), true;
  const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  const std::string_view hex = cursor.rest_of_line().substr(0, digits);
  std::uint32_t code = 0;
  const auto [end, ec] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
  if (digits == 0 || hex.size() != digits || ec != std::errc() || end != hex.data() + hex.size() || code > 0x10ffff ||
      (code >= 0xd800 && code <= 0xdfff))
    return cursor.fail(
        "a backslash in double quotes that no escape follows: write \\\\ for the character itself, or use "
        "single quotes");
  cursor.advance(digits);
  append_utf8(out, code);
  return true;
}

}  // namespace

bool read_quoted(YamlCursor& cursor, long indent, ScalarText* out) {
  const char quote = cursor.peek();
  *out = {{}, cursor.line(), true, true};
  cursor.advance();
  std::size_t kept = 0;  // blanks behind this are those before a line end, if one comes
  while (cursor.at_end() || cursor.peek() != quote || (quote == '\'' && cursor.peek(1) == quote)) {
    long breaks = 0;
    if (cursor.at_break()) {
      out->text.resize(kept);
      if (!continue_quoted(cursor, indent, *out, &breaks)) return false;
      fold(out->text, breaks);
      out->one_line = false;
    } else if (quote == '"' && cursor.peek() == '\\') {
      cursor.advance();
      if (cursor.at_break()) {
        if (!continue_quoted(cursor, indent, *out, &breaks)) return false;
        out->text.append(static_cast<std::size_t>(breaks - 1), '\n');
        out->one_line = false;
      } else if (!read_escape(cursor, out->text)) {
        return false;
      }
    } else {
      out->text += cursor.peek();
      const bool blank = cursor.is_blank();
      cursor.advance(quote == '\'' && cursor.peek() == quote ? 2 : 1);
      if (blank) continue;
    }
    kept = out->text.size();
  }
  cursor.advance();
  return true;
}

bool read_plain(YamlCursor& cursor, long indent, bool in_flow, ScalarText* out) {
  *out = {{}, cursor.line(), false, true};
  while (true) {
    std::size_t kept = out->text.size();
    while (!cursor.at_break() && !cursor.at_comment() && !(in_flow && is_flow_indicator(cursor.peek())) &&
           !(cursor.peek() == ':' && (cursor.ends_word(1) || (in_flow && is_flow_indicator(cursor.peek(1)))))) {
      out->text += cursor.peek();
      if (!cursor.is_blank()) kept = out->text.size();
      cursor.advance();
    }
    out->text.resize(kept);
    if (!cursor.at_break()) return true;
    YamlCursor next = cursor;
    long breaks = 0, spaces = 0;
    while (next.at_break() && !next.at_end()) {
      next.next_line();
      ++breaks;
      for (spaces = 0; next.peek() == ' '; next.advance()) ++spaces;
      if (next.peek() == '\t' && !in_flow) {
        cursor = next;
        return cursor.fail_tab();
      }
      next.skip_blanks();
    }
    if (next.at_end() || next.at_marker() || next.at_comment() || spaces <= indent) return true;
    if (in_flow && is_flow_indicator(next.peek())) return true;
    cursor = next;
    if (looks_like_entry(cursor.rest_of_line()))
      return cursor.fail("this line goes on with the text" + on_line(out->line) +
                         ": line it up with the entries above, or put the text in quotes");
    out->one_line = false;
    fold(out->text, breaks);
  }
}

namespace {

struct BlockHeader {
  bool folds = false;
  char chomping = '\0';  // - or +
  long depth = 0;        // 0: that of the first line
};

bool read_header(YamlCursor& cursor, BlockHeader* out) {
  out->folds = cursor.peek() == '>';
  cursor.advance();
  for (int i = 0; i < 2; ++i) {
    const char c = cursor.peek();
    if ((c == '-' || c == '+') && out->chomping == '\0') {
      out->chomping = c;
      cursor.advance();
    } else if (c >= '1' && c <= '9' && out->depth == 0) {
      out->depth = c - '0';
      cursor.advance();
    }
  }
  cursor.skip_blanks();
  if (!cursor.at_break() && !cursor.at_comment())
    return cursor.fail(
        "text behind | or >: write it on the next line, indented; a text that starts so stands in quotes");
  cursor.advance(cursor.rest_of_line().size());
  return true;
}

// The spaces that the block stands behind: those of its first line with text.
long depth_of_block(YamlCursor cursor, long indent, bool* blanks_are_deeper) {
  long deepest = 0;
  while (!cursor.at_end()) {
    cursor.next_line();
    long spaces = 0;
    for (; cursor.peek() == ' '; cursor.advance()) ++spaces;
    if (cursor.at_break()) {
      deepest = std::max(deepest, spaces);
      continue;
    }
    if (spaces <= indent) break;
    *blanks_are_deeper = deepest > spaces;
    return spaces;
  }
  return indent + 1;
}

}  // namespace

bool read_block_scalar(YamlCursor& cursor, long indent, ScalarText* out) {
  *out = {{}, cursor.line(), true, false};
  BlockHeader header;
  if (!read_header(cursor, &header)) return false;
  bool blanks_are_deeper = false;
  const long depth =
      header.depth > 0 ? std::max(indent, 0L) + header.depth : depth_of_block(cursor, indent, &blanks_are_deeper);
  if (blanks_are_deeper)
    return cursor.fail("a blank line of more spaces than the text below it has: take the spaces out");
  std::string breaks;  // line ends behind the text so far: its own, then those of blank lines
  bool had_text = false, was_indented = false, behind_header = true;
  while (!cursor.at_end()) {
    YamlCursor next = cursor;
    next.next_line();
    if (!behind_header) breaks += '\n';
    behind_header = false;
    long spaces = 0;
    for (; spaces < depth && next.peek() == ' '; next.advance()) ++spaces;
    if (next.at_break()) {
      cursor = next;
      continue;
    }
    if (spaces < depth && spaces > indent && next.peek() != '#' && next.peek() != '\t') {
      cursor = next;
      return cursor.fail("this line is indented less than the text" + on_line(out->line) +
                         " that it seems to belong to");
    }
    if (next.peek() == '\t' && (spaces < depth || (!had_text && header.depth == 0))) {
      cursor = next;
      return cursor.fail_tab();
    }
    if (spaces < depth) break;
    cursor = next;
    const bool indented = cursor.is_blank();
    if (had_text && header.folds && !indented && !was_indented) {
      fold(out->text, static_cast<long>(breaks.size()));
    } else {
      out->text += breaks;
    }
    const std::string_view line = cursor.rest_of_line();
    out->text += line;
    cursor.advance(line.size());
    breaks.clear();
    had_text = true;
    was_indented = indented;
  }
  if (header.chomping == '+') {
    out->text += breaks;
  } else if (header.chomping == '\0' && had_text && !breaks.empty()) {
    out->text += '\n';
  }
  return true;
}

}  // namespace lockstep
