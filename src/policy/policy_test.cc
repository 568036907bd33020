#include "testing/policy.h"

#include <gtest/gtest.h>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep {
namespace {

std::vector<std::string> paths(const std::vector<PathEntry>& entries) {
  std::vector<std::string> out;
  for (const PathEntry& entry : entries) out.push_back(entry.path);
  return out;
}
using Paths = std::vector<std::string>;

TEST(Policy, EveryKeyOfTheSchemaIsRead) {
  const Policy policy = testing::policy(R"(version: 1
filesystem_policy:
  include_workdir: true
  read_only: [/usr, "/proc/"]
  read_write:
    - //tmp/.
  grants:
    - {path: /dev/nvidia0, access: [read, write_file, ioctl_dev], reason: the GPU}
landlock:
  compatibility: hard_requirement
  min_abi: 5
process: {run_as_user: sandbox, run_as_group: 1000}
network_policies: {api: {endpoints: [{host: example.org, port: 443}]}}
network_middlewares: {}
runtime_baseline_conflicts:
  - paths: ["/dev/nvidia*"]
    sources: [gateway, default]
    mode: reject
)");
  EXPECT_EQ(policy.file, "p.yaml");
  EXPECT_TRUE(policy.has_filesystem_policy);
  EXPECT_TRUE(policy.include_workdir);
  EXPECT_EQ(paths(policy.read_only), (Paths{"/usr", "/proc"}));
  EXPECT_EQ(policy.read_only[1].written, "/proc/");
  EXPECT_EQ(policy.read_only[1].line, 4);
  EXPECT_EQ(paths(policy.read_write), (Paths{"/tmp"}));
  EXPECT_EQ(policy.read_write[0].line, 6);
  ASSERT_EQ(policy.grants.size(), 1U);
  EXPECT_EQ(policy.grants[0].access, access_read_only | Right::write_file | Right::ioctl_dev);
  EXPECT_EQ(policy.grants[0].reason, "the GPU");
  EXPECT_EQ(policy.compatibility, Compatibility::hard_requirement);
  EXPECT_EQ(policy.min_abi, 5);
  EXPECT_EQ(policy.min_abi_line, 11);
  EXPECT_EQ(policy.run_as_user, "sandbox");
  EXPECT_EQ(policy.run_as_group, "1000");
  EXPECT_TRUE(policy.has_network_policies);
  ASSERT_EQ(policy.conflicts.size(), 1U);
  EXPECT_EQ(policy.conflicts[0].paths, (Paths{"/dev/nvidia*"}));
  EXPECT_EQ(policy.conflicts[0].sources, (std::vector<Source>{Source::gateway, Source::default_policy}));
  EXPECT_EQ(policy.conflicts[0].mode, ConflictMode::reject);
  EXPECT_EQ(policy.conflicts[0].line, 16);
  EXPECT_TRUE(policy.warnings.empty());
}

TEST(Policy, LeavingAKeyOutNeverWidens) {
  const Policy bare = testing::policy("version: 1\n");
  EXPECT_FALSE(bare.has_filesystem_policy);
  EXPECT_TRUE(bare.include_workdir);  // OpenShell's reading of a missing section
  EXPECT_EQ(bare.compatibility, Compatibility::best_effort);
  EXPECT_EQ(bare.min_abi, 2);
  EXPECT_EQ(bare.min_abi_line, 0);
  EXPECT_FALSE(bare.has_network_policies);
  const Policy empty_section = testing::policy("version: 1\nfilesystem_policy: {}\nnetwork_policies: {}\n");
  EXPECT_TRUE(empty_section.has_filesystem_policy);
  EXPECT_FALSE(empty_section.include_workdir);
  EXPECT_FALSE(empty_section.has_network_policies);
}

TEST(Policy, JsonMeansWhatYamlMeans) {
  const std::string text = R"({"version": 1,
 "filesystem_policy": {"read_only": ["/usr", "/proc/"], "read_write": ["/tmp"],
  "grants": [{"path": "/dev/nvidia0", "access": ["all"]}]},
 "landlock": {"min_abi": 3}})";
  for (const char* name : {"p.yaml", "p.json"}) {
    const Policy policy = testing::policy(text, name);
    EXPECT_EQ(paths(policy.read_only), (Paths{"/usr", "/proc"}));
    EXPECT_EQ(paths(policy.read_write), (Paths{"/tmp"}));
    ASSERT_EQ(policy.grants.size(), 1U);
    EXPECT_EQ(policy.grants[0].access, abi_info(newest_abi)->fs);
    EXPECT_EQ(policy.grants[0].entry.line, 3);
    EXPECT_EQ(policy.min_abi, 3);
    EXPECT_EQ(policy.min_abi_line, 4);
  }
}

