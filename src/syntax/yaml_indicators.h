// The characters of YAML that a text without quotes cannot begin with, in the second look (strict_yaml.h).
//
//   begins_plain(cursor, false)      // or an error that says what stands here, and what to write instead
//
// Names of tags, anchors and aliases are in no message: a password without quotes may look like one.
#ifndef LOCKSTEP_SYNTAX_YAML_INDICATORS_H_
#define LOCKSTEP_SYNTAX_YAML_INDICATORS_H_

#include <string_view>

#include "syntax/yaml_cursor.h"

namespace lockstep {

bool begins_plain(YamlCursor& cursor, bool in_flow);
// At a !: one of the core schema, written !!name, and the only one here.
bool read_tag(YamlCursor& cursor, bool in_flow, std::string_view* tag);

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_YAML_INDICATORS_H_
