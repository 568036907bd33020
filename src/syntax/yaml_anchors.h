// YamlAnchors: what stood at each &name of a script (strict_yaml.h), to be repeated for *name.
//
//   if (!anchors.find(cursor, script, &piece)) return false;     // at a *
//
// Part of the second look (strict_yaml.h), and only for CDI specs: a policy has no aliases.
#ifndef LOCKSTEP_SYNTAX_YAML_ANCHORS_H_
#define LOCKSTEP_SYNTAX_YAML_ANCHORS_H_

#include <map>
#include <string>
#include <string_view>

#include "syntax/yaml_cursor.h"

namespace lockstep {

struct AnchoredPiece {
  std::size_t first = 0, end = 0;  // of the script
  std::size_t nodes = 0;
};

class YamlAnchors {
 public:
  // Takes the name behind & or * off the cursor.
  static std::string_view take_name(YamlCursor& cursor);
  void set(std::string_view name, AnchoredPiece piece) { pieces_[std::string(name)] = piece; }
  // At a *: what stood at the anchor. False, with an error, where nothing did, or where the script would become too
  // long.
  bool find(YamlCursor& cursor, const std::string& script, AnchoredPiece* out) const;

 private:
  std::map<std::string, AnchoredPiece> pieces_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_YAML_ANCHORS_H_
