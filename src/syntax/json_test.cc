// Json against nlohmann's own: what is written and what is read is the same, to the byte.
#include "syntax/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "syntax/json_text.h"

namespace lockstep {
namespace {

using Theirs = nlohmann::ordered_json;

void expect_same(const Json& ours, const Theirs& theirs) {
  const auto replace = Theirs::error_handler_t::replace;
  for (const int indent : {-1, 0, 1, 2}) {
    EXPECT_EQ(ours.dump(indent), theirs.dump(indent, ' ', false, replace));
    EXPECT_EQ(ours.dump(indent, true), theirs.dump(indent, ' ', true, replace));
  }
}

// The same braces, read by both.
#define EXPECT_SAME(...) expect_same(Json(__VA_ARGS__), Theirs(__VA_ARGS__))

TEST(Json, BracesMeanWhatTheyMeanToNlohmann) {
  EXPECT_SAME(nullptr);
  EXPECT_SAME({1, -1, 2.5, true, nullptr, "text"});
  EXPECT_SAME({{"a", 1}, {"b", {{"c", {1, 2, 3}}}}});
  EXPECT_SAME({"a", "b"});
  EXPECT_SAME({{"a", "b"}});
  EXPECT_SAME({{"a", "b"}, {"c", "d"}});
  EXPECT_SAME({{"a", "b"}, {1, "d"}});
  EXPECT_SAME({{{"a", 1}}, {{"a", 2}}});
  expect_same(Json::array({"a", 1}), Theirs::array({"a", 1}));
  expect_same(Json::array(), Theirs::array());
  expect_same(Json::object(), Theirs::object());
  const std::map<std::string, int> map = {{"b", 1}, {"a", 2}};
  EXPECT_SAME(map);
  EXPECT_SAME(std::vector<std::string>{"x", "y"});
  EXPECT_SAME(std::vector<std::vector<int>>{{1}, {}});
}

TEST(Json, APartIsWrittenAsItStandsInTheWhole) {
  const Json part = {{"a", {1, 2}}, {"b", Json::object()}, {"c", {{"d", nullptr}}}};
  for (const int indent : {-1, 0, 1, 2}) {
    const std::string whole = Json::array({part}).dump(indent), inside = part.dump(indent, false, 1);
    EXPECT_NE(whole.find(inside), std::string::npos) << whole;
  }
}

TEST(Json, AnEmptyMapIsAnObjectAndAnEmptyListIsNone) {
  EXPECT_EQ(Json(std::map<std::string, int>()).dump(), "{}");
  EXPECT_EQ(Json(std::vector<int>()).dump(), "[]");
}

TEST(Json, WritesEveryScalarAsNlohmannDoes) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_SAME(all);
  EXPECT_SAME("caf\u00e9 \u2028 \U0001f600 \" \\ / \x7f");
  for (const double value :
       {0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, 1.0 / 3, 123456789.125, std::numeric_limits<double>::infinity()})
    EXPECT_SAME(value);
  EXPECT_SAME(std::numeric_limits<std::int64_t>::min());
  EXPECT_SAME(std::numeric_limits<std::uint64_t>::max());
}

TEST(Json, ReadsWhatNlohmannReads) {
  for (const char* text :
       {"null", " [1, -2, 3.50, 1e400, 18446744073709551615, -9223372036854775808, 99999999999999999999] ", "{}", "[]",
        R"({"a": {"b": [true, false, {"c": "\u00e9\ud83d\ude00\n"}]}, "a2": [[], {}], "": 0})",
        R"({"a": 1, "b": 2, "a": 3})", "", "{", "[1,]", "{\"a\" 1}", "nul", "01", "\"\x01\"", "\"\xff\"", "1 2",
        "[\"\\x\"]", "\xef\xbb\xbf[1]", "// c\n1"}) {
    const Theirs theirs = Theirs::parse(text, nullptr, false);
    if (theirs.is_discarded()) {
      EXPECT_THROW(Json::parse(text), JsonError) << text;
      EXPECT_EQ(Json::parse_or_null(text), nullptr) << text;
    } else {
      expect_same(Json::parse(text), theirs);
    }
  }
  EXPECT_THROW(Json::parse(std::string(1'000'000, '[')), JsonError);
}

TEST(Json, IsReadStrictly) {
  const Json json = {
      {"text", "t"}, {"list", {1, 2}}, {"low", -5}, {"big", std::numeric_limits<std::uint64_t>::max()}, {"half", 0.5}};
  EXPECT_EQ(json.at("text").get<std::string>(), "t");
  EXPECT_EQ(json.at("list").get<std::vector<int>>(), std::vector<int>({1, 2}));
  EXPECT_EQ(json.at("low").get<int>(), -5);
  EXPECT_EQ(json.at("big").get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(json.value("half", 0.0), 0.5);
  EXPECT_EQ(json.value("none", "x"), "x");
  EXPECT_THROW(json.at("none"), JsonError);
  EXPECT_THROW(json.at("list").at(2), JsonError);
  EXPECT_THROW(json.at("text").get<int>(), JsonError);
  EXPECT_THROW(json.at("low").get<std::string>(), JsonError);
  EXPECT_THROW(json.at("low").get<bool>(), JsonError);
  EXPECT_THROW(json.at("text").begin(), JsonError);
  EXPECT_THROW(json.value("text", 1), JsonError);
  EXPECT_THROW(Json("text")["key"], JsonError);
}

TEST(Json, IsEqualWhateverTheOrderOfItsKeys) {
  EXPECT_EQ(Json({{"a", 1}, {"b", 2U}}), Json({{"b", 2.0}, {"a", 1L}}));
  EXPECT_NE(Json({{"a", 1}}), Json({{"a", 1}, {"b", nullptr}}));
  EXPECT_NE(Json({{"a", 1}, {"b", 2}}), Json({{"a", 1}, {"c", 2}}));
  EXPECT_NE(Json({1, 2}), Json({2, 1}));
  EXPECT_NE(Json("1"), Json(1));
  EXPECT_NE(Json(true), Json(1));
  std::ostringstream out;
  out << Json({{"a", 1}});
  EXPECT_EQ(out.str(), R"({"a":1})");
}

}  // namespace
}  // namespace lockstep
