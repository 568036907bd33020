// What an unquoted word of YAML is by the core schema of YAML 1.2, and what a tag makes of it.
//
//   core_type("0x10") == CoreType::integer;
//   core_type("True") == CoreType::boolean;
//   core_type("yes") == CoreType::text
//
// JSON's true, false and numbers are of the same types.
#ifndef LOCKSTEP_SYNTAX_CORE_SCHEMA_H_
#define LOCKSTEP_SYNTAX_CORE_SCHEMA_H_

#include <optional>
#include <string_view>

#include "syntax/document.h"

namespace lockstep {

enum class CoreType { null, boolean, integer, real, text };

CoreType core_type(std::string_view plain);

// Whether every reader of YAML takes the word for text. Not so for no, 010, 12:30 and 2027-03-31, which readers of YAML
// 1.1 take for something else.
bool is_text_to_everybody(std::string_view plain);

// What a scalar is: by its tag ("": it has none; "!!int" and the like, or the same written out), else by its quotes and
// its text. Empty where the tag is not of the core schema, or the text is not what the tag says.
std::optional<Node::Kind> scalar_kind(std::string_view tag, bool quoted, std::string_view text);
// The core schema's name for a tag in either spelling: "int" for "!!int"; "" for any other tag.
std::string_view core_tag(std::string_view tag);

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_CORE_SCHEMA_H_
