// What the reader of documents accepts, another parser reads alike: libyaml for YAML, Python's json for JSON,
// over thousands of policies with a character, a quote, a bracket, a line or their indentation changed, and
// over every beginning of some.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "syntax/core_schema.h"
#include "syntax/json.h"
#include "testing/run_program.h"

namespace lockstep {
namespace {

using testing::Ended;
using testing::TemporaryDirectory;

Json tree(const Node& node) {
  constexpr const char* types[] = {"null", "boolean", "integer", "real", "text"};
  switch (node.kind) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::plain:
      return {"plain", node.scalar, types[static_cast<int>(core_type(node.scalar))]};
    case Node::Kind::string:
      return {"string", node.scalar};
    case Node::Kind::sequence:
    case Node::Kind::mapping:
      break;
  }
  Json out = Json::array({node.kind == Node::Kind::sequence ? "list" : "mapping"});
  for (const Node& item : node.items) out.push_back(tree(item));
  for (const auto& [key, value] : node.entries) out.push_back(Json::array({key, tree(value)}));
  return out;
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutated(std::string text) {
    for (std::size_t left = 1 + below(3); left > 0; --left) change(text);
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  // The start of a line.
  std::size_t line(const std::string& text) {
    const std::size_t end = text.rfind('\n', below(text.size() + 1));
    return end == std::string::npos ? 0 : end + 1;
  }
  std::string a_line(const std::string& text) {
    const std::size_t start = line(text);
    return text.substr(start, text.find('\n', start) - start) + "\n";
  }

  void change(std::string& text) {
    static const std::vector<std::string> pieces = {"\"",
                                                    "'",
                                                    "[",
                                                    "]",
                                                    "{",
                                                    "}",
                                                    ":",
                                                    ": ",
                                                    ",",
                                                    ", ",
                                                    "#",
                                                    " #",
                                                    "-",
                                                    "- ",
                                                    "? ",
                                                    "&a ",
                                                    "*a",
                                                    "!",
                                                    "!!str ",
                                                    "!!int ",
                                                    "|",
                                                    ">",
                                                    "|-\n",
                                                    ">+\n",
                                                    "%",
                                                    "@",
                                                    "`",
                                                    "\t",
                                                    " ",
                                                    "  ",
                                                    "\n",
                                                    "\r",
                                                    "\r\n",
                                                    "\n\n",
                                                    "\n  ",
                                                    "\n\t",
                                                    "---\n",
                                                    "--- ",
                                                    "...\n",
                                                    "%YAML 1.2\n",
                                                    "\\",
                                                    "\\n",
                                                    "\\x41",
                                                    "\\u00e9",
                                                    "\"\"",
                                                    "''",
                                                    "~",
                                                    "null",
                                                    "True",
                                                    "0x10",
                                                    "0o7",
                                                    "010",
                                                    "+1",
                                                    "1.5",
                                                    "yes",
                                                    "<<: ",
                                                    "\xef\xbb\xbf",
                                                    "\xc2\x85",
                                                    "\xe2\x80\xa8",
                                                    "\xc3\xa9",
                                                    "// x\n",
                                                    "/* x */",
                                                    "# x\n",
                                                    "x",
                                                    "a: b",
                                                    "a: b\n",
                                                    "[a, b]",
                                                    "{a: b}",
                                                    "\"a\": 1",
                                                    "NaN",
                                                    "\x7f",
                                                    "\x01"};
    const std::size_t at = below(text.size() + 1), start = line(text);
    switch (below(13)) {
      case 0:
        text.erase(std::min(at, text.size()), 1);
        return;
      case 1:
      case 2:
      case 3:
        text.insert(at, pieces[below(pieces.size())]);
        return;
      case 4:
        if (at < text.size()) text.insert(at, 1, text[at]);
        return;
      case 5:
        if (at + 1 < text.size()) std::swap(text[at], text[at + 1]);
        return;
      case 6:
        text.insert(start, std::string(1 + below(4), ' '));
        return;
      case 7:
        text.erase(start, std::min(text.find_first_not_of(' ', start), text.size()) - start > 0 ? 1 + below(2) : 0);
        return;
      case 8:
        text.insert(start, a_line(text));
        return;
      case 9:
        text.erase(start, text.find('\n', start) - start + 1);
        return;
      case 10:
        text.resize(at);
        return;
      case 11:
        text.insert(start, pieces[below(pieces.size())]);
        return;
      default: {  // at a line's end
        const std::size_t end = std::min(text.find('\n', at), text.size());
        text.insert(end, pieces[below(pieces.size())]);
      }
    }
  }

  std::mt19937 random_;
};

class SecondParser : public ::testing::Test {
 protected:
  void add(const std::string& syntax, const std::string& text) {
    if (!seen_.insert(syntax + text).second) return;
    const Result<Node> root = parse_document(text, "p." + syntax);
    if (!root.ok()) {
      EXPECT_EQ(root.error().kind, ErrorKind::input);
      if (const char* all = std::getenv("LOCKSTEP_REFUSED_DOCUMENTS"); all != nullptr && is_valid_utf8(text))
        std::ofstream(all, std::ios::app)
            << Json({{"syntax", syntax}, {"text", text}, {"error", root.error().to_string()}}).dump() << "\n";
      return;
    }
    ++accepted_;
    const std::string mark = "\xef\xbb\xbf";  // Python's json takes it for an error
    records_ += Json({{"syntax", syntax},
                      {"text", text.starts_with(mark) ? text.substr(mark.size()) : text},
                      {"tree", tree(*root)}})
                    .dump() +
                "\n";
  }

