// TreeBuilder: makes the tree of a document out of a parser's events, and refuses what both syntaxes refuse.
//
//   TreeBuilder builder("p.yaml", Node::max_nodes);
//   read_yaml(text, builder, false);                                 // or read_json
//   if (builder.error()) return *builder.error();
//   return std::move(*builder.root());
//
// Each event returns whether to go on. The first error is kept.
#ifndef LOCKSTEP_SYNTAX_TREE_BUILDER_H_
#define LOCKSTEP_SYNTAX_TREE_BUILDER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "syntax/document.h"

namespace lockstep {

class TreeBuilder {
 public:
  TreeBuilder(const std::string& file, std::size_t most_nodes) : file_(file), most_nodes_(most_nodes) {}

  bool open(Node::Kind kind, int line);
  bool close();
  bool scalar(Node::Kind kind, std::string text, int line);
  bool key(Node::Kind kind, std::string text, int line);
  bool expects_key() const {
    return !stack_.empty() && stack_.back().node.kind == Node::Kind::mapping && !stack_.back().has_key;
  }
  bool fail(int line, std::string message);

  const std::optional<Error>& error() const { return error_; }
  std::optional<Node>& root() { return root_; }

 private:
  struct Level {
    Node node;
    std::string key;
    Node::Kind key_kind;
    int key_line;
    bool has_key;
  };

  bool keys_differ(const Node& mapping);
  bool may_be_secret(const std::string& key) const;
  bool add(Node node);

  const std::string& file_;
  const std::size_t most_nodes_;
  std::size_t nodes_ = 0;
  std::vector<Level> stack_;
  std::optional<Node> root_;
  std::optional<Error> error_;
};

// `as_spec`: see parse_spec_document.
void read_yaml(std::string_view text, TreeBuilder& builder, bool as_spec);
void read_json(std::string_view text, TreeBuilder& builder);

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_TREE_BUILDER_H_
