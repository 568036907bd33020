#include "render/show.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <lockstep/rights.h>

#include "syntax/json.h"
#include "testing/policy.h"

namespace lockstep::render {
namespace {

constexpr char policy_text[] = R"(version: 1
filesystem_policy:
  include_workdir: true
  read_only: [/usr, /proc/, /tmp, "/odd \"quoted\" \\ name"]
  read_write: [/data]
  grants:
    - {path: /srv, access: [read_file, ioctl_dev], reason: "because: it must"}
landlock: {compatibility: best_effort, min_abi: 3}
process: {run_as_user: "1000"}
network_policies: {any: {}}
)";

Context context() {
  Context out;
  out.host.gpu_nodes = {"/dev/nvidia0"};
  for (const char* path : {"/usr", "/proc", "/tmp"}) out.host.present.push_back({path, NodeKind::directory});
  for (const char* path : {"/dev/nvidiactl", "/dev/nvidia0"}) out.host.present.push_back({path, NodeKind::character});
  out.workdir = "/work";
  return out;
}

EffectivePolicy effective(const std::string& text = policy_text) {
  Result<EffectivePolicy> out = enrich(testing::policy(text), context());
  EXPECT_TRUE(out.ok()) << out.error().to_string();
  return *out;
}

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.entries()) out.push_back(key);
  return out;
}

using Keys = std::vector<std::string>;

TEST(ShowJson, HasTheShapeOfItsSchemaInOrder) {
  const EffectivePolicy shown = effective();
  const auto json = Json::parse(show_json(shown, *compile(shown, 4)));
  EXPECT_EQ(keys(json), Keys({"schema", "policy", "source", "effective", "plan"}));
  EXPECT_EQ(json["schema"], "lockstep.show/1");
  EXPECT_EQ(keys(json["effective"]), Keys({"compatibility", "min_abi", "scopes", "ports", "log", "threads",
                                           "include_workdir", "run_as_user", "run_as_group", "network", "read_only",
                                           "read_write", "grants", "rules", "skipped", "notices", "warnings"}));
  EXPECT_EQ(keys(json["plan"]), Keys({"abi", "handled", "handled_ports", "scoped", "rules", "ports", "flags",
                                      "promotions", "dropped", "not_yet_protected"}));
  EXPECT_EQ(json["effective"]["read_write"], Json({"/data", "/dev/nvidia0", "/dev/nvidiactl", "/proc", "/work"}));
  for (const auto& rule : json["effective"]["rules"]) {
    if (rule["path"] != "/proc") continue;
    EXPECT_EQ(rule["promoted_from"], "read_only");
    EXPECT_EQ(rule["origin"], "gpu-baseline");
  }
  EXPECT_EQ(json["plan"]["abi"], 4);
  EXPECT_EQ(json["plan"]["dropped"][0]["right"], "ioctl_dev");
  EXPECT_EQ(json["plan"]["not_yet_protected"][0]["right"], "resolve_unix");
}

TEST(ShowJson, SaysWhatThePromotionAddsAtThePlansAbi) {
  const EffectivePolicy shown = effective();
  const auto json = Json::parse(show_json(shown, *compile(shown, 3)));
  ASSERT_EQ(json["plan"]["promotions"].size(), 1U);
  const auto& proc = json["plan"]["promotions"][0];
  EXPECT_EQ(proc["path"], "/proc");
  EXPECT_EQ(proc["line"], 4);
  EXPECT_EQ(proc["rights"], Json({"write_file", "remove_dir", "remove_file", "make_char", "make_dir", "make_reg",
                                  "make_sock", "make_fifo", "make_block", "make_sym", "refer", "truncate"}));
  EXPECT_NE(std::string(proc["opens"]).find("149 as container root"), std::string::npos);
}

TEST(ShowJson, ShowsEveryRuleOfThePlan) {
  const EffectivePolicy shown = effective();
  const Plan plan = *compile(shown, 7);
  const auto json = Json::parse(show_json(shown, plan));
  EXPECT_EQ(json["plan"]["rules"].size(), plan.rules.size());
  EXPECT_EQ(json["effective"]["rules"].size(), shown.rules.size());
  EXPECT_EQ(show_json(shown, plan), show_json(effective(), plan));
}

TEST(ShowText, NamesPathAccessOriginReasonAndWhatIsLeftOpen) {
  const EffectivePolicy shown = effective();
  const std::string text = show_text(shown, *compile(shown, 7));
  for (const char* part : {"/proc", "read_write", "gpu-baseline", "promoted from read_only", "because: it must",
                           "skipped", "/dev/dxg", "not yet protected: resolve_unix", "workdir"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_NE(text.find("temporary files cannot be written"), std::string::npos) << text;
  EXPECT_NE(text.find("info: promoting /proc adds, at ABI 7, write_file, "), std::string::npos) << text;
}

TEST(ShowText, NamesTheGrantWhoseRightIsDropped) {
  const EffectivePolicy shown = effective();
  EXPECT_NE(show_text(shown, *compile(shown, 4)).find("dropped: ioctl_dev on /srv (ABI 5)"), std::string::npos);
}

TEST(ShowYaml, LoadsAndEnrichesToTheSame) {
  const EffectivePolicy once = effective();
  const std::string yaml = show_yaml(once);
  const EffectivePolicy twice = effective(yaml);
  EXPECT_EQ(once.read_only(), twice.read_only());
  EXPECT_EQ(once.read_write(), twice.read_write());
  EXPECT_EQ(once.min_abi, twice.min_abi);
  EXPECT_EQ(once.run_as_user, twice.run_as_user);
  ASSERT_EQ(once.rules.size(), twice.rules.size());
  for (std::size_t i = 0; i < once.rules.size(); ++i) EXPECT_EQ(once.rules[i].granted, twice.rules[i].granted);
}

TEST(Show, APathCannotForgeALineOfTheOutput) {
  EffectivePolicy shown = effective();
  shown.file = "p\n\x1b[31m\xff.yaml";
  for (const std::string& text : {show_text(shown, *compile(shown, 7)), show_json(shown, *compile(shown, 7))}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_TRUE(is_valid_utf8(text));
  }
}

TEST(ShowYaml, HasThePathsThemselvesAndNothingThatATerminalActsOn) {
  const std::vector<std::string> odd = {"/srv/##[x]", "/srv/a\\b",
                                        "/srv/\xc2\x9b"
                                        "2J",
                                        "/srv/\xe2\x80\xaegpj", "/srv/\xf3\xa0\x81\x81"};
  EffectivePolicy shown;
  for (const std::string& path : odd)
    shown.rules.push_back({path, Access::grant, Right::read_file, Origin::policy, "why:\n\\ \x7f" + path, {}, 1});
  const std::string text = show_yaml(shown);
  EXPECT_EQ(text.find("##"), std::string::npos);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); }))
      << text;
  const Policy policy = testing::policy(text);
  ASSERT_EQ(policy.grants.size(), odd.size());
  for (std::size_t i = 0; i < odd.size(); ++i) {
    EXPECT_EQ(policy.grants[i].entry.path, odd[i]);
    EXPECT_EQ(policy.grants[i].reason, shown.rules[i].reason);
  }
}

}  // namespace
}  // namespace lockstep::render
