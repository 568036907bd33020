// A hundred random changes of policy, each classed by the diff and by the kernel; and diffs that lie, which the kernel
// must catch.
#include "conformance/verify/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "testing/policy.h"

namespace lockstep::conformance::verify {
namespace {

using diff::Class;
using diff::Diff;
using diff::Situation;
using testing::policy;

constexpr int pairs = 100;

class VerifyTest : public ::testing::Test {
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

  // At this kernel's ABI, so that both talk about the same rights; on a host without a GPU, with and without the
  // proxy's baseline.
  Diff diff(const Policy& before, const Policy& after) const {
    diff::Options options;
    for (const Toggle proxy : {Toggle::off, Toggle::on}) {
      Situation each;
      each.host = "plain";
      for (const char* path : {"/usr", "/etc", "/tmp", "/proc", "/app"})
        each.context.host.present.push_back({path, NodeKind::directory, {}});
      each.context.host.present.push_back({"/dev/node", NodeKind::character, {}});
      each.context.host.present.push_back({"/etc/file", NodeKind::file, {}});
      each.context.proxy = proxy;
      options.situations.push_back(each);
    }
    options.abi = std::min(kernel_.abi, newest_abi);
    Result<Diff> out = diff::compare(before, after, std::move(options));
    EXPECT_TRUE(out.ok());
    return out.ok() ? *out : Diff();
  }

  Verification proved(const Policy& before, const Policy& after, const Diff& diff) {
    Result<Verification> out = verify(*workers_, kernel_, before, after, diff);
    EXPECT_TRUE(out.ok()) << out.error().to_string();
    return out.ok() ? *out : Verification();
  }

  KernelLandlock kernel_;
  std::optional<harness::Workers> workers_;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(engine_); }
  bool one_in(std::size_t count) { return below(count) == 0; }

  // Few paths, deep in one another, so that rules meet: a hundred policies that never touch would prove nothing.
  std::string policy_text() {
    static const std::vector<std::string> paths = {"/data",     "/data/a", "/data/a/b", "/data/a/b/c",
                                                   "/data/d",   "/usr",    "/usr/bin",  "/etc/file",
                                                   "/dev/node", "/tmp",    "/proc"};
    std::string lists[2], grants;
    for (const std::string& path : paths) {
      if (!one_in(3)) continue;
      const std::size_t kind = below(3);
      if (kind < 2) {
        lists[kind] += (lists[kind].empty() ? "" : ", ") + path;
      } else {
        const AccessSet rights =
            AccessSet::from_bits(1U + below((1U << 16) - 1)) | AccessSet(one_in(2) ? Right::read_file : Right::execute);
        grants += (grants.empty() ? "" : ", ") + ("{path: " + path + ", access: [" + join_names(rights, ", ") + "]}");
      }
    }
    std::string out = "version: 1\nfilesystem_policy: {read_only: [/app" + std::string(lists[0].empty() ? "" : ", ") +
                      lists[0] + "], read_write: [" + lists[1] + "], grants: [" + grants + "]}\n";
    if (one_in(3))
      out += std::string("landlock: {ports: {bind_tcp: [") + (one_in(2) ? "8101" : "") + "]}, scopes: [" +
             (one_in(2) ? "signal" : "") + "]}\n";
    return out;
  }

