// YAML to a tree, read twice (strict_yaml.h).
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>

#include "syntax/core_schema.h"
#include "syntax/strict_yaml.h"
#include "syntax/tree_builder.h"
#include "syntax/yaml_aliases.h"

namespace lockstep {
namespace {

// yaml-cpp's events are used, not its nodes: nodes hide aliases and, on lookup, duplicate keys. Thrown to
// leave its parser; never leaves this file.
struct Refused {};

class YamlEvents : public YAML::EventHandler {
 public:
  YamlEvents(TreeBuilder& builder, std::string_view script) : builder_(builder), script_(script) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) need(builder_.fail(line(mark), "a second document starts here: a file holds one"));
    started_ = true;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { scalar(mark, Node::Kind::null, ""); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { differ(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    // yaml-cpp's own tags are "!" for a quoted scalar and "?" for anything plain.
    const std::optional<Node::Kind> kind = scalar_kind(tag == "?" || tag == "!" ? "" : tag, tag == "!", value);
    if (!kind) differ(mark);
    scalar(mark, *kind, *kind == Node::Kind::null ? "" : value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    expect(mark, "[");
    need(builder_.open(Node::Kind::sequence, line(mark)));
  }
  void OnSequenceEnd() override { end("]"); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    expect(mark, "{");
    need(builder_.open(Node::Kind::mapping, line(mark)));
  }
  void OnMapEnd() override { end("}"); }

  bool saw_all() const { return script_.empty(); }

 private:
  static int line(const YAML::Mark& mark) { return mark.line + 1; }
  static void need(bool ok) {
    if (!ok) throw Refused();
  }
  void differ(const YAML::Mark& mark) {
    need(builder_.fail(line(mark),
                       "not valid YAML: two readers take this line, or the one before it, for different "
                       "things: write one entry on each line, "
                       "indented alike, and text in quotes"));
  }
  void expect(const YAML::Mark& mark, std::string_view piece) {
    last_ = mark;
    if (!script_.starts_with(piece)) differ(mark);
    script_.remove_prefix(piece.size());
  }
  void end(std::string_view piece) {
    expect(last_, piece);
    need(builder_.close());
  }
  void scalar(const YAML::Mark& mark, Node::Kind kind, const std::string& value) {
    expect(mark, script_scalar(kind, value));
    need(builder_.scalar(kind, value, line(mark)));
  }

  TreeBuilder& builder_;
  std::string_view script_;
  YAML::Mark last_;
  bool started_ = false;
};

// Control characters, and what some readers take for the end of a line and others do not.
std::size_t find_unreadable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t ahead) {
      return i + ahead < text.size() ? static_cast<unsigned char>(text[i + ahead]) : 0U;
    };
    const unsigned c = byte(0);
    if ((c < 0x20 && c != '\t' && c != '\n' && !(c == '\r' && byte(1) == '\n')) || c == 0x7f) return i;
    if (c == 0xc2 && byte(1) < 0xa0) return i;                                           // U+0080 to U+009F
    if (c == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9)) return i;  // U+2028, U+2029
    if (c == 0xef && ((byte(1) == 0xbb && byte(2) == 0xbf) || (byte(1) == 0xbf && byte(2) >= 0xbe)))
      return i;  // U+FEFF, U+FFFE, U+FFFF
  }
  return std::string_view::npos;
}

}  // namespace

void read_yaml(std::string_view text, TreeBuilder& builder, bool as_spec) {
  if (const std::size_t at = find_unreadable(text); at != std::string_view::npos) {
    builder.fail(line_of(text, at),
                 text[at] == '\r'
                     ? "not valid YAML: a carriage return that no line feed follows: end lines with a line feed"
                     : "not valid YAML: a control character or a line separator: write it as \\xNN or \\uNNNN in "
                       "double quotes");
    return;
  }
  const Result<std::string> script = strict_yaml(text, as_spec);
  if (!script.ok()) {
    builder.fail(script.error().line, script.error().message);
    return;
  }
  if (script->empty()) return;
  std::istringstream stream{std::string(text)};
  YamlEvents events(builder, *script);
  try {
    YAML::Parser parser(stream);
    YamlAliases aliases(events);
    if (as_spec) {
      parser.HandleNextDocument(aliases);
    } else {
      while (parser.HandleNextDocument(events)) {
      }
    }
  } catch (const Refused&) {
    return;  // the builder has the reason
  } catch (const YAML::Exception& error) {
    builder.fail(error.mark.is_null() ? 0 : error.mark.line + 1,
                 "not valid YAML: yaml-cpp does not take it: put text in quotes, and one entry on each line");
    return;
  }
  if (!events.saw_all())
    builder.fail(0, "not valid YAML: two readers see different ends of the file: write a line end there");
}

}  // namespace lockstep
