#include "diff/diff.h"

#include <gtest/gtest.h>

#include <fstream>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "policy/danger.h"
#include "syntax/json.h"
#include "testing/policy.h"

namespace lockstep::diff {
namespace {

using testing::policy;

Policy with_lists(const std::string& lists) {
  return policy("version: 1\nfilesystem_policy:\n" + lists);
}

Situation on(const std::string& name, std::vector<HostEntry> present) {
  Situation out;
  out.host = name;
  out.context.host.present = std::move(present);
  out.context.proxy = Toggle::off;
  return out;
}

Situation plain() {
  return on("plain", {{"/usr"}, {"/etc"}, {"/proc"}, {"/dev/null", NodeKind::character}});
}
Situation gpu() {
  return on("gpu", {{"/usr"}, {"/proc"}, {"/dev/nvidiactl", NodeKind::character}});
}

Diff diffed(const Policy& before, const Policy& after, std::vector<Situation> situations = {plain()}) {
  Result<Diff> out = compare(before, after, {std::move(situations), false, 0});
  EXPECT_TRUE(out.ok());
  return out.ok() ? *out : Diff();
}

// "/a +write_file -read_dir" for each change, in the diff's order.
std::string summary(const Diff& diff) {
  std::string out;
  for (const PathChange& change : diff.changes) {
    out += (out.empty() ? "" : "; ") + change.path;
    for (const std::string& right : names(change.gained)) out += " +" + right;
    for (const std::string& right : names(change.lost)) out += " -" + right;
  }
  return out;
}

TEST(Diff, OrderSpellingSyntaxAndRedundancyAreEquivalent) {
  const Policy before = with_lists("  read_only: [/usr, /etc]\n  read_write: [/tmp]\n");
  const Policy json = policy(
      R"({"version": 1, "filesystem_policy": {"read_write": ["/tmp/"], "read_only": ["//etc/.", "/usr"]}})", "p.json");
  const Policy redundant =
      with_lists("  read_only: [/etc, /usr, /usr/bin, /tmp/cache]\n  read_write: [/tmp, /tmp/work]\n");
  const Policy as_grants =
      with_lists("  read_only: [/etc]\n  read_write: [/tmp]\n  grants: [{path: /usr, access: [read]}]\n");
  for (const Policy* after : {&before, &json, &redundant, &as_grants}) {
    EXPECT_EQ(diffed(before, *after).worst(), Class::equivalent) << summary(diffed(before, *after));
    EXPECT_EQ(diffed(*after, before).worst(), Class::equivalent) << summary(diffed(*after, before));
  }
}

TEST(Diff, AChangeIsListedWhereItBegins) {
  const Policy before = with_lists("  read_only: [/data, /data/a]\n");
  const Policy after = with_lists("  read_only: [/data/a/b]\n  read_write: [/data]\n");
  const Diff diff = diffed(before, after);
  ASSERT_EQ(diff.changes.size(), 1U) << summary(diff);
  EXPECT_EQ(diff.changes[0].path, "/data");
  EXPECT_EQ(diff.changes[0].gained, abi_info(newest_abi)->fs - access_read_only);
  EXPECT_EQ(diff.changes[0].cause.line, 4);
  EXPECT_EQ(diff.worst(), Class::widening);
  EXPECT_EQ(diffed(after, before).worst(), Class::narrowing);
}

TEST(Diff, MovingARightDownIsNarrowingAndSidewaysIsBoth) {
  const Policy wide = with_lists("  read_only: [/data]\n");
  const Policy deep = with_lists("  read_only: [/data/one]\n");
  const Policy other = with_lists("  read_only: [/data/two]\n");
  EXPECT_EQ(summary(diffed(wide, deep)), "/data -execute -read_file -read_dir");
  EXPECT_EQ(diffed(wide, deep).worst(), Class::narrowing);
  EXPECT_EQ(diffed(deep, other).worst(), Class::both);
}

TEST(Diff, FilesAndDevicesAreCutAsTheKernelCutsThem) {
  const Policy listed = with_lists("  read_only: [/dev/null, /usr]\n");
  const Policy granted =
      with_lists("  read_only: [/usr]\n  grants: [{path: /dev/null, access: [execute, read_file]}]\n");
  const Policy all = with_lists("  read_only: [/usr]\n  read_write: [/dev/null]\n");
  EXPECT_EQ(diffed(listed, granted).worst(), Class::equivalent);
  EXPECT_EQ(summary(diffed(listed, all)), "/dev/null +write_file +truncate +ioctl_dev +resolve_unix");
}

// Where a device does not exist its rights are claimed as a directory's; what they mean is told of the device.
TEST(Diff, ADeviceThatSomeHostsLackIsToldAsADevice) {
  const Diff diff = diffed(with_lists("  read_only: [/usr]\n"),
                           with_lists("  read_only: [/usr]\n  read_write: [/dev/nvidiactl]\n"), {plain(), gpu()});
  ASSERT_EQ(diff.changes.size(), 1U) << summary(diff);  // the baseline of the other host grants as much
  EXPECT_TRUE(diff.changes[0].gained.contains(Right::make_char));
  EXPECT_EQ(diff.changes[0].consequence, "devices can be written and commanded");
  const Diff everywhere = diffed(with_lists("  read_only: [/usr]\n"),
                                 with_lists("  read_only: [/usr]\n  read_write: [/dev/folder]\n"), {plain(), gpu()});
  ASSERT_EQ(everywhere.changes.size(), 1U);
  EXPECT_NE(everywhere.changes[0].consequence.find("device nodes can be made"), std::string::npos)
      << everywhere.changes[0].consequence;
}

// The trap of the textual diff: a read-only line taken away lets the baseline add read-write.
TEST(Diff, WhatLooksNarrowerCanBeWiderAfterEnrichment) {
  const Policy before = policy(
      "version: 1\nfilesystem_policy: {read_only: [/usr, /proc]}\nruntime_baseline_conflicts: [{paths: [/proc], mode: "
      "keep}]\n");
  const Policy after = policy(
      "version: 1\nfilesystem_policy: {read_only: [/usr]}\nruntime_baseline_conflicts: [{paths: [/proc], mode: "
      "keep}]\n");
  const Diff diff = diffed(before, after, {plain(), gpu()});
  EXPECT_EQ(diff.worst_in(0), Class::narrowing);
  EXPECT_EQ(diff.worst_in(1), Class::widening) << summary(diff);
  EXPECT_EQ(diff.worst(), Class::widening);
  ASSERT_FALSE(diff.changes.empty());
  EXPECT_EQ(diff.changes[0].path, "/proc");
  EXPECT_EQ(diff.changes[0].cause.origin, Origin::gpu_baseline);
  EXPECT_EQ(where(diff, diff.changes[0].situations), "on gpu");
  EXPECT_TRUE(diff.stops());
  Situation written = gpu();
  written.as_written = true;
  EXPECT_EQ(diffed(before, after, {written}).worst(), Class::narrowing);
}

TEST(Diff, EnforcementThatIsLoweredIsWeakening) {
  const auto landlock = [](const std::string& text) {
    return policy("version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock: {" + text + "}\n");
  };
  const auto codes = [](const Diff& diff) {
    std::string out;
    for (const SettingChange& each : diff.settings)
      out += (out.empty() ? "" : " ") + each.code + ":" + std::string(name(each.kind));
    return out;
  };
  const Policy hard = landlock("compatibility: hard_requirement, min_abi: 3"),
               soft = landlock("compatibility: best_effort, min_abi: 3");
  EXPECT_EQ(codes(diffed(hard, soft)), "hard-requirement:weakening refused:weakening");
  EXPECT_EQ(codes(diffed(soft, hard)), "hard-requirement:strengthening refused:strengthening");
  EXPECT_TRUE(diffed(hard, soft).stops());
  EXPECT_FALSE(diffed(soft, hard).stops());
  EXPECT_EQ(codes(diffed(landlock("min_abi: 5"), landlock("min_abi: 3"))), "min-abi:weakening");
  EXPECT_EQ(codes(diffed(landlock("scopes: [signal]"), landlock("scopes: []"))), "scopes:widening");
  EXPECT_EQ(codes(diffed(landlock("ports: {bind_tcp: []}"), landlock("ports: {bind_tcp: [80]}"))), "ports:widening");
  EXPECT_EQ(codes(diffed(landlock("ports: {bind_tcp: [80]}"), landlock("min_abi: 2"))), "ports:widening");
  EXPECT_EQ(codes(diffed(landlock("min_abi: 2"), landlock("ports: {bind_tcp: [80]}"))), "ports:narrowing");
  EXPECT_EQ(codes(diffed(landlock("ports: {bind_tcp: [80]}"), landlock("ports: {bind_tcp: [81]}"))), "ports:both");
  EXPECT_EQ(codes(diffed(landlock("threads: all"), landlock("threads: one"))), "threads:weakening");
  EXPECT_EQ(codes(diffed(landlock("log: {new_exec: true}"), landlock("log: {same_exec: false}"))),
            "log:weakening log:weakening");
}

TEST(Diff, ConflictsThatAreLoosenedAreWeakeningAlsoWhereNothingStandsAgainstTheBaselineToday) {
  const Policy keep = policy(
      "version: 1\nfilesystem_policy: {read_only: [/usr]}\nruntime_baseline_conflicts: [{paths: [/proc], sources: "
      "[user], mode: keep}]\n");
  const Policy none = policy("version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
  const Diff diff = diffed(keep, none);
  EXPECT_EQ(diff.worst(), Class::weakening);
  ASSERT_EQ(diff.settings.size(), 1U);
  EXPECT_EQ(diff.settings[0].message, "read_only against the baseline: /proc keep before, promote now (user)");
  EXPECT_EQ(diffed(none, keep).worst(), Class::strengthening);
  // What the administrator's file decides, the policy cannot loosen.
  Situation administered = plain();
  administered.context.administrator_conflicts = {{{"/proc"}, {}, ConflictMode::reject, "admin.yaml", 1}};
  EXPECT_EQ(diffed(keep, none, {administered}).worst(), Class::equivalent);
}

TEST(Diff, ARejectThatIsGoneIsWeakening) {
  const Policy reject = policy(
      "version: 1\nfilesystem_policy: {read_only: [/usr, /proc]}\nruntime_baseline_conflicts: [{paths: [/proc], mode: "
      "reject}]\n");
  const Policy promote = policy("version: 1\nfilesystem_policy: {read_only: [/usr, /proc]}\n");
  const Diff diff = diffed(reject, promote, {plain(), gpu()});
  EXPECT_EQ(diff.worst_in(1), Class::weakening);
  ASSERT_EQ(diff.settings.size(), 2U);
  EXPECT_EQ(diff.settings[1].code, "refused");
  EXPECT_EQ(diff.settings[1].situations, std::vector<std::size_t>{1});
}

TEST(Diff, AnEmptiedPolicyIsWeakening) {
  const Diff diff = diffed(with_lists("  read_only: [/usr]\n"), with_lists("  read_only: []\n"));
  EXPECT_EQ(diff.worst(), Class::weakening);  // and narrowing, which is less
  ASSERT_EQ(diff.settings.size(), 1U);
  EXPECT_EQ(diff.settings[0].code, "emptied");
}

TEST(Diff, IdentityThatIsNotClearlyLessIsWeakening) {
  const auto as = [](const std::string& user) {
    return policy("version: 1\nfilesystem_policy: {read_only: [/usr]}\nprocess: {run_as_user: " + user + "}\n");
  };
  EXPECT_EQ(diffed(as("agent"), as("root")).worst(), Class::weakening);
  EXPECT_EQ(diffed(as("agent"), as("other")).worst(), Class::weakening);
  EXPECT_EQ(diffed(as("root"), as("agent")).worst(), Class::strengthening);
}

TEST(Diff, DangerComesFirst) {
  const Policy before = with_lists("  read_only: [/usr]\n");
  const Policy after = with_lists(
      "  read_only: [/usr, /var/lib/x]\n  read_write: [/data, /etc/x, /home/a]\n  grants: [{path: /proc, access: "
      "[write_file]}]\n");
  const Diff diff = diffed(before, after);
  std::vector<std::string> order;
  for (const PathChange& change : diff.changes) order.push_back(change.path);
  EXPECT_EQ(order, (std::vector<std::string>{"/proc", "/etc/x", "/home/a", "/data", "/var/lib/x"}));
  for (const PathChange& change : diff.changes) EXPECT_FALSE(change.consequence.empty()) << change.path;
}

// The words about /proc quote what was measured.
TEST(Diff, FiguresAreThoseObserved) {
  std::ifstream in(std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/observed/procfs-surface.json");
  const Json observed = Json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  const std::string text = danger_of("/proc", Right::write_file).consequence;
  std::size_t found = 0;
  for (const auto& row : observed["rows"]) {
    if (row["way"] != "comm-read-write" || row["identity"] == "root") continue;
    ++found;
    for (const char* place : {"/proc/self", "/proc/sys"})
      EXPECT_NE((" " + text).find(" " + std::to_string(row["opened"][place]["opened"].get<int>())), std::string::npos)
          << place << " " << row["identity"] << ": " << text;
  }
  EXPECT_EQ(found, 2U);
}

TEST(Diff, SituationsAreSaidBriefly) {
  const Policy a = with_lists("  read_only: [/usr]\n"), b = with_lists("  read_only: [/etc]\n");
  Host one, two;
  one.file = "hosts/one.json";
  two.file = "hosts/two.json";
  Diff diff;
  diff.situations = all_situations({one, two}, a, b);
  ASSERT_EQ(diff.situations.size(), 4U);  // two hosts, with and without the proxy
  EXPECT_EQ(where(diff, {0, 1, 2, 3}), "everywhere");
  EXPECT_EQ(where(diff, {0, 1}), "on one");
  EXPECT_EQ(where(diff, {1, 3}), "without the proxy");
  EXPECT_EQ(where(diff, {0}), "on one, with the proxy");
  EXPECT_EQ(where(diff, {0, 3}), "in 2 of 4 situations, one with the proxy from user among them");
  const Policy sourced =
      policy("version: 1\nruntime_baseline_conflicts: [{paths: [/proc], sources: [image], mode: keep}]\n");
  EXPECT_EQ(all_situations({one}, a, sourced).size(), 8U);
}

}  // namespace
}  // namespace lockstep::diff
