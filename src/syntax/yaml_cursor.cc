#include "syntax/yaml_cursor.h"

#include <algorithm>

namespace lockstep {

bool YamlCursor::ends_word(std::size_t ahead) const {
  if (at_ + ahead >= text_.size() || is_blank(ahead) || peek(ahead) == '\n') return true;
  return peek(ahead) == '\r' && peek(ahead + 1) == '\n';
}

bool YamlCursor::at_marker() const {
  const std::string_view three = text_.substr(std::min(at_, text_.size()), 3);
  return column() == 0 && (three == "---" || three == "...") && ends_word(3);
}

bool YamlCursor::first_in_line() const {
  const std::string_view before = text_.substr(line_start_, at_ - line_start_);
  return before.find_first_not_of(' ') == std::string_view::npos;
}

std::string_view YamlCursor::rest_of_line() const {
  const std::string_view rest = text_.substr(std::min(at_, text_.size()));
  const std::string_view line = rest.substr(0, rest.find('\n'));
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::size_t YamlCursor::blanks() const {
  std::size_t count = 0;
  while (is_blank(count)) ++count;
  return count;
}

void YamlCursor::next_line() {
  at_ += at_end() ? 0 : peek() == '\r' ? 2 : 1;
  line_start_ = at_;
  ++line_;
}

bool YamlCursor::skip_gap() {
  while (true) {
    if (column() == 0)
      while (peek() == ' ') ++at_;
    if (peek() == '\t' && first_in_line()) return fail_tab();
    skip_blanks();
    if (at_comment()) at_ += rest_of_line().size();
    if (!at_break() || at_end()) return true;
    next_line();
  }
}

bool YamlCursor::skip_flow_gap(long indent, int opened, char bracket) {
  while (true) {
    const bool fresh = column() == 0;
    long spaces = 0;
    for (; peek() == ' '; ++at_) ++spaces;
    skip_blanks();
    if (at_comment()) at_ += rest_of_line().size();
    if (at_end()) return fail(std::string(1, bracket) + " of line " + std::to_string(opened) + " is not closed");
    if (at_break()) {
      next_line();
      continue;
    }
    if (fresh && opened != line_ && peek() != ']' && peek() != '}' && (spaces <= indent || at_marker()))
      return fail(std::string(1, bracket) + " of line " + std::to_string(opened) +
                  " is not closed before this line: close it, or indent what belongs to it");
    return true;
  }
}

bool YamlCursor::refuse(std::string message) {
  if (!error_) error_ = input_error({}, line_, std::move(message));
  return false;
}

}  // namespace lockstep
