// The patch: applied by patch(1) itself, it leaves nothing to fix and an equivalent policy.
#include "lint/fix.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diff/diff.h"
#include "testing/policy.h"
#include "testing/run_program.h"

namespace lockstep::lint {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;

struct Fixed {
  Policy before;
  std::vector<Finding> findings;
  Fix fix;
};

// On a host that has every path of the policy, where the options name none.
Fixed fixed(const std::string& text, const std::string& name = "p.yaml", LintOptions options = {}) {
  Fixed out;
  out.before = testing::policy(text, name);
  Host& host = options.context.host;
  if (!host.real && host.present.empty())
    for (const auto* list : {&out.before.read_only, &out.before.read_write})
      for (const PathEntry& each : *list) host.present.push_back({each.path});
  options.only = {"spelling", "path-twice", "both-lists", "read-only-below-write", "redundant"};
  Result<std::vector<Finding>> findings = lint(out.before, options);
  EXPECT_TRUE(findings.ok());
  if (findings.ok()) out.findings = std::move(findings).value();
  Result<Fix> fix = fix_findings(text, out.before, out.findings, options.context);
  EXPECT_TRUE(fix.ok()) << fix.error().to_string();
  if (fix.ok()) out.fix = std::move(fix).value();
  return out;
}

constexpr char everything[] =
    "# A policy with a comment at its head\n"
    "version: 1\n"
    "filesystem_policy:\n"
    "  # what is read\n"
    "  read_only:\n"
    "    - /usr/          # programs\n"
    "    - '/etc//ssl'\n"
    "    - \"/etc\"\n"
    "\n"
    "    - /data/frozen   # must not change\n"
    "    - /srv/both\n"
    "    # the same again\n"
    "    - /usr\n"
    "    - /opt/tool\n"
    "  read_write:\n"
    "    - /data\n"
    "    - /data/cache/\n"
    "    - /srv/both\n"
    "    - /tmp\n"
    "landlock:\n"
    "  min_abi: 3   # kept\n";

constexpr char wanted[] =
    "# A policy with a comment at its head\n"
    "version: 1\n"
    "filesystem_policy:\n"
    "  # what is read\n"
    "  read_only:\n"
    "    - /usr          # programs\n"
    "    - \"/etc\"\n"
    "\n"
    "    # must not change\n"
    "    # the same again\n"
    "    - /opt/tool\n"
    "  read_write:\n"
    "    - /data\n"
    "    - /srv/both\n"
    "    - /tmp\n"
    "landlock:\n"
    "  min_abi: 3   # kept\n";

std::string hunks(const std::string& patch) {
  std::string out;
  for (std::size_t at = patch.find("\n@@ "); at != std::string::npos; at = patch.find("\n@@ ", at + 1))
    out += patch.substr(at, patch.find(" @@", at + 2) - at);
  return out;
}

// Applies the patch by the real program, and lints what comes of it.
void expect_applies(const std::string& text) {
  if (::access("/usr/bin/patch", X_OK) != 0 || ::access("/usr/bin/diff", X_OK) != 0)
    GTEST_SKIP() << "needs patch(1) and diff(1) in /usr/bin";
  const TemporaryDirectory dir;
  const std::string file = dir.write("p.yaml", text);
  const Fixed of = fixed(text, file);
  ASSERT_FALSE(of.fix.patch.empty());
  const Ended ended =
      testing::run_program({"/usr/bin/patch", "--binary", "-s", file, dir.write("it.diff", of.fix.patch)}, {});
  ASSERT_EQ(ended.code, 0) << ended.out << ended.err << of.fix.patch;
  EXPECT_EQ(dir.read("p.yaml"), of.fix.text) << of.fix.patch;
  // patch(1) forgives a hunk that is numbered wrongly; diff(1) numbers them rightly.
  const Ended diffed = testing::run_program(
      {"/usr/bin/diff", "-U3", dir.write("before.yaml", text), dir.write("after.yaml", of.fix.text)}, {});
  EXPECT_EQ(diffed.code, 1) << diffed.err;
  EXPECT_EQ(hunks(of.fix.patch), hunks(diffed.out)) << of.fix.patch;
  const Fixed again = fixed(dir.read("p.yaml"), file);
  for (const Finding& finding : again.findings)
    EXPECT_FALSE(finding.fixable) << finding.line << ": " << finding.message;
  EXPECT_EQ(again.fix.patch, "");
  diff::Situation situation;
  situation.as_written = true;
  const Result<diff::Diff> diff = diff::compare(of.before, again.before, {{situation}, false, 0});
  ASSERT_TRUE(diff.ok());
  EXPECT_EQ(diff->worst(), diff::Class::equivalent);
}

TEST(Fix, KeepsCommentsAndOrder) {
  const Fixed of = fixed(everything);
  EXPECT_EQ(of.fix.text, wanted);
  EXPECT_TRUE(of.fix.untouched.empty());
}

TEST(Fix, IsAPatchThatPatchApplies) {
  expect_applies(everything);
}

TEST(Fix, EveryPlaceInAFileIsPatched) {
  std::string text = "version: 1\nfilesystem_policy:\n  read_only:\n";
  for (int i = 0; i < 60; ++i) text += "  - /data/" + std::to_string(i) + (i % 11 == 0 || i == 59 ? "/\n" : "\n");
  expect_applies(text);
  expect_applies(text.substr(0, text.size() - 1));  // no line end at the end
  expect_applies(text + "  - /data/3");
}

TEST(Fix, KeepsTheLineEndsOfTheFile) {
  const std::string text = "version: 1\r\nfilesystem_policy:\r\n  read_only:\r\n  - /usr/\r\n  - /usr/bin # x\r\n";
  EXPECT_EQ(fixed(text).fix.text, "version: 1\r\nfilesystem_policy:\r\n  read_only:\r\n  - /usr\r\n  # x\r\n");
  expect_applies(text);
}

TEST(Fix, AListThatLosesEveryEntryIsWrittenEmpty) {
  const std::string text =
      "version: 1\nfilesystem_policy:\n  read_only:  # all of it\n    - /data/a\n    # between\n    - "
      "/data/b\n  read_write:\n    - /data\n";
  EXPECT_EQ(fixed(text).fix.text,
            "version: 1\nfilesystem_policy:\n  read_only: []  # all of it\n    # between\n  read_write:\n    "
            "- /data\n");
  expect_applies(text);
}

TEST(Fix, WhatIsNoLineOfItsOwnIsLeftAndNamed) {
  for (const auto& [text, name] :
       {std::pair{"version: 1\nfilesystem_policy:\n  read_only: [/usr/, /etc]\n", "p.yaml"},
        std::pair{"version: 1\nfilesystem_policy:\n  read_only: [\n    /usr/,\n    /etc]\n", "p.yaml"},
        std::pair{"version: 1\nfilesystem_policy:\n  read_only:\n    - \"\\x2fusr/\"\n", "p.yaml"},
        std::pair{"{\"version\": 1, \"filesystem_policy\": {\"read_only\": [\n\"/usr/\"\n]}}", "p.json"}}) {
    const Fixed of = fixed(text, name);
    EXPECT_EQ(of.fix.patch, "") << text;
    EXPECT_EQ(of.fix.text, text);
    EXPECT_EQ(of.fix.untouched.size(), 1U) << text;
  }
}

// An entry is more than its rights there: a path that must exist, a rule that rejects it, the object a link
// leads to.
TEST(Fix, WhatMeansMoreThanItsRightsStays) {
  const std::string covered = "version: 1\nfilesystem_policy:\n  read_only:\n    - /usr\n    - /usr/bin\n";
  EXPECT_FALSE(fixed(covered).fix.patch.empty());
  EXPECT_EQ(fixed(covered + "landlock: {compatibility: hard_requirement}\n").fix.patch, "");
  EXPECT_EQ(fixed(covered + "runtime_baseline_conflicts: [{paths: [/usr/bin], mode: reject}]\n").fix.patch, "");
  const std::string grant =
      "version: 1\nfilesystem_policy:\n  read_only:\n    - /usr\n  grants:\n    - {path: /usr/bin, access: "
      "[read]}\n";
  EXPECT_EQ(fixed(grant).fix.patch, "");
}

// Of a baseline or a work directory alone: elsewhere the entry is all there is.
TEST(Fix, WhatTheHostMakesWritableStays) {
  LintOptions options;
  options.context.workdir = "/home/me";
  const Fixed of =
      fixed("version: 1\nfilesystem_policy:\n  include_workdir: true\n  read_only:\n    - /home/me/notes\n", "p.yaml",
            options);
  ASSERT_EQ(of.findings.size(), 1U);
  EXPECT_EQ(of.findings[0].id, "read-only-below-write");
  EXPECT_EQ(of.fix.patch, "");
}

Finding claim(const std::string& path, int line) {
  Finding out;
  out.id = "redundant", out.path = path, out.line = line, out.fixable = true;
  return out;
}

std::string reads(const std::vector<std::string>& paths, const std::string& rest = {}) {
  std::string out = "version: 1\nfilesystem_policy:\n  read_only:\n";
  for (const std::string& path : paths) out += "    - " + path + "\n";
  return out + rest;
}

// An entry that a rule above it covers, and that holds a baseline back: without it the path becomes writable.
TEST(Fix, WhatHoldsABaselineBackStays) {
  const auto keep = [](const std::string& path, const char* sources) {
    return "runtime_baseline_conflicts: [{paths: [" + path + "]" + sources + ", mode: keep}]\n";
  };
  const ConflictRule kept{{"/proc"}, {}, ConflictMode::keep, "admin.yaml", 2};
  const ConflictRule kept_of_images{{"/proc"}, {Source::image}, ConflictMode::keep, "admin.yaml", 2};
  struct Row {
    std::string text, path;
    int line;
    std::vector<ConflictRule> administrator = {};
  };
  for (const Row& row :
       {Row{reads({"/usr", "/dev", "/dev/nvidia0"}), "/dev/nvidia0", 6},
        Row{reads({"/usr", "/dev", "/dev/nvidia31"}), "/dev/nvidia31", 6},
        Row{reads({"/dev", "/dev/nvidiactl"}), "/dev/nvidiactl", 5}, Row{reads({"/dev", "/dev/dxg"}), "/dev/dxg", 5},
        Row{reads({"/dev", "/dev/dri/renderD128"}), "/dev/dri/renderD128", 5}, Row{reads({"/", "/tmp"}), "/tmp", 5},
        Row{reads({"/", "/proc"}, keep("/proc", ", sources: [image]")), "/proc", 5},
        Row{reads({"/", "/proc"}, keep("/proc", "")), "/proc", 5}, Row{reads({"/", "/proc"}), "/proc", 5, {kept}},
        Row{reads({"/", "/proc"}), "/proc", 5, {kept_of_images}}}) {
    LintOptions options;
    options.context.administrator_conflicts = row.administrator;
    const Fixed of = fixed(row.text, "p.yaml", options);
    EXPECT_EQ(of.fix.patch, "") << row.text;
    for (const Finding& each : of.findings) EXPECT_NE(each.path, row.path) << each.message;
    // Nor where lint is wrong about it.
    const Result<Fix> fix = fix_findings(row.text, of.before, {claim(row.path, row.line)}, options.context);
    ASSERT_TRUE(fix.ok());
    EXPECT_EQ(fix->patch, "") << row.text;
    ASSERT_EQ(fix->untouched.size(), 1U);
    EXPECT_NE(fix->untouched[0].why.find("would change"), std::string::npos);
  }
}

// Below a path that is partly writable as well.
TEST(Fix, WhatHoldsABaselineBackBelowAGrantStays) {
  const Fixed of = fixed(reads({"/dev/nvidia0"}, "  grants: [{path: /dev, access: [read, write_file]}]\n"));
  ASSERT_EQ(of.findings.size(), 1U);
  EXPECT_EQ(of.findings[0].id, "read-only-below-write");
  EXPECT_EQ(of.findings[0].fix.find("take it out"), std::string::npos) << of.findings[0].fix;
  EXPECT_EQ(of.fix.patch, "");
}

TEST(Fix, OneThatWouldChangeThePolicyIsLeftOutAndTheOthersAreWritten) {
  EXPECT_EQ(fixed(reads({"/dev", "/dev/nvidiactl", "/usr", "/usr/bin"})).fix.text,
            reads({"/dev", "/dev/nvidiactl", "/usr"}));
  EXPECT_EQ(fixed(reads({"/", "/tmp", "/usr/", "/etc"})).fix.text, reads({"/", "/tmp"}));
  const std::string text = reads({"/usr", "/usr/bin", "/etc", "/usr/lib", "/usr/sbin"});
  const Result<Fix> fix =
      fix_findings(text, testing::policy(text),
                   {claim("/usr/bin", 5), claim("/etc", 6), claim("/usr/lib", 7), claim("/usr/sbin", 8)}, {});
  ASSERT_TRUE(fix.ok()) << fix.error().to_string();
  EXPECT_EQ(fix->text, reads({"/usr", "/etc"}));
  ASSERT_EQ(fix->untouched.size(), 1U);
  EXPECT_EQ(fix->untouched[0].finding.path, "/etc");
}

// What cannot be seen can be a link: its rule is on what it leads to.
TEST(Fix, WhatCannotBeSeenStays) {
  LintOptions named;
  named.context.host.present = {{"/tmp"}, {"/usr"}};
  EXPECT_EQ(fixed(reads({"/usr", "/tmp", "/tmp/x/l"}), "p.yaml", named).fix.patch, "");
  named.context.host.present.push_back({"/tmp/x/l"});
  EXPECT_NE(fixed(reads({"/usr", "/tmp", "/tmp/x/l"}), "p.yaml", named).fix.patch, "");
  const TemporaryDirectory dir;
  ASSERT_EQ(::symlink("gone", dir.at("link").c_str()), 0);
  dir.write("hidden/l", "");
  dir.write("seen/l", "");
  LintOptions here;
  here.context.host.real = true;
  EXPECT_EQ(fixed(reads({dir.path(), dir.at("link")}), "p.yaml", here).fix.patch, "");
  EXPECT_NE(fixed(reads({dir.path(), dir.at("seen/l")}), "p.yaml", here).fix.patch, "");
  if (::geteuid() == 0) return;  // to whom nothing is hidden
  ASSERT_EQ(::chmod(dir.at("hidden").c_str(), 0), 0);
  EXPECT_EQ(fixed(reads({dir.path(), dir.at("hidden/l")}), "p.yaml", here).fix.patch, "");
  ::chmod(dir.at("hidden").c_str(), 0700);
}

TEST(Fix, TabsAreBlanks) {
  const Fixed of =
      fixed("version: 1\nfilesystem_policy:\n  read_only:\n    - /usr\n    - /usr/lib\t# c\n    - /etc/\t# d\n");
  EXPECT_TRUE(of.fix.untouched.empty());
  EXPECT_EQ(of.fix.text, "version: 1\nfilesystem_policy:\n  read_only:\n    - /usr\n    # c\n    - /etc\t# d\n");
}

TEST(Fix, PatchFindsTheFileByTheNameInThePatch) {
  if (::access("/usr/bin/patch", X_OK) != 0) GTEST_SKIP() << "needs patch(1) in /usr/bin";
  for (const char* name :
       {"p.yaml", "a b.yaml", "a\tb.yaml", "a\\b.yaml", "a\"b.yaml", "\u00e9.yaml", "a\x80\nb.yaml"}) {
    const TemporaryDirectory dir;
    const std::string text = reads({"/usr", "/usr/bin"});
    dir.write(name, text);
    const Fixed of = fixed(text, name);
    ASSERT_FALSE(of.fix.patch.empty());
    dir.write("it.diff", of.fix.patch);
    const Ended ended =
        testing::run_program({"/bin/sh", "-c", "cd " + dir.path() + " && exec /usr/bin/patch -p0 -s -i it.diff"}, {});
    EXPECT_EQ(ended.code, 0) << ended.out << ended.err << of.fix.patch;
    EXPECT_EQ(dir.read(name), reads({"/usr"})) << of.fix.patch;
  }
}

}  // namespace
}  // namespace lockstep::lint
