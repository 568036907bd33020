#include "render/openshell.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "testing/policy.h"

namespace lockstep::render {
namespace {

EffectivePolicy effective(const std::string& text, Context context = {}) {
  Result<EffectivePolicy> out = enrich(testing::policy(text), context);
  EXPECT_TRUE(out.ok()) << out.error().to_string();
  return *out;
}

TwoLists lists_of(const EffectivePolicy& policy) {
  Result<TwoLists> out = as_two_lists(policy);
  EXPECT_TRUE(out.ok()) << out.error().to_string();
  return out.ok() ? *out : TwoLists();
}

TEST(TwoLists, WhatTheListsCanSayIsSaidInFull) {
  const TwoLists lists =
      lists_of(effective("version: 1\nfilesystem_policy:\n  read_only: [/usr, /a]\n  read_write: [/tmp]\n  grants:\n   "
                         " - {path: /lib, access: [read]}\n    - {path: /a, access: [all]}\n"
                         "process: {run_as_user: agent}\n"));
  EXPECT_TRUE(lists.unsaid.empty());
  EXPECT_EQ(lists.text,
            "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only:\n    - \"/lib\"\n    - \"/usr\"\n  "
            "read_write:\n    - \"/a\"\n    - \"/tmp\"\n"
            "landlock:\n  compatibility: best_effort\nprocess:\n  run_as_user: \"agent\"\n");
}

TEST(TwoLists, WhatTheyCannotSayIsLeftOutAndNamed) {
  const TwoLists lists =
      lists_of(effective("version: 1\nfilesystem_policy:\n  read_only: [/usr]\n  grants:\n    - {path: /proc, access: "
                         "[read, write_file], quiet: true}\n"
                         "landlock: {min_abi: 5, scopes: [signal]}\n"));
  EXPECT_EQ(lists.text.find("/proc\""), std::string::npos) << lists.text;
  ASSERT_EQ(lists.unsaid.size(), 4U);
  EXPECT_EQ(lists.unsaid[0], "the grant of execute, write_file, read_file, read_dir on /proc is left out");
  for (const std::string& line : lists.unsaid)
    EXPECT_NE(lists.text.find("# not said here: " + line + "\n"), std::string::npos);
}

TEST(TwoLists, EveryPolicyOfTheFixturesReadsBackAndNeverWider) {
  std::size_t seen = 0;
  Context gpu;
  gpu.host.present = {{"/proc"}, {"/usr"}, {"/dev/nvidiactl", NodeKind::character}};
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/policies")) {
    if (!entry.is_regular_file()) continue;
    const Result<Policy> policy = load_policy(entry.path());
    if (!policy.ok()) continue;  // broken on purpose
    for (const Context& context : {Context(), gpu}) {
      const Result<EffectivePolicy> in_force = enrich(*policy, context);
      if (!in_force.ok()) continue;  // rejects this host
      ++seen;
      EXPECT_TRUE(as_two_lists(*in_force).ok()) << entry.path() << ": " << as_two_lists(*in_force).error().to_string();
    }
  }
  EXPECT_GT(seen, 20U);
}

}  // namespace
}  // namespace lockstep::render
