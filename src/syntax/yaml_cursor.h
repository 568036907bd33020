// YamlCursor: a place in a YAML text, with its line and column, and what stands between two things of the text.
//
//   YamlCursor cursor(text);
//   if (!cursor.skip_gap()) return *cursor.error();            // over blanks, comments and line ends to the next thing
//   if (cursor.column() == 0 && cursor.peek() == '-') ...
//
// Part of the second look (strict_yaml.h).
#ifndef LOCKSTEP_SYNTAX_YAML_CURSOR_H_
#define LOCKSTEP_SYNTAX_YAML_CURSOR_H_

#include <optional>
#include <string>
#include <string_view>

#include <lockstep/error.h>

namespace lockstep {

class YamlCursor {
 public:
  explicit YamlCursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  char previous() const { return at_ > line_start_ ? text_[at_ - 1] : '\n'; }
  bool is_blank(std::size_t ahead = 0) const { return peek(ahead) == ' ' || peek(ahead) == '\t'; }
  bool at_break() const { return at_end() || peek() == '\n' || (peek() == '\r' && peek(1) == '\n'); }
  // Whether a blank, a line end or the end of the text is there: a word of YAML ends at these.
  bool ends_word(std::size_t ahead) const;
  bool at_comment() const { return peek() == '#' && (previous() == '\n' || previous() == ' ' || previous() == '\t'); }
  bool at_dash() const { return peek() == '-' && ends_word(1); }
  bool at_marker() const;  // of a document: --- or ... at the start of a line
  bool first_in_line() const;
  int line() const { return line_; }
  long column() const { return static_cast<long>(at_ - line_start_); }
  std::string_view rest_of_line() const;

  void advance(std::size_t count = 1) { at_ += count; }  // within a line
  void skip_blanks() { at_ += static_cast<std::size_t>(is_blank()) == 0 ? 0 : blanks(); }
  void next_line();  // from a line end
  // Up to the next thing that is neither blank nor comment; a tab that would be indentation is refused.
  bool skip_gap();
  // The same within brackets of a block indented by `indent`: a line has to be deeper, or to begin with a
  // closing bracket.
  bool skip_flow_gap(long indent, int opened, char bracket);

  // Always false. For what is against YAML itself: "not valid YAML: " is put before the message.
  bool fail(const std::string& message) { return refuse("not valid YAML: " + message); }
  bool refuse(std::string message);
  bool fail_tab() { return fail("a tab where lines are indented: write spaces instead"); }
  const std::optional<Error>& error() const { return error_; }  // names no file

 private:
  std::size_t blanks() const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  std::optional<Error> error_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_YAML_CURSOR_H_
