// A second look at a YAML text, before and beside yaml-cpp: strict where yaml-cpp is lenient.
//
//   Result<std::string> script = strict_yaml(text);   // what the text says, as one line of marks and scalars
//
// yaml-cpp takes a quote as closed where the file ends, lets lines be indented in any way, and needs memory without
// bound for a text of brackets. A policy that is read so can lose what it demands. So every text is read twice: here,
// by rules that leave no doubt and in no more memory than the text needs, and then by yaml-cpp, whose events must be
// the very same.
//
// What this reader does not take is refused with a sentence. That includes YAML that is legal and that nobody needs:
//   - keys with ?, anchors and aliases, tags beside those of the core schema
//   - `[key: value]`, directives other than %YAML, control characters, tabs as indentation
//   - text over several lines where a line looks like an entry of its own. It most likely is one: a quote is not
//     closed, or a line is indented too deep.
#ifndef LOCKSTEP_SYNTAX_STRICT_YAML_H_
#define LOCKSTEP_SYNTAX_STRICT_YAML_H_

#include <string>
#include <string_view>

#include <lockstep/error.h>

#include "syntax/document.h"

namespace lockstep {

// "" where the text has no content. An error has a line and no file, and never quotes a value of the text. `as_spec`:
// aliases are replaced by what they stand for, and what follows the first document is not looked at.
Result<std::string> strict_yaml(std::string_view text, bool as_spec = false);

// One scalar as it stands in a script. Collections stand there as { } [ ].
std::string script_scalar(Node::Kind kind, std::string_view text);

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_STRICT_YAML_H_
