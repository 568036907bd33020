// The scalars of the second look (strict_yaml.h): plain, quoted and block, at the cursor, folded as YAML folds them.
//
//   bool plain(YamlCursor&, Block{indent, in_flow}, PlainText*);
//
// `indent` is that of the block around: text that goes on in another line stands deeper. Each returns false where the
// cursor has an error.
#ifndef LOCKSTEP_SYNTAX_YAML_SCALARS_H_
#define LOCKSTEP_SYNTAX_YAML_SCALARS_H_

#include <string>

#include "syntax/yaml_cursor.h"

namespace lockstep {

struct ScalarText {
  std::string text;
  int line = 0;         // where it starts
  bool quoted = false;  // by quotes, or a block scalar
  bool one_line = true;
};

bool read_plain(YamlCursor& cursor, long indent, bool in_flow, ScalarText* out);
bool read_quoted(YamlCursor& cursor, long indent, ScalarText* out);
bool read_block_scalar(YamlCursor& cursor, long indent, ScalarText* out);  // at | or >

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_YAML_SCALARS_H_
