#include "render/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include <lockstep/rights.h>

#include "render/show.h"
#include "syntax/json.h"
#include "testing/temporary_directory.h"

namespace lockstep::render {
namespace {

// A change of each kind, with text that every format has to escape in its own way.
diff::Diff nasty() {
  diff::Diff out;
  out.old_file = "old.yaml";
  out.new_file = "dir/new, 1.yaml";
  out.situations.resize(2);
  out.situations[0].host = "one";
  out.situations[1].host = "two";
  diff::Cause cause{"dir/new, 1.yaml", 7, Origin::policy, "/a|b"};
  out.changes.push_back({"/a|b*`<x>", Right::write_file, {}, cause, {0, 1}, 0, "100% of it\nis open", ""});
  out.changes.push_back({"/lost", {}, Right::read_file, {"old.yaml", 3, Origin::policy, "/lost"}, {1}, 9, "", ""});
  out.changes.push_back({"/fine", Right::truncate, {}, cause, {0}, 5, "words", "because"});
  out.settings.push_back({diff::Class::weakening, "min-abi", "lower, now", 4});
  return out;
}

TEST(Render, JsonHasEveryField) {
  const Json json = Json::parse(diff_json(nasty(), {"a note"}));
  EXPECT_EQ(json["schema"], "lockstep.diff/1");
  EXPECT_EQ(json["class"], "both");
  EXPECT_EQ(json["stops"], true);
  EXPECT_EQ(json["situations"].size(), 2U);
  EXPECT_EQ(json["changes"][0]["gained"], Json({"write_file"}));
  EXPECT_EQ(json["changes"][0]["cause"]["line"], 7);
  EXPECT_EQ(json["changes"][1]["where"], "on two");
  EXPECT_EQ(json["changes"][1]["danger"], nullptr);
  EXPECT_EQ(json["changes"][2]["accepted"], "because");
  EXPECT_EQ(json["settings"][0]["situations"], Json({0, 1}));
  EXPECT_EQ(json["notes"][0], "a note");
}

TEST(Render, WorkflowCommandsAreEscapedAndPointAtTheNewFile) {
  const std::string text = diff_github(nasty(), {"a\nnote"});
  EXPECT_NE(
      text.find("::error file=dir/new%2C 1.yaml,line=7,title=policy widened::/a|b*`<x> gains write_file, everywhere"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("100%25 of it%0Ais open"), std::string::npos);
  EXPECT_NE(text.find("::error file=dir/new%2C 1.yaml,line=4,title=policy%3A weakening::lower, now"),
            std::string::npos);
  EXPECT_NE(text.find("::notice file=dir/new%2C 1.yaml,line=1,title=policy narrowed"), std::string::npos);
  EXPECT_NE(text.find("(accepted: because)"), std::string::npos);
  EXPECT_NE(text.find("::warning ::a%0Anote\n"), std::string::npos);
}

TEST(Render, WorkflowCommandsAreAtMostTen) {
  diff::Diff diff = nasty();
  while (diff.changes.size() < 40) diff.changes.push_back(diff.changes[0]);
  const std::string text = diff_github(diff, {});
  std::size_t errors = 0;
  for (std::size_t at = text.find("::error"); at != std::string::npos; at = text.find("::error", at + 1)) ++errors;
  EXPECT_EQ(errors, 10U);
  EXPECT_NE(text.find("31 more changes"), std::string::npos);
}

// What has no annotation is a line below them, and it is never the user or the ports that are there alone.
TEST(Render, WorkflowCommandsBeginWithSettingsAndLeaveNothingOut) {
  diff::Diff diff = nasty();
  while (diff.changes.size() < 40) diff.changes.push_back(diff.changes[0]);
  for (int i = 0; i < 40; ++i) diff.changes[static_cast<std::size_t>(i)].path = "/path/" + std::to_string(i) + "/";
  const std::string text = diff_github(diff, {});
  EXPECT_EQ(text.find("::error file=dir/new%2C 1.yaml,line=4,title=policy%3A weakening::lower, now\n"), 0U) << text;
  for (int i = 0; i < 40; ++i) {
    const std::string path = "/path/" + std::to_string(i) + "/";
    EXPECT_NE(text.find(path), std::string::npos) << path;
    EXPECT_EQ(text.find(path), text.rfind(path)) << path;
  }
  EXPECT_NE(text.find("\nnotice: policy narrowed: /path/1/ loses read_file, on two, by old.yaml:3: /lost\n"),
            std::string::npos)
      << text;
}

TEST(Render, WorkflowCommandsSayWhereASettingChangesAndWhyItIsAccepted) {
  diff::Diff diff = nasty();
  diff.settings[0].situations = {1};
  diff.settings[0].accepted = "one old kernel";
  EXPECT_NE(diff_github(diff, {}).find("::notice file=dir/new%2C 1.yaml,line=4,title=policy%3A weakening::lower, now, "
                                       "on two (accepted: one old kernel)\n"),
            std::string::npos)
      << diff_github(diff, {});
}

// A host is called as its file is, and whoever changes the hosts names that.
TEST(Render, AHostsNameReachesNoTerminal) {
  diff::Diff diff = nasty();
  diff.situations[1].host = "two\x1b[2J\xe2\x80\xae";
  for (const std::string& text :
       {diff_text(diff, {}), diff_github(diff, {}), diff_markdown(diff, {}), diff_json(diff, {}), diff_sarif(diff)}) {
    EXPECT_EQ(text.find_first_of("\x1b\xe2"), std::string::npos) << text;
    EXPECT_NE(text.find("two"), std::string::npos);
  }
  EXPECT_EQ(Json::parse(diff_json(diff, {}))["changes"][1]["where"], "on " + diff.situations[1].host);
}

TEST(Render, NoFormatHasALineThatARunnerTakesForACommand) {
  diff::Diff diff = nasty();
  diff.old_file = "::error::no";
  diff.new_file = " ::set-output name=x::y";
  diff.changes[0].path = diff.changes[0].cause.rule = "/::x/##[error]y##vso[z]";
  diff.settings[0].message = "lower\n::warning::now";
  diff.situations[0].host = "##[group]";
  for (const std::string& text :
       {diff_text(diff, {}), diff_markdown(diff, {}), diff_json(diff, {}), diff_sarif(diff), diff_github(diff, {})}) {
    EXPECT_EQ(text.find("##["), std::string::npos) << text;
    EXPECT_EQ(text.find("##vso"), std::string::npos) << text;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t at = std::min(line.find_first_not_of(' '), line.size());
      const bool ours = line.starts_with("::error file=") || line.starts_with("::notice file=");
      EXPECT_TRUE(ours || line.compare(at, 2, "::") != 0) << line;
    }
  }
  EXPECT_EQ(Json::parse(diff_json(diff, {}))["changes"][0]["path"], diff.changes[0].path);
}

TEST(Render, MarkdownCannotBeBrokenOutOf) {
  const std::string text = diff_markdown(nasty(), {});
  EXPECT_NE(text.find("| ``/a\\|b*`<x>`` |"), std::string::npos) << text;
  std::size_t rows = 0;
  for (std::size_t at = text.find("\n| `"); at != std::string::npos; at = text.find("\n| `", at + 1)) ++rows;
  EXPECT_EQ(rows, 3U);
}

// Outside code spans nothing is left that GitHub would make more of than text: it looks for these in what the markup
// became, so that neither a backslash nor an entity hides them.
TEST(Render, MarkdownPingsNobodyAndLinksToNothing) {
  diff::Diff diff = nasty();
  const std::string bait =
      "ask @octocat, (www.evil.example) or https://evil.example: :tada: #1 GH-2 a@b.example $x$ &lt; <b> `x` [a](b) "
      "a|b **c** ~d~";
  diff.changes[0].path = "/srv/@octocat :tada: ``$x$|";
  diff.changes[2].accepted = diff.settings[0].message = diff.settings[0].accepted = bait;
  diff.situations[1].host = "@octocat";
  const std::string text = diff_markdown(diff, {bait});
  EXPECT_NE(text.find("| ```/srv/@octocat :tada: ``$x$\\|``` |"), std::string::npos) << text;
  EXPECT_NE(
      text.find("ask `@octocat`, (`www.evil.example`) or `https://evil.example`: `:tada`: `#1` `GH-2` `a@b.example`"),
      std::string::npos)
      << text;
  // Code spans as a reader of markdown finds them.
  std::string outside;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '`') {
      outside += text[at++];
      continue;
    }
    const std::size_t length = text.find_first_not_of('`', at) - at;
    std::size_t end = at + length;
    for (std::size_t run = 0; run != length; end += run) {
      end = text.find('`', end);
      ASSERT_NE(end, std::string::npos) << "a code span that does not end";
      run = std::min(text.find_first_not_of('`', end), text.size()) - end;
    }
    outside += 'C';
    at = end;
  }
  EXPECT_EQ(outside.find_first_of("@$&<>[]~"), std::string::npos) << outside;
  for (const char* gone : {"www", "://", ":t", "#1", "GH-", "octocat", "**c"})
    EXPECT_EQ(outside.find(gone), std::string::npos) << gone << "\n" << outside;
}

