// JSON for people and programs: a string holds the text itself, and still nothing that reaches a terminal or a log acts
// there.
//
//   Json out = {{"path", json_text(rule.path)}};
//   return json_document(out);                 // a reader gets the very path back
//
// JSON can escape by itself what printable() escapes: the document is ASCII, with \uNNNN for all else. Text that is no
// UTF-8, which JSON cannot hold, becomes printable() text.
#ifndef LOCKSTEP_SYNTAX_JSON_TEXT_H_
#define LOCKSTEP_SYNTAX_JSON_TEXT_H_

#include <string>

#include <lockstep/error.h>

#include "syntax/json.h"

namespace lockstep {

inline std::string json_text(const std::string& text) {
  return is_valid_utf8(text) ? text : printable(text);
}

// Indented, with a newline at its end.
inline std::string json_document(const Json& json) {
  std::string out = json.dump(2, true);
  // Inside strings alone: what a CI runner takes for a command, wherever in a line it stands.
  for (std::size_t at = out.find("##"); at != std::string::npos; at = out.find("##", at + 1))
    out.replace(at + 1, 1, "\\u0023");
  return out + "\n";
}

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_JSON_TEXT_H_
