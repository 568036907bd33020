// The reader behind strict_yaml.h. Blocks and the document are in strict_yaml.cc, what stands in brackets in
// strict_yaml_flow.cc.
//
//   Result<std::string> script = StrictYaml(text, false).script();
//
// Each step returns whether to go on; the cursor has the error.
#ifndef LOCKSTEP_SYNTAX_STRICT_YAML_READER_H_
#define LOCKSTEP_SYNTAX_STRICT_YAML_READER_H_

#include <optional>

#include "syntax/strict_yaml.h"
#include "syntax/yaml_anchors.h"
#include "syntax/yaml_cursor.h"
#include "syntax/yaml_scalars.h"

namespace lockstep {

// Where a node begins: what may begin there differs.
enum class Place { line_start, after_dash, after_key };

class StrictYaml {
 public:
  StrictYaml(std::string_view text, bool as_spec) : cursor_(text), as_spec_(as_spec) {}
  Result<std::string> script();

 private:
  bool document();
  bool directives();
  // What stands before a value: one of each at most, in any order.
  struct Properties {
    std::optional<std::string_view> tag, anchor;
    std::string_view tag_name() const { return tag.value_or(std::string_view()); }
  };

  bool node(long indent, Place place);
  bool content(long indent, Place place, const Properties& own);
  bool at_property() const { return cursor_.peek() == '!' || (cursor_.peek() == '&' && as_spec_); }
  bool take_property(bool in_flow, Properties* out);
  bool set_anchor(const Properties& own, std::size_t first, std::size_t nodes);
  bool alias(const Properties& own);
  bool text_or_mapping(long indent, Place place, std::string_view tag);
  bool mapping(long column, ScalarText key);
  bool sequence(long column);
  bool value_of_key(long column);
  bool key(ScalarText* out);
  bool flow(long indent);
  bool flow_item(long indent, bool in_mapping);
  bool flow_node(long indent);
  bool flow_content(long indent, const Properties& own);
  bool collection_tag(std::string_view tag, std::string_view name);

  bool open(char mark);
  bool close(char mark);
  bool add(const std::string& piece);
  bool scalar(const ScalarText& text, std::string_view tag);
  bool key_scalar(const ScalarText& text);
  bool null() { return add(script_scalar(Node::Kind::null, "")); }
  bool follows(long column);
  bool ends_block() const { return cursor_.at_end() || cursor_.at_marker(); }
  bool at_colon() const { return cursor_.peek() == ':' && cursor_.ends_word(1); }

  YamlCursor cursor_;
  const bool as_spec_;
  YamlAnchors anchors_;
  std::string script_;
  int depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_STRICT_YAML_READER_H_
