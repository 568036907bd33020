// What yaml-cpp alone lets through, and what the core schema makes of words.
#include "syntax/strict_yaml.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <lockstep/policy.h>

#include "syntax/core_schema.h"
#include "testing/policy.h"

namespace lockstep {
namespace {

struct Row {
  std::string text;
  int line;
  std::string says;
};

void expect_refused(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(printable(row.text));
    const Result<Policy> policy = decode_policy(row.text, "p.yaml");
    if (policy.ok()) {
      ADD_FAILURE() << "was accepted";
      continue;
    }
    EXPECT_EQ(policy.error().line, row.line) << policy.error().message;
    EXPECT_NE(policy.error().message.find(row.says), std::string::npos) << policy.error().message;
  }
}

const std::string head = "version: 1\nfilesystem_policy:\n  read_only:\n";

TEST(StrictYaml, AQuoteThatIsNotClosedSwallowsNothing) {
  expect_refused({
      {head + "    - \"/usr\n", 5, "the quote of line 4 is not closed"},
      {head + "    - '/usr\n", 5, "the quote of line 4 is not closed"},
      {head + "    - \"/usr \n\n", 6, "the quote of line 4 is not closed"},
      {head + "    - \"/usr\t", 4, "the quote of line 4 is not closed"},
      {"version: 1\nprocess:\n  run_as_user: \"sandbox\nlandlock: {compatibility: hard_requirement}\n", 4,
       "the quote of line 3 is not closed before this line"},
      {"version: 1\nprocess:\n  run_as_user: 'sandbox\nlandlock:\n  compatibility: hard_requirement\n", 4,
       "the quote of line 3 is not closed before this line"},
      // Closed at last, by a quote that was meant for something else.
      {"version: 1\nprocess:\n  run_as_user: \"sandbox\nlandlock: {compatibility: hard_requirement}  # the "
       "\"\n",
       4, "the quote of line 3 is not closed before this line"},
      {"version: 1\nfilesystem_policy:\n  read_only:\n    - \"/usr\n    - /etc # \"\n", 5,
       "the quote of line 4 is not closed before this line"},
      {"version: 1\nlandlock: {log: {same_exec: true}, compatibility: \"best_effort,\n  min_abi: 7}\n", 3,
       "the quote of line 2 is not closed before this line"},
      {"version: 1\nfilesystem_policy:\n  grants:\n    - path: /a\n      access: [read]\n      reason: "
       "\"because\n        - {path: /b, access: [read]}\n        it is \"\n",
       7, "not closed"},
  });
}

TEST(StrictYaml, LinesThatBelongToNothingAreNotTakenIn) {
  expect_refused({
      {"version: 1\nfilesystem_policy:\n    read_only: [/usr]\n  read_write: [/tmp]\n", 4, "indented deeper"},
      {"version: 1\n process: {}\n", 2, "line it up"},
      {head + "    - /usr\n      - /etc\n", 5, "line it up"},
      {head + "    - /usr\n   - /etc\n", 5, "line it up"},
      {head + "    - /usr\n    /etc\n", 5, "indented deeper"},
      {"version: 1\nfilesystem_policy: {read_only: [/usr]\nlandlock: {compatibility: hard_requirement}\n", 3,
       "{ of line 2 is not closed before this line"},
      {"version: 1\nfilesystem_policy:\n  read_only: [/usr\n  read_write: [/tmp]\n", 4,
       "[ of line 3 is not closed before this line"},
      {"version: 1\nfilesystem_policy: {read_only: [/usr]} {}\n", 2, "text behind the value"},
      {"version: 1\nfilesystem_policy: {read_only: [/usr]}# x\n", 2, "a blank is needed before #"},
      {"version: 1\nprocess: {run_as_user: \"a\" b}\n", 2, "a comma or } is missing"},
      {"version: 1\nprocess: {run_as_user: a: b}\n", 2, "a second colon"},
      {"version: 1\nprocess: run_as_user: a\n", 2, "a second colon"},
      {"version: 1\nfilesystem_policy: {read_only: [/usr,, /etc]}\n", 2, "a comma where a value is needed"},
      {"version: 1\nfilesystem_policy: {read_only: [/usr]]}\n", 2, "a comma or } is missing"},
      {"version: 1\nprocess:\n  run_as_user: \"a\\'b\"\n", 3, "a backslash in double quotes"},
      {"version: 1\nprocess: {}\r  \nlandlock: {}\n", 2, "carriage return"},
      {"version: 1\nprocess: {}\xc2\x85landlock: {compatibility: hard_requirement}\n", 2,
       "control character or a line separator"},
      {"version: 1\n# note\xe2\x80\xa8landlock: {compatibility: hard_requirement}\n", 2,
       "control character or a line separator"},
      {"version: 1\n...\nlandlock: {compatibility: hard_requirement}\n", 3, "second document"},
      {"version: 1\n... landlock\n", 2, "text behind ..."},
      {"%TAG ! tag:x,2000:\n---\nversion: 1\n", 1, "a directive"},
      {"version: 1\nnetwork_policies: {a: [b: c]}\n", 2, "a colon in a list"},
      {"version: 1\nnetwork_policies:\n  a: |\n    one\n   two\n", 5, "indented less than the text of line 3"},
      {"version: 1\nnetwork_policies:\n  a: | text\n", 3, "text behind | or >"},
  });
}

TEST(StrictYaml, WhatPeopleWriteIsRead) {
  const Result<Policy> policy = decode_policy(
      "%YAML 1.2\n--- # a policy\n\"version\": 1  # one\nfilesystem_policy:\n  'read_only':   # paths\n  - "
      "/usr  # first\n\n  -   \"/a b\"\n  - >-\n    /folded\n"
      "  read_write: [\n    /tmp,  # scratch\n    '/it''s', ]\n  grants:\n  -\n    path: /x\n    access:\n   "
      " - read\n    reason: it is\n      so, and\n\n      more\n"
      "  - {path: /y, \"access\":[all], reason: \"a\\\n    b \\u00e9\"}\n...\n# end",
      "p.yaml");
  ASSERT_TRUE(policy.ok()) << policy.error().to_string();
  const auto paths = [](const std::vector<PathEntry>& entries) {
    std::string out;
    for (const PathEntry& each : entries) out += each.path + ";";
    return out;
  };
  EXPECT_EQ(paths(policy->read_only), "/usr;/a b;/folded;");
  EXPECT_EQ(paths(policy->read_write), "/tmp;/it's;");
  ASSERT_EQ(policy->grants.size(), 2U);
  EXPECT_EQ(policy->grants[0].reason, "it is so, and\nmore");
  EXPECT_EQ(policy->grants[1].reason, "ab \xc3\xa9");
}

TEST(StrictYaml, ManyValuesAreRefusedBeforeTheyAreKept) {
  std::string list = "[", lines;
  for (std::size_t i = 0; i < Node::max_nodes; ++i) list += "1,", lines += "- a\n";
  for (const std::string& text : {list + "1]", lines}) {
    const Result<std::string> script = strict_yaml(text);
    ASSERT_FALSE(script.ok());
    EXPECT_NE(script.error().message.find("more than 125000 values"), std::string::npos) << script.error().message;
  }
  const Result<Node> json = parse_document(list + "1]", "d.json");
  EXPECT_FALSE(json.ok());
}

TEST(CoreSchema, SaysWhatAWordIs) {
  using T = CoreType;
  const std::pair<const char*, T> table[] = {
      {"", T::null},        {"~", T::null},        {"Null", T::null},  {"nULL", T::text},   {"true", T::boolean},
      {"TRUE", T::boolean}, {"False", T::boolean}, {"tRUE", T::text},  {"yes", T::text},    {"on", T::text},
      {"0", T::integer},    {"-12", T::integer},   {"+1", T::integer}, {"010", T::integer}, {"0o17", T::integer},
      {"0o8", T::text},     {"0xfF", T::integer},  {"0xg", T::text},   {"-0x1", T::text},   {"0b1", T::text},
      {"1_000", T::text},   {"1.5", T::real},      {"1.", T::real},    {".5", T::real},     {"1e3", T::real},
      {"-1.5E-3", T::real}, {".", T::text},        {"1e", T::text},    {".inf", T::real},   {"-.INF", T::real},
      {".NaN", T::real},    {"-.nan", T::text},    {"/usr", T::text},  {"12:30", T::text},  {"2027-03-31", T::text},
      {"+", T::text},       {"0x", T::text},       {"0o", T::text},
  };
  for (const auto& [word, type] : table) EXPECT_EQ(core_type(word), type) << word;
  for (const char* word :
       {"yes", "No", "ON", "y", "true", "12", "12:30", "2027-03-31", "0b1", "-x", ".x", "<<", "~", "="})
    EXPECT_FALSE(is_text_to_everybody(word)) << word;
  for (const char* word : {"/usr", "web", "yesterday", "x1"}) EXPECT_TRUE(is_text_to_everybody(word)) << word;
}

TEST(CoreSchema, PoliciesAreReadByIt) {
  for (const char* text : {"version: !!int 1", "version: 0x1", "version: +1", "version: 0o1", "version: 01",
                           "version: !!int \"1\"", "!!map\nversion: 1"}) {
    const Result<Policy> policy =
        decode_policy(std::string(text) +
                          "\nfilesystem_policy: {include_workdir: True, read_only: !!seq [!!str "
                          "/usr]}\nlandlock: !!map {min_abi: 0x3, log: {same_exec: !!bool FALSE}}\n",
                      "p.yaml");
    ASSERT_TRUE(policy.ok()) << text << ": " << policy.error().to_string();
    EXPECT_TRUE(policy->include_workdir);
    EXPECT_EQ(policy->min_abi, 3);
    EXPECT_FALSE(policy->restrictions.log.same_exec);
  }
  for (const char* word : {"true", "True", "TRUE"})
    EXPECT_TRUE(testing::policy(std::string("version: 1\nfilesystem_policy: {include_workdir: ") + word + "}\n")
                    .include_workdir);
  for (const char* word : {"false", "False", "FALSE"})
    EXPECT_FALSE(testing::policy(std::string("version: 1\nfilesystem_policy: {include_workdir: ") + word + "}\n")
                     .include_workdir);
}

TEST(CoreSchema, ANetworkPolicyChangesWhereATypeInItDoes) {
  const auto network = [](const std::string& value) {
    return testing::policy("version: 1\nnetwork_policies: {a: {b: " + value + "}}\n").network;
  };
  for (const auto& [one, other] : {std::pair{"\"True\"", "True"},
                                   {"\"true\"", "true"},
                                   {"'no'", "no"},
                                   {"\"1\"", "1"},
                                   {"'0x1'", "0x1"},
                                   {"\"12:30\"", "12:30"},
                                   {"''", "~"},
                                   {"'~'", "~"},
                                   {"!!str 1", "1"}})
    EXPECT_NE(network(one), network(other)) << one;
  for (const auto& [one, other] : {std::pair{"\"web\"", "web"}, {"!!str 1", "'1'"}, {"!!int 1", "1"}, {"~", "null"}})
    EXPECT_EQ(network(one), network(other)) << one;
  const auto keyed = [](const std::string& key) {
    return testing::policy("version: 1\nnetwork_policies: {a: {" + key + ": 1}}\n").network;
  };
  for (const auto& [one, other] : {std::pair{"\"true\"", "true"}, {"'1'", "1"}, {"'no'", "no"}})
    EXPECT_NE(keyed(one), keyed(other)) << one;
  EXPECT_EQ(keyed("'web'"), keyed("web"));
}

}  // namespace
}  // namespace lockstep
