#include <gtest/gtest.h>

#include <lockstep/abi.h>
#include <lockstep/plan.h>
#include <lockstep/rights.h>

namespace lockstep {
namespace {

EffectiveRule rule(const char* path, Access access, Origin origin = Origin::policy, AccessSet granted = {}) {
  return {path, access, granted, origin, "why", {}, origin == Origin::policy ? 3 : 0};
}

EffectivePolicy effective_with(std::vector<EffectiveRule> rules) {
  EffectivePolicy effective;
  effective.file = "p.yaml";
  effective.rules = std::move(rules);
  return effective;
}

Plan compiled(const EffectivePolicy& effective, int abi) {
  Result<Plan> plan = compile(effective, abi);
  EXPECT_TRUE(plan.ok()) << plan.error().to_string();
  return plan.ok() ? *plan : Plan();
}

TEST(Plan, HandlesEveryFileRightOfEachAbi) {
  const EffectivePolicy effective = effective_with({rule("/etc", Access::read_only), rule("/tmp", Access::read_write)});
  for (const AbiInfo& info : abi_table()) {
    const Plan plan = compiled(effective, info.abi);
    EXPECT_EQ(plan.handled, info.fs);
    ASSERT_EQ(plan.rules.size(), 2U);
    EXPECT_EQ(plan.rules[0].rights, access_read_only);
    EXPECT_EQ(plan.rules[1].rights, info.fs);
  }
}

TEST(Plan, RightsOfNewerAbisAreNotYetProtectedAndNeverDropped) {
  const Plan plan = compiled(effective_with({rule("/etc", Access::read_only)}), 4);
  EXPECT_TRUE(plan.dropped.empty());
  ASSERT_EQ(plan.not_yet_protected.size(), 2U);
  EXPECT_EQ(plan.not_yet_protected[0].feature, &feature_info(Right::ioctl_dev));
  EXPECT_EQ(plan.not_yet_protected[1].feature, &feature_info(Right::resolve_unix));
  EXPECT_EQ(plan.not_yet_protected[1].feature->first_abi, 9);
  EXPECT_FALSE(plan.not_yet_protected[1].feature->unprotected.empty());
  EXPECT_TRUE(compiled(effective_with({rule("/etc", Access::read_only)}), newest_abi).not_yet_protected.empty());
}

TEST(Plan, BestEffortListsWhatMinAbiReliesOn) {
  EffectivePolicy effective = effective_with({rule("/etc", Access::read_only)});
  effective.min_abi = 3;
  const Plan plan = compiled(effective, 1);
  ASSERT_EQ(plan.dropped.size(), 2U);
  EXPECT_EQ(plan.dropped[0].feature, &feature_info(Right::refer));
  EXPECT_EQ(plan.dropped[1].feature, &feature_info(Right::truncate));
  EXPECT_TRUE(plan.dropped[0].path.empty());
}

TEST(Plan, BestEffortListsARightOfAGrantWithItsPath) {
  const Plan plan = compiled(
      effective_with({rule("/dev/nvidia0", Access::grant, Origin::policy, Right::read_file | Right::ioctl_dev)}), 4);
  ASSERT_EQ(plan.dropped.size(), 1U);
  EXPECT_EQ(plan.dropped[0].path, "/dev/nvidia0");
  EXPECT_EQ(plan.dropped[0].feature->first_abi, 5);
  ASSERT_EQ(plan.rules.size(), 1U);
  EXPECT_EQ(plan.rules[0].rights, AccessSet(Right::read_file));
}

TEST(Plan, ARuleWithoutAnyRightLeftIsNoRule) {
  const Plan plan = compiled(
      effective_with({rule("/etc", Access::read_only), rule("/log", Access::grant, Origin::policy, Right::truncate)}),
      2);
  ASSERT_EQ(plan.rules.size(), 1U);
  EXPECT_EQ(plan.rules[0].path, "/etc");
  ASSERT_EQ(plan.dropped.size(), 1U);
  EXPECT_EQ(plan.dropped[0].path, "/log");
}

TEST(Plan, NoRuleLeftIsRefused) {
  for (const EffectivePolicy& effective :
       {effective_with({}), effective_with({rule("/log", Access::grant, Origin::policy, Right::truncate)})}) {
    const Result<Plan> plan = compile(effective, 2);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().kind, ErrorKind::input);
  }
}

TEST(Plan, HardRequirementFailsBelowMinAbi) {
  EffectivePolicy effective = effective_with({rule("/etc", Access::read_only)});
  effective.compatibility = Compatibility::hard_requirement;
  for (const auto& [min_abi, abi, ok] :
       {std::tuple{2, 1, false}, {2, 2, true}, {2, 7, true}, {4, 3, false}, {7, 6, false}, {7, 7, true}}) {
    effective.min_abi = min_abi;
    const Result<Plan> plan = compile(effective, abi);
    EXPECT_EQ(plan.ok(), ok) << min_abi << " on " << abi;
    if (!plan.ok()) {
      EXPECT_EQ(plan.error().kind, ErrorKind::unsupported);
    }
  }
}

TEST(Plan, HardRequirementFailsForAGrantedRightTheAbiLacks) {
  EffectivePolicy effective =
      effective_with({rule("/dev/nvidia0", Access::grant, Origin::policy, Right::read_file | Right::ioctl_dev)});
  effective.compatibility = Compatibility::hard_requirement;
  const Result<Plan> plan = compile(effective, 4);
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find("ioctl_dev"), std::string::npos);
  EXPECT_TRUE(compile(effective, 5).ok());
}

