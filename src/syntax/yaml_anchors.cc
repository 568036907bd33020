#include "syntax/yaml_anchors.h"

namespace lockstep {

std::string_view YamlAnchors::take_name(YamlCursor& cursor) {
  cursor.advance();
  std::size_t size = 0;
  while (!cursor.ends_word(size) && std::string_view(",[]{}").find(cursor.peek(size)) == std::string_view::npos) ++size;
  const std::string_view name = cursor.rest_of_line().substr(0, size);
  cursor.advance(size);
  return name;
}

bool YamlAnchors::find(YamlCursor& cursor, const std::string& script, AnchoredPiece* out) const {
  constexpr std::size_t longest = 16U << 20;
  const auto found = pieces_.find(std::string(take_name(cursor)));
  if (found == pieces_.end()) return cursor.fail("an alias (*name) of nothing, or inside what it stands for");
  *out = found->second;
  return script.size() + (out->end - out->first) <= longest || cursor.refuse("aliases that grow past every use");
}

}  // namespace lockstep