  void expect_read_alike(std::size_t least) {
    EXPECT_GE(accepted_, least);
    const Ended ended =
        testing::run_program({LOCKSTEP_SOURCE_DIR "/scripts/read-again", dir_.write("records", records_)}, {});
    if (ended.code == 3 || ended.code == 127) GTEST_SKIP() << "needs python3 and python3-yaml: " << ended.err;
    EXPECT_EQ(ended.code, 0) << ended.out.substr(0, 4000) << ended.err;
    EXPECT_NE(ended.out.find(std::to_string(accepted_) + " documents, 0 read otherwise"), std::string::npos);
  }

  static std::vector<std::string> policies(const std::string& extension) {
    std::vector<std::string> out;
    for (const char* folder : {"policies", "conflicts", "cdi"})
      for (const auto& entry :
           std::filesystem::recursive_directory_iterator(std::string(LOCKSTEP_SOURCE_DIR "/fixtures/") + folder))
        if (entry.path().extension() == extension) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    for (std::string& each : out) {
      std::ifstream in(each, std::ios::binary);
      each = {std::istreambuf_iterator<char>(in), {}};
    }
    return out;
  }

  static std::size_t mutations() {
    const char* given = std::getenv("LOCKSTEP_MUTATIONS");  // a longer run
    return given == nullptr ? 8000 : std::strtoul(given, nullptr, 10);
  }

  TemporaryDirectory dir_;
  std::set<std::string> seen_;
  std::string records_;
  std::size_t accepted_ = 0;
};

// What the fixtures do not have.
const std::vector<std::string>& odd_yaml() {
  static const std::vector<std::string> texts = {
      "%YAML 1.2\n---\nversion: 1\nnotes: |\n  one\n   two\n\n  three\nfolded: >-\n  a\n  b\n\n  c\n   "
      "d\nkeep: |+\n  x\n\nquoted: \"a\n  b\\\n  c \\\n\n  d\"\nsingle: 'it''s\n\n  x'\n...\n",
      "version: 1\nnetwork_policies:\n  api:\n    endpoints:\n    - host: a.example.org\n      port: 443\n   "
      " - {host: 'b', \"port\":80, tls: ~}\n    binaries: [ {path: /usr/bin/curl}, ]\n",
      "- - - a\n    - b\n  - c\n-\n  - d\n- e: f\n  g:\n  - h\n  i: j\n- k\n  l\n",
      "a: !!str 1\nb: !!int 0x10\nc: !!bool TRUE\nd: !!null\ne: !!seq [1]\nf: !!map {}\ng: !!str\nh: "
      "1.5e3\ni: .inf\nj: -0\nk: !!float 1.0\n",
      "{\"a\": [1, 2.5, true, null, \"x\\u00e9\\n\"], \"b\": {\"c\": {}}, \"d\": []}\n",
      "a: b#c\nd: e # f\n\"g\": 'h' # i\n? j\n: k\nurl: http://x:80/?a=b&c\ntime: 12:30\nhyphen: -x\ncolon: "
      ":x\nplain: a  b\n  c\n\n  d\n",
      "a: [x\n  y, z]\nb: {c: d,\n  e: \"f\n   g\"}\nh: [\n  1,\n  2\n]\n# end\n"};
  return texts;
}

TEST_F(SecondParser, ReadsEveryMutatedYamlPolicyAlike) {
  std::vector<std::string> texts = policies(".yaml");
  ASSERT_GT(texts.size(), 60U);
  texts.insert(texts.end(), odd_yaml().begin(), odd_yaml().end());
  for (const std::string& text : texts) add("yaml", text);
  Mutator mutator(20261127);
  for (std::size_t i = 0; i < mutations(); ++i) add("yaml", mutator.mutated(texts[i % texts.size()]));
  expect_read_alike(mutations() / 10);
}

TEST_F(SecondParser, ReadsEveryBeginningOfAYamlPolicyAlike) {
  std::size_t whole = 0;
  for (const auto& texts : {policies(".yaml"), odd_yaml()})
    for (const std::string& text : texts) {
      if (text.size() > 1500) continue;
      ++whole;
      for (std::size_t size = 1; size <= text.size(); ++size) add("yaml", text.substr(0, size));
    }
  EXPECT_GT(whole, 50U);
  expect_read_alike(whole);
}

TEST_F(SecondParser, ReadsEveryMutatedJsonAlike) {
  std::vector<std::string> texts = policies(".json");
  texts.emplace_back(
      "{\"version\": 1, \"filesystem_policy\": {\"read_only\": [\"/usr\", \"/a\\u00e9\\\\\\\"\"], "
      "\"grants\": [{\"path\": \"/x\", \"access\": [\"all\"], \"quiet\": true}]}}\n");
  texts.emplace_back(
      "[-0, 0, 1e5, 1.5E-3, 12345678901234567890, null, false, \"\\ud83d\\ude00\", {\"a\": {}, \"b\": "
      "[]}]\n");
  Mutator mutator(11);
  for (std::size_t i = 0; i < mutations() / 4; ++i) add("json", mutator.mutated(texts[i % texts.size()]));
  for (const std::string& text : texts)
    for (std::size_t size = 1; size <= text.size(); ++size) add("json", text.substr(0, size));
  expect_read_alike(mutations() / 100);
}

}  // namespace
}  // namespace lockstep
