#include <gtest/gtest.h>

#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/effective.h>
#include <lockstep/rights.h>

namespace lockstep {
namespace {

PathEntry at(const char* path, int line) {
  return {path, path, line};
}

Host gpu_host() {
  Host host;
  host.gpu = GpuKind::nvidia;
  host.gpu_nodes = {"/dev/nvidia0", "/dev/nvidia1"};
  for (const char* path : {"/usr", "/lib", "/etc", "/var/log", "/proc", "/tmp"})
    host.present.push_back({path, NodeKind::directory});
  for (const char* path : {"/dev/urandom", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidia1"})
    host.present.push_back({path, NodeKind::character});
  return host;
}

Host cpu_host() {
  Host host;
  for (const char* path : {"/usr", "/lib", "/etc", "/var/log", "/proc", "/tmp"})
    host.present.push_back({path, NodeKind::directory});
  host.present.push_back({"/dev/urandom", NodeKind::character});
  return host;
}

Policy policy_with(std::vector<PathEntry> read_only, std::vector<PathEntry> read_write = {}) {
  Policy policy;
  policy.file = "p.yaml";
  policy.has_filesystem_policy = true;
  policy.include_workdir = false;
  policy.read_only = std::move(read_only);
  policy.read_write = std::move(read_write);
  return policy;
}

Context on(Host host) {
  Context context;
  context.host = std::move(host);
  return context;
}

EffectivePolicy enriched(const Policy& policy, const Context& context) {
  Result<EffectivePolicy> result = enrich(policy, context);
  EXPECT_TRUE(result.ok()) << result.error().to_string();
  return result.ok() ? *result : EffectivePolicy();
}

const EffectiveRule* find(const EffectivePolicy& effective, const std::string& path, bool grant = false) {
  for (const EffectiveRule& rule : effective.rules)
    if (rule.path == path && (rule.access == Access::grant) == grant) return &rule;
  return nullptr;
}

const Notice* notice(const EffectivePolicy& effective, const std::string& code, const std::string& path) {
  for (const Notice& each : effective.notices)
    if (each.code == code && each.path == path) return &each;
  return nullptr;
}

using Paths = std::vector<std::string>;

TEST(Enrich, PromotesProcOnGpuHostsWithoutNetworkPolicy) {
  const EffectivePolicy effective = enriched(policy_with({at("/proc", 4), at("/usr", 5)}), on(gpu_host()));
  EXPECT_EQ(effective.read_only(), Paths({"/usr"}));
  EXPECT_EQ(effective.read_write(),
            Paths({"/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidiactl", "/proc"}));
  const EffectiveRule* proc = find(effective, "/proc");
  ASSERT_NE(proc, nullptr);
  EXPECT_EQ(proc->origin, Origin::gpu_baseline);
  EXPECT_EQ(proc->promoted_from, Access::read_only);
  const Notice* said = notice(effective, "proc-promoted", "/proc");
  ASSERT_NE(said, nullptr);
  EXPECT_EQ(said->level, Notice::Level::info);
  EXPECT_FALSE(effective.proxy);
}

TEST(Enrich, AddsNothingWithoutGpuOrProxy) {
  const EffectivePolicy effective = enriched(policy_with({at("/proc", 4)}), on(cpu_host()));
  EXPECT_EQ(effective.read_only(), Paths({"/proc"}));
  EXPECT_TRUE(effective.read_write().empty());
  EXPECT_TRUE(effective.skipped.empty());
  EXPECT_TRUE(effective.notices.empty());
}

TEST(Enrich, GpuOffLeavesAGpuHostAlone) {
  Context context = on(gpu_host());
  context.gpu = Toggle::off;
  EXPECT_EQ(enriched(policy_with({at("/proc", 4)}), context).read_only(), Paths({"/proc"}));
}

TEST(Enrich, AddsTheProxyBaselineAndListsWhatIsMissing) {
  Policy policy = policy_with({});
  policy.has_network_policies = true;
  const EffectivePolicy effective = enriched(policy, on(cpu_host()));
  EXPECT_EQ(effective.read_only(), Paths({"/dev/urandom", "/etc", "/lib", "/proc", "/usr", "/var/log"}));
  EXPECT_EQ(effective.read_write(), Paths({"/tmp"}));
  ASSERT_EQ(effective.skipped.size(), 1U);
  EXPECT_EQ(effective.skipped[0].path, "/app");
  EXPECT_EQ(effective.skipped[0].origin, Origin::proxy_baseline);
}

TEST(Enrich, ProcInBothBaselinesIsReadWriteWithoutANotice) {
  Policy policy = policy_with({});
  policy.has_network_policies = true;
  const EffectivePolicy effective = enriched(policy, on(gpu_host()));
  ASSERT_NE(find(effective, "/proc"), nullptr);
  EXPECT_EQ(find(effective, "/proc")->access, Access::read_write);
  EXPECT_FALSE(find(effective, "/proc")->promoted_from);
  EXPECT_EQ(notice(effective, "proc-promoted", "/proc"), nullptr);
}

TEST(Enrich, NeverSkipsAPathOfTheAuthor) {
  const EffectivePolicy effective = enriched(policy_with({at("/missing", 3), at("/dev/dxg", 4)}), on(gpu_host()));
  EXPECT_EQ(effective.read_only(), Paths({"/dev/dxg", "/missing"}));
  // Nor is there a conflict over a baseline path that this host does not have.
  EXPECT_EQ(notice(effective, "baseline-kept", "/dev/dxg"), nullptr);
}

TEST(Enrich, ExplicitReadOnlyTmpSurvivesTheProxyBaseline) {
  Policy policy = policy_with({at("/tmp", 9)});
  policy.has_network_policies = true;
  const EffectivePolicy effective = enriched(policy, on(cpu_host()));
  EXPECT_EQ(find(effective, "/tmp")->access, Access::read_only);
  const Notice* kept = notice(effective, "baseline-kept", "/tmp");
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->level, Notice::Level::warning);
  EXPECT_NE(kept->message.find("temporary files"), std::string::npos);
}

TEST(Enrich, ReadWriteWinsWhereTheAuthorWroteBoth) {
  const EffectivePolicy effective = enriched(policy_with({at("/data", 3)}, {at("/data", 5)}), on(cpu_host()));
  EXPECT_TRUE(effective.read_only().empty());
  EXPECT_EQ(effective.read_write(), Paths({"/data"}));
  EXPECT_NE(notice(effective, "both-lists", "/data"), nullptr);
}

TEST(Enrich, TheAuthorsReadWriteBeatsTheBaselinesReadOnly) {
  Policy policy = policy_with({}, {at("/etc", 3)});
  policy.has_network_policies = true;
  const EffectivePolicy effective = enriched(policy, on(cpu_host()));
  EXPECT_EQ(find(effective, "/etc")->access, Access::read_write);
  EXPECT_EQ(find(effective, "/etc")->origin, Origin::policy);
}

TEST(Enrich, SaysWhenANarrowerPathLiesBelowAWiderOneOfTheBaseline) {
  const EffectivePolicy effective = enriched(policy_with({at("/proc/sys", 3)}), on(gpu_host()));
  EXPECT_NE(notice(effective, "widened", "/proc/sys"), nullptr);
  EXPECT_EQ(notice(enriched(policy_with({at("/process", 3)}), on(gpu_host())), "widened", "/process"), nullptr);
}

TEST(Enrich, OutputIsSortedByPath) {
  Policy policy = policy_with({at("/z", 1), at("/a", 2)}, {at("/m", 3)});
  policy.grants.push_back({at("/b", 4), Right::read_file, "why"});
  const EffectivePolicy effective = enriched(policy, on(gpu_host()));
  EXPECT_TRUE(std::is_sorted(effective.rules.begin(), effective.rules.end(),
                             [](const EffectiveRule& a, const EffectiveRule& b) { return a.path < b.path; }));
  for (const EffectiveRule& rule : effective.rules) EXPECT_FALSE(rule.reason.empty()) << rule.path;
}

TEST(EnrichWorkdir, IsReadWriteAndSaysWhere) {
  Policy policy = policy_with({});
  policy.include_workdir = true;
  Context context = on(cpu_host());
  context.workdir = "/home//me/.";
  const EffectivePolicy effective = enriched(policy, context);
  ASSERT_NE(find(effective, "/home/me"), nullptr);
  EXPECT_EQ(find(effective, "/home/me")->origin, Origin::workdir);
  policy.include_workdir = false;
  EXPECT_TRUE(enriched(policy, context).rules.empty());
}

TEST(EnrichWorkdir, InReadOnlyBecomesReadWriteWithAWarning) {
  Policy policy = policy_with({at("/work", 3)});
  policy.include_workdir = true;
  Context context = on(cpu_host());
  context.workdir = "/work";
  const EffectivePolicy effective = enriched(policy, context);
  EXPECT_EQ(find(effective, "/work")->access, Access::read_write);
  ASSERT_NE(notice(effective, "both-lists", "/work"), nullptr);
  EXPECT_EQ(notice(effective, "both-lists", "/work")->level, Notice::Level::warning);
}

TEST(EnrichWorkdir, RefusesTheRootAndWhatIsNoPlainAbsolutePath) {
  Policy policy = policy_with({at("/usr", 3)});
  policy.include_workdir = true;
  for (const std::string& bad : {std::string("/"), std::string("//./"), std::string("work"), std::string(),
                                 std::string("/a/.."), std::string("/a/../b"), std::string("/a\nb"),
                                 std::string("/a\xff"), std::string("/a\0b", 4), "/" + std::string(5000, 'a')}) {
    Context context = on(cpu_host());
    context.workdir = bad;
    const Result<EffectivePolicy> result = enrich(policy, context);
    ASSERT_FALSE(result.ok()) << printable(bad);
    EXPECT_EQ(result.error().kind, ErrorKind::input);
  }
}

ConflictRule rule(ConflictMode mode, const char* glob, std::vector<Source> sources = {}, const char* file = "p.yaml",
                  int line = 20) {
  return {{glob}, std::move(sources), mode, file, line};
}

TEST(EnrichConflicts, FirstMatchWins) {
  Policy policy = policy_with({at("/proc", 4)});
  policy.conflicts = {rule(ConflictMode::keep, "/proc"), rule(ConflictMode::reject, "/*")};
  const EffectivePolicy effective = enriched(policy, on(gpu_host()));
  EXPECT_EQ(find(effective, "/proc")->access, Access::read_only);
  EXPECT_NE(notice(effective, "baseline-kept", "/proc"), nullptr);
}

TEST(EnrichConflicts, RejectNamesBothSidesAndWhatToDo) {
  Policy policy = policy_with({at("/proc", 4)});
  policy.conflicts = {rule(ConflictMode::reject, "/proc")};
  const Result<EffectivePolicy> result = enrich(policy, on(gpu_host()));
  ASSERT_FALSE(result.ok());
  const std::string message = result.error().to_string();
  EXPECT_EQ(result.error().kind, ErrorKind::input);
  EXPECT_EQ(message.rfind("p.yaml:4: ", 0), 0U) << message;
  for (const char* part : {"read_only /proc", "gpu-baseline", "p.yaml:20", "read_write", "promote or keep"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
}

TEST(EnrichConflicts, ThePolicyCannotOverrideTheAdministratorsReject) {
  Policy policy = policy_with({at("/proc", 4)});
  policy.conflicts = {rule(ConflictMode::promote, "/proc")};
  Context context = on(gpu_host());
  context.administrator_conflicts = {rule(ConflictMode::reject, "/proc", {}, "admin.yaml", 3)};
  const Result<EffectivePolicy> result = enrich(policy, context);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("admin.yaml:3"), std::string::npos);
  EXPECT_NE(result.error().message.find("administrator"), std::string::npos);
}

TEST(EnrichConflicts, SourcesTellWhoSuppliedThePolicy) {
  Policy policy = policy_with({at("/proc", 4)});
  policy.conflicts = {rule(ConflictMode::reject, "/proc", {Source::user, Source::image})};
  Context context = on(gpu_host());
  context.source = Source::gateway;
  EXPECT_EQ(find(enriched(policy, context), "/proc")->access, Access::read_write);
  context.source = Source::image;
  EXPECT_FALSE(enrich(policy, context).ok());
}

// What the author gave already, on the path or above it, is not the promotion's.
TEST(EnrichConflicts, APromotionAddsWhatTheAuthorDidNotGive) {
  Policy policy = policy_with({at("/proc", 4), at("/dev/nvidia0", 5)});
  policy.conflicts = {rule(ConflictMode::promote, "/proc"), rule(ConflictMode::promote, "/dev/*")};
  policy.grants.push_back({at("/proc", 6), Right::write_file | Right::truncate, "CUDA names its threads"});
  policy.grants.push_back({at("/dev", 7), AccessSet(Right::ioctl_dev), "devices are commanded"});
  const AccessSet all = abi_info(newest_abi)->fs;
  const EffectivePolicy effective = enriched(policy, on(gpu_host()));
  EXPECT_EQ(find(effective, "/proc")->added, all - access_read_only - Right::write_file - Right::truncate);
  EXPECT_EQ(find(effective, "/dev/nvidia0")->added,
            (all & access_on_files) - access_read_only - Right::ioctl_dev);  // a device
  EXPECT_TRUE(find(effective, "/dev/nvidiactl")->added.empty());             // the baseline's own is no promotion
}

TEST(EnrichConflicts, GlobsDoNotCrossASlash) {
  Policy policy = policy_with({at("/dev/nvidia0", 4), at("/tmp", 5)});
  policy.has_network_policies = true;
  policy.conflicts = {rule(ConflictMode::reject, "/*"), rule(ConflictMode::promote, "/dev/nvidia[0-9]")};
  Context context = on(gpu_host());
  EXPECT_FALSE(enrich(policy, context).ok());  // /tmp
  policy.read_only.pop_back();
  const EffectivePolicy effective = enriched(policy, context);
  EXPECT_EQ(find(effective, "/dev/nvidia0")->access, Access::read_write);
  EXPECT_EQ(find(effective, "/dev/nvidia0")->origin, Origin::gpu_device);
  EXPECT_NE(notice(effective, "promoted", "/dev/nvidia0"), nullptr);
}

TEST(EnrichConflicts, ADeviceIsKeptReadOnlyUnlessARulePromotesIt) {
  const EffectivePolicy effective = enriched(policy_with({at("/dev/nvidia0", 4)}), on(gpu_host()));
  EXPECT_EQ(find(effective, "/dev/nvidia0")->access, Access::read_only);
  EXPECT_NE(notice(effective, "baseline-kept", "/dev/nvidia0"), nullptr);
}

// A grant that only reads is the author's word as read_only is: promoted with a notice, kept or rejected by the rules.
TEST(EnrichGrants, AGrantOfReadingStandsAgainstTheBaselineAsReadOnlyDoes) {
  Policy policy = policy_with({});
  policy.grants.push_back({at("/proc", 6), access_read_only, "processes are looked at"});
  const EffectivePolicy promoted = enriched(policy, on(gpu_host()));
  ASSERT_NE(notice(promoted, "proc-promoted", "/proc"), nullptr);
  EXPECT_EQ(find(promoted, "/proc")->access, Access::read_write);
  EXPECT_EQ(find(promoted, "/proc")->added, abi_info(newest_abi)->fs - access_read_only);

  Context context = on(gpu_host());
  context.administrator_conflicts = {rule(ConflictMode::keep, "/proc", {}, "admin.yaml", 3)};
  for (const bool proxy : {false, true}) {  // whose baseline reads /proc
    policy.has_network_policies = proxy;
    const EffectivePolicy kept = enriched(policy, context);
    const EffectiveRule* list = find(kept, "/proc");
    EXPECT_TRUE(list == nullptr ? !proxy : list->access == Access::read_only);
    ASSERT_NE(notice(kept, "baseline-kept", "/proc"), nullptr);
    EXPECT_NE(notice(kept, "baseline-kept", "/proc")->message.find("as admin.yaml:3 says"), std::string::npos);
  }
  context.administrator_conflicts = {rule(ConflictMode::reject, "/proc", {}, "admin.yaml", 3)};
  const Result<EffectivePolicy> rejected = enrich(policy, context);
  ASSERT_FALSE(rejected.ok());
  EXPECT_NE(rejected.error().to_string().find("p.yaml:6: the grant on /proc stands against the gpu-baseline"),
            std::string::npos)
      << rejected.error().to_string();
}

TEST(EnrichGrants, ANarrowGrantIsKeptWhereTheProxyReadsThePathAsWell) {
  Policy policy = policy_with({});
  policy.has_network_policies = true;
  policy.grants.push_back(
      {at("/proc", 6), access_read_only | Right::write_file | Right::truncate, "CUDA names its threads"});
  const EffectivePolicy effective = enriched(policy, on(gpu_host()));
  EXPECT_EQ(find(effective, "/proc")->access, Access::read_only);  // the proxy's
  EXPECT_NE(notice(effective, "baseline-kept", "/proc"), nullptr);
}

TEST(EnrichGrants, AGrantOfWritingIsTheAuthorsAnswerToTheBuiltInPromotion) {
  Policy policy = policy_with({});
  policy.grants.push_back({at("/proc", 6), Right::read_file | Right::write_file | Right::read_dir | Right::truncate,
                           "CUDA names its threads"});
  for (const bool listed : {false, true}) {
    if (listed) policy.read_only = {at("/proc", 4)};
    const EffectivePolicy effective = enriched(policy, on(gpu_host()));
    const EffectiveRule* list = find(effective, "/proc");
    EXPECT_TRUE(list == nullptr ? !listed : list->access == Access::read_only);
    ASSERT_NE(find(effective, "/proc", true), nullptr);
    const Notice* kept = notice(effective, "baseline-kept", "/proc");
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(kept->level, Notice::Level::info);
  }
}

TEST(EnrichGrants, AWrittenPromoteIsFollowedInSpiteOfAGrant) {
  Policy policy = policy_with({at("/proc", 4)});
  policy.grants.push_back({at("/proc", 6), Right::read_file | Right::write_file, ""});
  policy.conflicts = {rule(ConflictMode::promote, "/proc")};
  EXPECT_EQ(find(enriched(policy, on(gpu_host())), "/proc")->access, Access::read_write);
}

TEST(EnrichGrants, WritingWithoutReadingIsKeptWithAWarning) {
  Policy policy = policy_with({});
  policy.grants.push_back({at("/proc", 6), Right::write_file, ""});
  const EffectivePolicy effective = enriched(policy, on(gpu_host()));
  ASSERT_NE(notice(effective, "baseline-kept", "/proc"), nullptr);
  EXPECT_EQ(notice(effective, "baseline-kept", "/proc")->level, Notice::Level::warning);
}

TEST(EnrichGrants, AReadingGrantDoesNotStopTheBaseline) {
  Policy policy = policy_with({});
  policy.has_network_policies = true;
  policy.grants.push_back({at("/etc", 6), Right::read_file, ""});
  const EffectivePolicy effective = enriched(policy, on(cpu_host()));
  ASSERT_NE(find(effective, "/etc"), nullptr);
  EXPECT_EQ(find(effective, "/etc")->origin, Origin::proxy_baseline);
  EXPECT_NE(find(effective, "/etc", true), nullptr);
}

void expect_stable(const Policy& policy, const Context& context) {
  const EffectivePolicy once = enriched(policy, context);
  const EffectivePolicy twice = enriched(as_policy(once), context);
  EXPECT_EQ(once.read_only(), twice.read_only());
  EXPECT_EQ(once.read_write(), twice.read_write());
  ASSERT_EQ(once.rules.size(), twice.rules.size());
  for (std::size_t i = 0; i < once.rules.size(); ++i) {
    EXPECT_EQ(once.rules[i].path, twice.rules[i].path);
    EXPECT_EQ(once.rules[i].granted, twice.rules[i].granted);
  }
  ASSERT_EQ(once.skipped.size(), twice.skipped.size());
  EXPECT_EQ(once.gpu, twice.gpu);
  EXPECT_EQ(once.proxy, twice.proxy);
}

TEST(Enrich, TwiceChangesNothing) {
  Policy policy = policy_with({at("/proc", 4), at("/tmp", 5), at("/dev/nvidia0", 6)}, {at("/data", 7)});
  policy.has_network_policies = true;
  policy.include_workdir = true;
  policy.grants.push_back({at("/srv", 8), Right::read_file, "why"});
  for (Host host : {cpu_host(), gpu_host()}) {
    Context context = on(host);
    context.workdir = "/work";
    expect_stable(policy, context);
    Policy kept = policy;
    kept.conflicts = {rule(ConflictMode::keep, "/proc")};
    expect_stable(kept, context);
    kept.grants.push_back({at("/proc", 9), Right::read_file | Right::write_file, ""});
    expect_stable(kept, context);
  }
}

TEST(Enrich, BaselinePathsAreUniqueAndNormalised) {
  std::vector<std::string_view> paths = baseline_paths();
  for (const std::string_view path : paths) EXPECT_EQ(normalise_path(path), path);
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(std::adjacent_find(paths.begin(), paths.end()), paths.end());
  EXPECT_EQ(paths.size(), 15U);
}

}  // namespace
}  // namespace lockstep
