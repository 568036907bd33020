// What the model says alone of a simulated host is what the row says where it can be tried.
#include "conformance/judge/by_model.h"

#include <gtest/gtest.h>

#include <map>

#include <lockstep/abi.h>

namespace lockstep::conformance::judge {
namespace {

// The word that the cases' authors wrote down for each plan, against the model's without a kernel.
TEST(ByModel, SaysWhatTheCasesExpect) {
  const Result<std::vector<Case>> cases = load_cases(LOCKSTEP_SOURCE_DIR "/fixtures");
  ASSERT_TRUE(cases.ok()) << cases.error().to_string();
  std::map<gpu::Readiness, std::size_t> compared;
  for (const Case& each : *cases) {
    const Result<CaseRun> run = prepare_case(each);
    ASSERT_TRUE(run.ok()) << each.name;
    if (run->error) continue;
    for (int abi = oldest_abi; abi <= newest_abi; ++abi) {
      if (!each.plan_abis.contains(abi)) continue;
      const Row row{&*run, abi, wire::IdentityKind::user};
      const std::optional<gpu::ReadinessVerdict> said = readiness_by_model(row, {newest_abi, 0xf});
      for (const ReadinessExpectation& expected : each.readiness) {
        if (!expected.abis.contains(abi)) continue;
        if (said) {
          EXPECT_EQ(name(said->is), name(expected.is)) << row.name() << ": " << said->why;
          ++compared[expected.is];
        }
        break;
      }
    }
  }
  for (const gpu::Readiness each :
       {gpu::Readiness::ready, gpu::Readiness::degraded, gpu::Readiness::blocked, gpu::Readiness::blocked_elsewhere})
    EXPECT_GT(compared[each], 10U) << name(each);
}

TEST(ByModel, SaysNothingOfThisMachineAndOfRulesBelowProc) {
  Case each;
  each.name = "a";
  each.context.host.real = true;
  CaseRun run;
  run.source = each;
  run.effective.rules.push_back({"/usr", Access::read_only, {}, Origin::policy, "", {}, 1});
  EXPECT_FALSE(readiness_by_model({&run, 7, wire::IdentityKind::user}, {7, 0}));
  run.source.context.host.real = false;
  EXPECT_TRUE(readiness_by_model({&run, 7, wire::IdentityKind::user}, {7, 0}));
  run.effective.rules.push_back({"/proc/self/task", Access::read_write, {}, Origin::policy, "", {}, 2});
  EXPECT_FALSE(readiness_by_model({&run, 7, wire::IdentityKind::user}, {7, 0}));
}

}  // namespace
}  // namespace lockstep::conformance::judge