 private:
  std::mt19937 engine_;
};

// What the diff says of paths, ports and scopes: what a kernel can see here. Moves are not tried.
Class visible_class(const Diff& diff) {
  bool gains = false, loses = false;
  for (const diff::PathChange& change : diff.changes) {
    gains = gains || !change.gained.empty();
    loses = loses || !change.lost.empty();
  }
  for (const diff::SettingChange& change : diff.settings) {
    if (change.code == "moves") continue;
    gains = gains || change.kind == Class::widening || change.kind == Class::both;
    loses = loses || change.kind == Class::narrowing || change.kind == Class::both;
  }
  return gains ? (loses ? Class::both : Class::widening) : loses ? Class::narrowing : Class::equivalent;
}

TEST_F(VerifyTest, AHundredPairsHaveTheSameClassByDiffAndOnTheKernel) {
  int same = 0;
  std::size_t confirmed = 0, unseen = 0;
  for (unsigned seed = 0; seed < pairs; ++seed) {
    Random random(seed);
    const std::string before = random.policy_text();
    // Half are unrelated, the others one policy and the same with a line more or less: every class must come up.
    std::string after = random.one_in(2) ? random.policy_text() : before;
    if (after == before && !random.one_in(4))
      after.insert(
          after.find("grants: [") + 9,
          "{path: /data/a, access: [write]}" + std::string(after.find("grants: []") != std::string::npos ? "" : ", "));
    const bool swapped = random.one_in(2);
    const Policy old_policy = policy(swapped ? after : before), new_policy = policy(swapped ? before : after);
    const Diff claims = diff(old_policy, new_policy);
    const Verification proof = proved(old_policy, new_policy, claims);
    EXPECT_TRUE(proof.findings.empty()) << "seed " << seed << ": " << proof.findings.front() << "\n"
                                        << before << "\n"
                                        << after;
    EXPECT_EQ(proof.situations, 2U) << "seed " << seed;
    // Where a claim could not be seen, the kernel may show less; it never shows more.
    if (proof.observed == visible_class(claims)) {
      ++same;
    } else {
      EXPECT_FALSE(proof.unseen.empty()) << "seed " << seed << ": " << diff::name(visible_class(claims))
                                         << " by the diff, " << diff::name(proof.observed) << " by the kernel";
    }
    confirmed += proof.confirmed;
    unseen += proof.unseen.size();
  }
  EXPECT_EQ(same, pairs) << "of " << confirmed << " confirmed and " << unseen << " unseen claims";
  EXPECT_GT(confirmed, 10 * static_cast<std::size_t>(pairs));
  EXPECT_LT(unseen, confirmed);
  RecordProperty("confirmed", static_cast<int>(confirmed));
  RecordProperty("unseen", static_cast<int>(unseen));
}

class LyingDiff : public VerifyTest {
 protected:
  const Policy before_ =
      policy("version: 1\nfilesystem_policy: {read_only: [/usr, /data]}\nlandlock: {scopes: [signal]}\n");
  const Policy after_ = policy("version: 1\nfilesystem_policy: {read_only: [/usr], read_write: [/data]}\n");
};

TEST_F(LyingDiff, TheTruthIsConfirmed) {
  const Verification proof = proved(before_, after_, diff(before_, after_));
  EXPECT_TRUE(proof.findings.empty()) << proof.findings.front();
  EXPECT_EQ(proof.observed, Class::widening);
  EXPECT_EQ(exit_code(proof), 0);
}

TEST_F(LyingDiff, AChangeThatIsLeftOutIsFound) {
  Diff lie = diff(before_, after_);
  lie.changes.clear();
  EXPECT_EQ(exit_code(proved(before_, after_, lie)), 1);
}

TEST_F(LyingDiff, ARightThatIsLeftOutIsFound) {
  Diff lie = diff(before_, after_);
  lie.changes[0].gained = lie.changes[0].gained - AccessSet(Right::make_dir);
  const Verification proof = proved(before_, after_, lie);
  ASSERT_FALSE(proof.findings.empty());
  EXPECT_NE(proof.findings[0].find("mkdir"), std::string::npos) << proof.findings[0];
}

TEST_F(LyingDiff, AChangeThatIsInventedIsFound) {
  Diff lie = diff(before_, after_);
  lie.changes.push_back(lie.changes[0]);
  lie.changes.back().path = "/usr";
  const Verification proof = proved(before_, after_, lie);
  ASSERT_FALSE(proof.findings.empty());
  EXPECT_NE(proof.findings[0].find("/usr gains"), std::string::npos) << proof.findings[0];
}

TEST_F(LyingDiff, ADirectionThatIsTurnedIsFound) {
  Diff lie = diff(before_, after_);
  std::swap(lie.changes[0].gained, lie.changes[0].lost);
  EXPECT_EQ(exit_code(proved(before_, after_, lie)), 1);
}

TEST_F(LyingDiff, AScopeThatIsLeftOutIsFound) {
  if (kernel_.abi < 6) GTEST_SKIP() << "scopes come with ABI 6, this kernel has " << kernel_.abi;
  Diff lie = diff(before_, after_);
  lie.settings.clear();
  const Verification proof = proved(before_, after_, lie);
  ASSERT_FALSE(proof.findings.empty());
  EXPECT_NE(proof.findings[0].find("signal"), std::string::npos) << proof.findings[0];
}

}  // namespace
}  // namespace lockstep::conformance::verify