// What show wrote, read back: the paths are the same, and the file holds nothing that acts on a terminal.
TEST(Render, ASnapshotHasThePathsThemselves) {
  const std::vector<std::string> odd = {"/srv/##[x]", "/srv/a\\b",
                                        "/srv/\xc2\x9b"
                                        "2J",
                                        "/srv/\xe2\x80\xaegpj", "/srv/\xf0\x9f\x98\x80"};
  EffectivePolicy policy;
  for (const std::string& path : odd) policy.rules.push_back({path, Access::read_write, {}, Origin::policy, "", {}, 1});
  const std::string text = show_json(policy, *compile(policy, 7));
  EXPECT_EQ(text.find("##"), std::string::npos);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); }))
      << text;
  const lockstep::testing::TemporaryDirectory dir;
  const Result<EffectivePolicy> read = diff::load_snapshot(dir.write("s.json", text));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  std::vector<std::string> paths;
  for (const EffectiveRule& rule : read->rules) paths.push_back(rule.path);
  EXPECT_EQ(paths, odd);
  const Result<diff::Diff> diff = diff::compare_snapshots(EffectivePolicy(), *read, 7);
  ASSERT_TRUE(diff.ok());
  EXPECT_NE(diff_text(*diff, {}).find("/srv/a\\x5cb\n"), std::string::npos) << diff_text(*diff, {});
}

TEST(Render, SarifHasARuleForEachResultAndUrisForFiles) {
  const Json json = Json::parse(diff_sarif(nasty()));
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
  diff::Diff diff = nasty();
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
}  // namespace lockstep::render
