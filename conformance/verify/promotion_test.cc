// What show says a promotion adds, held against the kernel: the same policy kept and promoted, enforced on the same
// files, and the rights between the two are the ones said, no more and no less.
#include <gtest/gtest.h>

#include <lockstep/abi.h>
#include <lockstep/plan.h>
#include <lockstep/rights.h>

#include "conformance/verify/verify.h"

namespace lockstep::conformance::verify {
namespace {

const std::string fixtures = LOCKSTEP_SOURCE_DIR "/fixtures";

struct Row {
  const char* name;
  const char* policy;  // one that promotes `path`
  const char* host;
  const char* path;
  bool directory;
};

class Promotion : public ::testing::TestWithParam<Row> {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
    kernel_ = *kernel;
    Result<harness::Workers> started = harness::Workers::start({});
    ASSERT_TRUE(started.ok()) << started.error().to_string();
    workers_.emplace(std::move(started).value());
    if (const int err = workers_->hello().mount_namespace; err != 0)
      GTEST_SKIP() << "no mount namespace: " << errno_name(err);
  }

  KernelLandlock kernel_;
  std::optional<harness::Workers> workers_;
};

TEST_P(Promotion, AddsWhatItSaysAndTheKernelShowsIt) {
  const Row& row = GetParam();
  Result<Policy> promoting = load_policy(fixtures + "/policies/" + row.policy);
  ASSERT_TRUE(promoting.ok()) << promoting.error().to_string();
  Policy keeping = *promoting;
  keeping.conflicts = {{{row.path}, {}, ConflictMode::keep, "keep.yaml", 1}};
  Result<Host> host = load_host(fixtures + "/hosts/" + row.host);
  ASSERT_TRUE(host.ok()) << host.error().to_string();
  diff::Situation situation;
  situation.host = row.host;
  situation.context.host = *host;

  // Said at every ABI: the rights of that ABI which read_only does not give.
  const Result<EffectivePolicy> promoted = enrich(*promoting, situation.context);
  ASSERT_TRUE(promoted.ok()) << promoted.error().to_string();
  for (const AbiInfo& info : abi_table()) {
    const Result<Plan> plan = compile(*promoted, info.abi);
    ASSERT_TRUE(plan.ok()) << plan.error().to_string();
    ASSERT_EQ(plan->promotions.size(), 1U) << info.abi;
    EXPECT_EQ(plan->promotions[0].path, row.path);
    AccessSet expected = info.fs - access_read_only;
    if (!row.directory) expected = expected & access_on_files;
    for (const Grant& grant : promoting->grants) expected = expected - grant.access;
    EXPECT_EQ(plan->promotions[0].added, expected) << info.abi << ": " << join_names(plan->promotions[0].added);
    EXPECT_FALSE(plan->promotions[0].opens.empty());
  }

  const int abi = std::min(kernel_.abi, newest_abi);
  diff::Options options;
  options.situations = {situation};
  options.abi = abi;
  const Result<diff::Diff> diff = diff::compare(keeping, *promoting, std::move(options));
  ASSERT_TRUE(diff.ok()) << diff.error().to_string();
  ASSERT_EQ(diff->changes.size(), 1U);
  const AccessSet said = compile(*promoted, abi)->promotions[0].added;
  EXPECT_EQ(diff->changes[0].path, row.path);
  EXPECT_EQ(diff->changes[0].gained & abi_info(abi)->fs, said) << join_names(diff->changes[0].gained);

  const Result<Verification> proof = verify(*workers_, kernel_, keeping, *promoting, *diff);
  ASSERT_TRUE(proof.ok()) << proof.error().to_string();
  EXPECT_TRUE(proof->findings.empty()) << proof->findings.front();
  EXPECT_EQ(proof->observed, diff::Class::widening);
  const std::string unseen = proof->unseen.empty() ? "" : proof->unseen.front();
  if (std::string(row.path) == "/proc") {  // procfs has nothing to create, remove or command
    EXPECT_GE(proof->confirmed, 1U) << unseen;
  } else {
    // A device is opened and commanded; there is nothing to shorten and nobody to connect to.
    const AccessSet seen = row.directory ? said : said - (Right::truncate | Right::resolve_unix);
    EXPECT_EQ(proof->confirmed, static_cast<std::size_t>(seen.size())) << unseen;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Promotion,
                         ::testing::Values(Row{"proc", "default/restrictive.yaml", "nvidia-1.json", "/proc", true},
                                           Row{"node", "custom/promote-nodes.yaml", "nvidia-1.json", "/dev/nvidia0",
                                               false},
                                           Row{"tmp", "custom/promote-tmp.yaml", "none.json", "/tmp", true}),
                         [](const ::testing::TestParamInfo<Row>& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace lockstep::conformance::verify
