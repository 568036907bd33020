// What is read of this machine for one policy is enough for that policy.
#include "host/context_flags.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include <lockstep/effective.h>

#include "host/dev_testing.h"

namespace lockstep {
namespace {

std::string as_text(const Result<EffectivePolicy>& effective) {
  if (!effective.ok()) return effective.error().to_string();
  std::string out = effective->gpu ? "gpu\n" : effective->proxy ? "proxy\n" : "\n";
  for (const EffectiveRule& rule : effective->rules)
    out += rule.path + " " + std::string(name(rule.access)) + " " + join_names(rule.granted) + " " +
           std::string(name(rule.origin)) + " " + join_names(rule.added) + " " + rule.reason + "\n";
  for (const SkippedPath& each : effective->skipped) out += "skipped " + each.path + " " + each.reason + "\n";
  for (const Notice& each : notices(*effective)) out += each.code + " " + each.message + "\n";
  return out;
}

std::vector<ContextFlags> all_flags() {
  std::vector<ContextFlags> out;
  for (const Toggle toggle : {Toggle::automatic, Toggle::on, Toggle::off}) {
    out.emplace_back().gpu = toggle;
    if (toggle != Toggle::automatic) out.emplace_back().proxy = toggle;
  }
  for (const char* workdir : {"/tmp", "/dev/urandom"}) out.emplace_back().workdir = workdir;
  out.emplace_back().gpu_devices = "all";
  return out;
}

// How many differ; what does is printed. `read`: how many machines were read for one policy.
int differences(int* read) {
  int out = 0;
  for (const auto& each :
       std::filesystem::recursive_directory_iterator(std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/policies")) {
    if (!each.is_regular_file()) continue;
    const Result<Policy> policy = load_policy(each.path());
    if (!policy.ok()) continue;
    for (const ContextFlags& flags : all_flags()) {
      const Result<Context> whole = make_context(flags), lean = make_context(flags, *policy);
      if (whole.ok() != lean.ok()) ++out;
      if (!whole.ok() || !lean.ok()) continue;
      *read += lean->host.present.empty() ? 0 : 1;
      const std::string expected = as_text(enrich(*policy, *whole)), got = as_text(enrich(*policy, *lean));
      if (got == expected) continue;
      ++out;
      std::printf("%s:\n%s\nin place of\n%s\n", each.path().c_str(), got.c_str(), expected.c_str());
    }
  }
  return out;
}

TEST(ContextFlags, WhatIsReadForOnePolicyIsEnoughForIt) {
  int read = 0;
  EXPECT_EQ(differences(&read), 0);
  EXPECT_GT(read, 0);
  const auto body = [] {
    int machines = 0;
    return differences(&machines) == 0 && machines > 0 ? 0 : 1;
  };
  for (const std::vector<const char*>& nodes :
       std::vector<std::vector<const char*>>{{"/dev/null", "/dev/urandom"},
                                             {"/dev/nvidia0"},
                                             {"/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia1"},
                                             {"/dev/dxg"},
                                             {"/dev/kfd"}}) {
    const int code = testing::in_child_with_dev({}, nodes, body);
    if (code == -1) GTEST_SKIP() << "no-namespace: a private /dev cannot be had here";
    EXPECT_EQ(code, 0) << nodes[0];
  }
}

// Nothing is looked for where no baseline can apply.
TEST(ContextFlags, NothingIsReadForAPolicyThatAsksForNothing) {
  ContextFlags flags;
  flags.gpu = Toggle::off;
  const Result<Context> context = make_context(flags, Policy{});
  ASSERT_TRUE(context.ok());
  EXPECT_TRUE(context->host.real);
  EXPECT_TRUE(context->host.present.empty());
  EXPECT_FALSE(context->host.kernel);
}

}  // namespace
}  // namespace lockstep