TEST(Policy, AccessGroupsSplitEveryRightInTwo) {
  const Policy policy = testing::policy(
      "version: 1\nfilesystem_policy:\n  grants:\n    - {path: /a, access: [read]}\n    - {path: /b, access: "
      "[write]}\n");
  ASSERT_EQ(policy.grants.size(), 2U);
  EXPECT_EQ(policy.grants[0].access, access_read_only);
  EXPECT_EQ(policy.grants[1].access, abi_info(newest_abi)->fs - access_read_only);
}

TEST(Policy, OddButHarmlessThingsAreWarnings) {
  const Policy policy = testing::policy(
      "version: 1\nfilesystem_policy:\n  read_only:\n    - /usr\n    - /usr/\n    - /home/*\n    - /\n"
      "  grants:\n    - {path: '/dev/nvidia[0]', access: [read]}\n");
  EXPECT_EQ(paths(policy.read_only), (Paths{"/usr", "/home/*", "/"}));
  ASSERT_EQ(policy.warnings.size(), 3U);
  EXPECT_EQ(policy.warnings[0].line, 5);
  EXPECT_NE(policy.warnings[0].message.find("twice"), std::string::npos);
  EXPECT_EQ(policy.warnings[1].line, 6);
  EXPECT_NE(policy.warnings[1].message.find("literally"), std::string::npos);
  EXPECT_EQ(policy.warnings[2].line, 9);
}

TEST(Policy, MoreThan256PathsIsAWarning) {
  for (const int count : {256, 257, 300}) {
    std::string text = "version: 1\nfilesystem_policy:\n  read_only:\n";
    for (int i = 0; i < count; ++i) text += "    - /srv/" + std::to_string(i) + "\n";
    const Policy policy = testing::policy(text);
    EXPECT_EQ(policy.read_only.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(policy.warnings.size(), count > 256 ? 1U : 0U);
  }
}

TEST(Policy, PathsOfUpTo4096BytesAreTaken) {
  const std::string path = "/" + std::string(4095, 'a');
  EXPECT_EQ(testing::policy("version: 1\nfilesystem_policy:\n  read_only:\n    - " + path + "\n").read_only[0].path,
            path);
}

TEST(Policy, DotDotInsideANameIsNoParent) {
  const Policy policy = testing::policy("version: 1\nfilesystem_policy:\n  read_write: [/a..b, /..., /a/..b]\n");
  EXPECT_EQ(paths(policy.read_write), (Paths{"/a..b", "/...", "/a/..b"}));
}

TEST(Policy, NormalisationTakesSpellingOutAndLeavesMeaning) {
  const std::pair<const char*, const char*> table[] = {
      {"/proc", "/proc"}, {"/proc/", "/proc"}, {"//proc/./", "/proc"}, {"/", "/"},          {"//", "/"}, {"/.", "/"},
      {"/a/.b", "/a/.b"}, {"/a//b", "/a/b"},   {"/a/../b", "/a/../b"}, {"/.../x", "/.../x"}};
  for (const auto& [written, path] : table) {
    EXPECT_EQ(normalise_path(written), path);
    EXPECT_EQ(normalise_path(path), path);
  }
}

TEST(Policy, TheBuiltInDefaultIsOpenShells) {
  const Policy& policy = builtin_default_policy();
  EXPECT_EQ(paths(policy.read_only), (Paths{"/usr", "/lib", "/proc", "/dev/urandom", "/app", "/etc", "/var/log"}));
  EXPECT_EQ(paths(policy.read_write), (Paths{"/tmp", "/dev/null"}));
  EXPECT_TRUE(policy.has_filesystem_policy);
  EXPECT_TRUE(policy.include_workdir);
  EXPECT_TRUE(policy.grants.empty());
  EXPECT_EQ(policy.compatibility, Compatibility::best_effort);
}

TEST(Policy, NamesRoundTrip) {
  for (Source source : {Source::default_policy, Source::gateway, Source::image, Source::user})
    EXPECT_EQ(source_from_name(name(source)), source);
  EXPECT_EQ(name(Source::default_policy), "default");
  EXPECT_FALSE(source_from_name("User").has_value());
  EXPECT_EQ(name(Compatibility::hard_requirement), "hard_requirement");
  EXPECT_EQ(name(ConflictMode::promote), "promote");
}

}  // namespace
}  // namespace lockstep
