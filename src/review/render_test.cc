#include "review/render.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lockstep::review {
namespace {

// A change of each kind, with text that every format has to escape in its own way.
Diff nasty() {
  Diff out;
  out.old_file = "old.yaml";
  out.new_file = "dir/new, 1.yaml";
  out.situations.resize(2);
  out.situations[0].host = "one";
  out.situations[1].host = "two";
  Cause cause{"dir/new, 1.yaml", 7, Origin::policy, "/a|b"};
  out.changes.push_back({"/a|b*`<x>", Right::write_file, {}, cause, {0, 1}, 0, "100% of it\nis open", ""});
  out.changes.push_back({"/lost", {}, Right::read_file, {"old.yaml", 3, Origin::policy, "/lost"}, {1}, 9, "", ""});
  out.changes.push_back({"/fine", Right::truncate, {}, cause, {0}, 5, "words", "because"});
  out.settings.push_back({Class::weakening, "min-abi", "lower, now", 4});
  return out;
}

TEST(Render, JsonHasEveryField) {
  const nlohmann::json json = nlohmann::json::parse(diff_json(nasty(), {"a note"}));
  EXPECT_EQ(json["schema"], "lockstep.diff/1");
  EXPECT_EQ(json["class"], "both");
  EXPECT_EQ(json["stops"], true);
  EXPECT_EQ(json["situations"].size(), 2U);
  EXPECT_EQ(json["changes"][0]["gained"], nlohmann::json({"write_file"}));
  EXPECT_EQ(json["changes"][0]["cause"]["line"], 7);
  EXPECT_EQ(json["changes"][1]["where"], "on two");
  EXPECT_EQ(json["changes"][1]["danger"], nullptr);
  EXPECT_EQ(json["changes"][2]["accepted"], "because");
  EXPECT_EQ(json["settings"][0]["situations"], nlohmann::json({0, 1}));
  EXPECT_EQ(json["notes"][0], "a note");
}

TEST(Render, WorkflowCommandsAreEscapedAndPointAtTheNewFile) {
  const std::string text = diff_github(nasty(), {"a\nnote"});
  EXPECT_NE(text.find("::error file=dir/new%2C 1.yaml,line=7,title=policy widened::/a|b*`<x> gains write_file, everywhere"), std::string::npos) << text;
  EXPECT_NE(text.find("100%25 of it%0Ais open"), std::string::npos);
  EXPECT_NE(text.find("::error file=dir/new%2C 1.yaml,line=4,title=policy%3A weakening::lower, now"), std::string::npos);
  EXPECT_NE(text.find("::notice file=dir/new%2C 1.yaml,line=1,title=policy narrowed"), std::string::npos);
  EXPECT_NE(text.find("(accepted: because)"), std::string::npos);
  EXPECT_NE(text.find("::warning ::a%0Anote\n"), std::string::npos);
}

TEST(Render, WorkflowCommandsAreAtMostTen) {
  Diff diff = nasty();
  while (diff.changes.size() < 40) diff.changes.push_back(diff.changes[0]);
  const std::string text = diff_github(diff, {});
  std::size_t errors = 0;
  for (std::size_t at = text.find("::error"); at != std::string::npos; at = text.find("::error", at + 1)) ++errors;
  EXPECT_EQ(errors, 10U);
  EXPECT_NE(text.find("31 more changes"), std::string::npos);
}

TEST(Render, MarkdownCannotBeBrokenOutOf) {
  const std::string text = diff_markdown(nasty(), {});
  EXPECT_NE(text.find("| /a\\|b\\*\\`\\<x\\> |"), std::string::npos) << text;
  std::size_t rows = 0;
  for (std::size_t at = text.find("\n| /"); at != std::string::npos; at = text.find("\n| /", at + 1)) ++rows;
  EXPECT_EQ(rows, 3U);
}

TEST(Render, SarifHasARuleForEachResultAndUrisForFiles) {
  const nlohmann::json json = nlohmann::json::parse(diff_sarif(nasty()));
  EXPECT_EQ(json["version"], "2.1.0");
  const auto& run = json["runs"][0];
  ASSERT_EQ(run["results"].size(), 4U);
  for (const auto& result : run["results"]) {
    const std::size_t index = result["ruleIndex"];
    EXPECT_EQ(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    const auto& place = result["locations"][0]["physicalLocation"];
    EXPECT_EQ(place["artifactLocation"]["uri"], "dir/new%2C%201.yaml");
    EXPECT_GE(place["region"]["startLine"].get<int>(), 1);
  }
  EXPECT_EQ(run["results"][0]["level"], "error");
  EXPECT_EQ(run["results"][1]["level"], "note");
  EXPECT_EQ(run["results"][2]["level"], "note") << "accepted";
}

TEST(Render, ACauseWithoutALineSaysWhoAddedIt) {
  Diff diff = nasty();
  diff.changes[0].cause = {"new.yaml", 0, Origin::workdir, "/w"};
  diff.changes[1].cause = {"new.yaml", 0, Origin::gpu_baseline, "/proc"};
  const std::string text = diff_text(diff, {});
  EXPECT_NE(text.find("      by include_workdir: /w\n"), std::string::npos) << text;
  EXPECT_NE(text.find("      by the gpu-baseline: /proc\n"), std::string::npos) << text;
  EXPECT_EQ(text.find(" by the workdir"), std::string::npos);
}

TEST(Render, TextNamesTheAbiOfEachRight) {
  const std::string text = diff_text(nasty(), {"a note"});
  EXPECT_NE(text.find("+ truncate (ABI 3)"), std::string::npos) << text;
  EXPECT_NE(text.find("note: a note"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::review