TEST(Plan, AGroupOfAllRightsIsThoseOfTheAbiAsReadWriteIs) {
  EffectivePolicy effective = effective_with({rule("/tmp", Access::grant, Origin::policy, abi_info(newest_abi)->fs)});
  effective.compatibility = Compatibility::hard_requirement;
  EXPECT_TRUE(compile(effective, 7).ok());
  effective.rules[0].granted = abi_info(newest_abi)->fs - access_read_only - Right::make_sym;
  EXPECT_FALSE(compile(effective, 7).ok());  // rights by name
}

TEST(Plan, JoinsTheRightsOfOnePath) {
  const Plan plan =
      compiled(effective_with({rule("/proc", Access::read_only, Origin::proxy_baseline),
                               rule("/proc", Access::grant, Origin::policy, Right::write_file | Right::read_file)}),
               7);
  ASSERT_EQ(plan.rules.size(), 1U);
  EXPECT_EQ(plan.rules[0].rights, access_read_only | Right::write_file);
  EXPECT_FALSE(plan.rules[0].from_baseline);
}

TEST(Plan, OnlyPathsNobodyWroteAreTheBaselines) {
  EffectiveRule promoted = rule("/proc", Access::read_write, Origin::gpu_baseline);
  promoted.promoted_from = Access::read_only;
  const Plan plan =
      compiled(effective_with({rule("/a", Access::read_only), rule("/b", Access::read_only, Origin::proxy_baseline),
                               rule("/c", Access::read_write, Origin::gpu_device), promoted,
                               rule("/w", Access::read_write, Origin::workdir)}),
               7);
  ASSERT_EQ(plan.rules.size(), 5U);
  EXPECT_FALSE(plan.rules[0].from_baseline);
  EXPECT_TRUE(plan.rules[1].from_baseline);
  EXPECT_TRUE(plan.rules[2].from_baseline);
  EXPECT_FALSE(plan.rules[3].from_baseline);  // the author listed it
  EXPECT_FALSE(plan.rules[4].from_baseline);  // the author asked for it by include_workdir
}

TEST(Plan, AnUnknownAbiIsAnErrorNotACrash) {
  const EffectivePolicy effective = effective_with({rule("/etc", Access::read_only)});
  for (int abi : {-1, 0, newest_abi + 1}) EXPECT_FALSE(compile(effective, abi).ok());
}

}  // namespace
}  // namespace lockstep
