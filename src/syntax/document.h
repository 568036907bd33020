// Node: a YAML or JSON document as a plain tree with lines, before anyone asks what it means.
//
//   Result<Node> root = parse_document(text, "p.yaml");
//   for (auto& [key, value] : root->entries) ...              // keys in order of the text
//
// One shape for both syntaxes, so that what comes after cannot treat them differently. Refused here, with file and
// line: what does not parse, a duplicate key, a key that is no string, an anchor, an alias, a tag that is not of the
// core schema, more than one document, an empty document, invalid UTF-8, a NUL, nesting deeper than max_depth, more
// than max_nodes values, and YAML that two readers take for different things. A byte order mark at the start is passed
// over. YAML's merge key `<<` is a key like any other. Parsing reads no files. No error of parsing quotes a value: it
// may be secret.
#ifndef LOCKSTEP_SYNTAX_DOCUMENT_H_
#define LOCKSTEP_SYNTAX_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/error.h>

namespace lockstep {

struct Node {
  // A plain YAML scalar is `plain`: true, 12 and /usr alike, for the reader says what it wants. A quoted scalar, one
  // with the tag !!str, and every JSON string is `string`. JSON's true, false and numbers are `plain`. JSON's null, and
  // YAML's null, ~ and empty value, are `null`.
  enum class Kind : std::uint8_t { null, plain, string, sequence, mapping };
  static constexpr int max_depth = 64;
  static constexpr std::size_t max_nodes = 125'000;  // a document with that many takes 64 MiB of memory

  Node();  // out of line: clang 14 cannot default it inside a class whose pair of itself is not complete yet

  Kind kind = Kind::null;
  int line = 0;  // 1-based
  std::string scalar;
  std::vector<Node> items;                            // of a sequence
  std::vector<std::pair<std::string, Node>> entries;  // of a mapping
  std::vector<int> key_lines;                         // line of the key of each entry
  std::vector<Kind> key_kinds;                        // `true:` is no text to who reads types, `"true":` is

  const Node* find(std::string_view key) const;  // of a mapping; nullptr where absent
};

// JSON where `name` ends in ".json", else YAML, which is read twice (strict_yaml.h).
Result<Node> parse_document(std::string_view text, const std::string& name, std::size_t most_nodes = Node::max_nodes);
// Reads as runtimes read CDI specs: as YAML whatever `name` says, with aliases replaced by what they stand for; what
// follows the first document is not read.
Result<Node> parse_spec_document(std::string_view text, const std::string& name);
// The line of a place in a text, from 1.
int line_of(std::string_view text, std::size_t offset);
// The whole of a regular file (or "-", standard input), at most `limit` bytes.
Result<std::string> read_input_file(const std::string& path, std::size_t limit);

// One text for everything that says the same: keys in order, no comments, no layout.
std::string canonical_text(const Node& node);

// Printable text for a message, cut: a key or a token can be as long as the file.
std::string shortened(std::string_view text);

// Strict readers of one node. The message names `what` ("landlock.min_abi") and says what to write instead.
Result<std::string> read_string(const Node& node, const std::string& file, const std::string& what);  // plain or string
// Unquoted, of YAML's core schema: true, True, TRUE; 12, +12, 0xc, 0o14. Not 010, which is 8 to some readers and 10 to
// others.
Result<bool> read_bool(const Node& node, const std::string& file, const std::string& what);
Result<long> read_integer(const Node& node, const std::string& file, const std::string& what, long low, long high);
// An absolute path without .. or control characters, normalised.
Result<std::string> read_path(const Node& node, const std::string& file, const std::string& what);
// A list of rights by name; read, write and all stand for what read_only grants, the rest, and both.
Result<AccessSet> read_rights(const Node& node, const std::string& file, const std::string& what);
// An error where `node` is no mapping, or has a key outside `known`; then the nearest known key is suggested.
Result<void> check_keys(const Node& node, const std::string& file, const std::string& what,
                        const std::vector<std::string_view>& known);
// What the document is: "a policy", "a CDI spec", "a host file"; empty where it cannot be told.
std::string_view kind_of_document(const Node& root);
// The same for a whole document. `what` is its kind ("a policy"). Where the document is of another kind, the error says
// of which, and `hint` says where to get the right one.
Result<void> check_root(const Node& root, const std::string& file, const std::string& what, const std::string& hint,
                        const std::vector<std::string_view>& known);

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_DOCUMENT_H_
