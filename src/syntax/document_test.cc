#include "syntax/document.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lockstep/policy.h>

#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

std::string dump(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "null@" + std::to_string(node.line);
    case Node::Kind::plain:
      return node.scalar + "@" + std::to_string(node.line);
    case Node::Kind::string:
      return "'" + node.scalar + "'@" + std::to_string(node.line);
    case Node::Kind::sequence: {
      std::string out = "[";
      for (const Node& item : node.items) out += dump(item) + " ";
      return out + "]@" + std::to_string(node.line);
    }
    case Node::Kind::mapping:
      break;
  }
  std::string out = "{";
  for (std::size_t i = 0; i < node.entries.size(); ++i)
    out += node.entries[i].first + "@" + std::to_string(node.key_lines[i]) + ": " + dump(node.entries[i].second) + " ";
  return out + "}@" + std::to_string(node.line);
}

TEST(Document, BothParsersReadTheSameTextAsTheSameTreeWithTheSameLines) {
  for (const char* text : {
           R"({"a": 1})",
           "{\"a\": 1,\n\"b\": [true, false, null,\n-7, 1.5\n],\n\"c\": {\"d\": \"true\",\n\"e\": {}}}",
           "[\"x\\ny\", \"\\u00e9\", \"\\\\\", \"\\/\", \"~\", \"\", \"null\",\n\n 12\n]",
           "{\"version\": 1,\n\"process\": {\"run_as_user\": \"1000\",\n\"run_as_group\": 1000\n}\n}",
           "\xef\xbb\xbf{\"a\": \"\xe2\x82\xac\"}",
           "{\"<<\": 1, \"no\": \"yes\", \"1\": 2}",
       }) {
    SCOPED_TRACE(text);
    const Result<Node> yaml = parse_document(text, "d.yaml");
    const Result<Node> json = parse_document(text, "d.json");
    ASSERT_TRUE(yaml.ok()) << yaml.error().to_string();
    ASSERT_TRUE(json.ok()) << json.error().to_string();
    EXPECT_EQ(dump(*yaml), dump(*json));
  }
}

TEST(Document, BothParsersRefuseTheSameText) {
  for (const char* text : {"{\"a\": 1, \"a\": 2}", "{\"a\": {\"b\": 1, \"b\": 1}}", "[\"\\u0000\"]", "null", "{", "[1",
                           "{\"a\": \"\xff\"}"}) {
    SCOPED_TRACE(printable(text));
    EXPECT_FALSE(parse_document(text, "d.yaml").ok());
    EXPECT_FALSE(parse_document(text, "d.json").ok());
  }
}

TEST(Document, YamlScalarsAreNotInterpreted) {
  const Result<Node> root = parse_document("a: no\nb: 0755\nc: '~'\nd:\ne: |\n  x\n", "d.yaml");
  ASSERT_TRUE(root.ok()) << root.error().to_string();
  EXPECT_EQ(dump(*root), "{a@1: no@1 b@2: 0755@2 c@3: '~'@3 d@4: null@4 e@5: 'x\n'@5 }@1");
  EXPECT_EQ(root->find("zz"), nullptr);
}

TEST(Document, SixtyFourLevelsAreReadAndOneMoreIsNot) {
  for (const char* name : {"d.yaml", "d.json"}) {
    const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
    EXPECT_TRUE(parse_document(nested(Node::max_depth), name).ok());
    EXPECT_FALSE(parse_document(nested(Node::max_depth + 1), name).ok());
  }
}

class InputFile : public ::testing::Test {
 protected:
  static void expect_refused(const std::string& path, const std::string& says) {
    const Result<std::string> text = read_input_file(path, 100);
    ASSERT_FALSE(text.ok()) << path;
    EXPECT_EQ(text.error().kind, ErrorKind::input);
    EXPECT_EQ(text.error().file, path);
    EXPECT_NE(text.error().message.find(says), std::string::npos) << text.error().message;
  }

  const testing::TemporaryDirectory dir_;
};

TEST_F(InputFile, IsReadWholeUpToItsLimit) {
  const Result<std::string> text = read_input_file(dir_.write("full", std::string(100, 'x')), 100);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->size(), 100U);
  expect_refused(dir_.write("over", std::string(101, 'x')), "larger than");
}

TEST_F(InputFile, IsARegularFileAndNothingHangs) {
  ASSERT_EQ(::mkfifo(dir_.at("fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("loop", dir_.at("loop").c_str()), 0);
  expect_refused(dir_.at("fifo"), "no regular file");
  expect_refused(dir_.path(), "is a directory");
  expect_refused("/dev/zero", "no regular file");
  expect_refused(dir_.at("loop"), "ELOOP");
  expect_refused(dir_.at("missing"), "ENOENT");
  expect_refused(dir_.at("fifo/x"), "ENOTDIR");
  expect_refused("", "ENOENT");
}

TEST_F(InputFile, ErrorsOfAPolicyNameTheFileAndTheLine) {
  const std::string file = dir_.write("p.yaml", "version: 1\nlandlok: {}\n");
  const Result<Policy> policy = load_policy(file);
  ASSERT_FALSE(policy.ok());
  EXPECT_EQ(policy.error().to_string(), file + ":2: a policy has no key \"landlok\"; did you mean landlock?");
}

}  // namespace
}  // namespace lockstep
