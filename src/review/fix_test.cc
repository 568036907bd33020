// The patch: applied by patch(1) itself, it leaves nothing to fix and an equivalent policy.
#include "review/fix.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/testing.h"
#include "review/diff.h"

namespace lockstep::review {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;

struct Fixed {
  Policy before;
  std::vector<Finding> findings;
  Fix fix;
};

Fixed fixed(const std::string& text, const std::string& name = "p.yaml", const std::string& workdir = {}) {
  Fixed out;
  Result<Policy> policy = decode_policy(text, name);
  EXPECT_TRUE(policy.ok()) << policy.error().to_string();
  if (!policy.ok()) return out;
  out.before = std::move(policy).value();
  LintOptions options;
  if (!workdir.empty()) options.context.workdir = workdir;
  options.only = {"spelling", "path-twice", "both-lists", "read-only-below-write", "redundant"};
  Result<std::vector<Finding>> findings = lint(out.before, options);
  EXPECT_TRUE(findings.ok());
  if (findings.ok()) out.findings = std::move(findings).value();
  Result<Fix> fix = fix_findings(text, out.before, out.findings);
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
      run_program({"/usr/bin/patch", "--binary", "-s", file, dir.write("it.diff", of.fix.patch)}, {});
  ASSERT_EQ(ended.code, 0) << ended.out << ended.err << of.fix.patch;
  EXPECT_EQ(dir.read("p.yaml"), of.fix.text) << of.fix.patch;
  // patch(1) forgives a hunk that is numbered wrongly; diff(1) numbers them rightly.
  const Ended diffed = run_program(
      {"/usr/bin/diff", "-U3", dir.write("before.yaml", text), dir.write("after.yaml", of.fix.text)}, {});
  EXPECT_EQ(diffed.code, 1) << diffed.err;
  EXPECT_EQ(hunks(of.fix.patch), hunks(diffed.out)) << of.fix.patch;
  const Fixed again = fixed(dir.read("p.yaml"), file);
  for (const Finding& finding : again.findings)
    EXPECT_FALSE(finding.fixable) << finding.line << ": " << finding.message;
  EXPECT_EQ(again.fix.patch, "");
  Situation situation;
  situation.as_written = true;
  const Result<Diff> diff = compare(of.before, again.before, {{situation}, false, 0});
  ASSERT_TRUE(diff.ok());
  EXPECT_EQ(diff->worst(), Class::equivalent);
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
  for (int i = 0; i < 60; ++i)
    text += "  - /data/" + std::to_string(i) + (i % 11 == 0 || i == 59 ? "/\n" : "\n");
  expect_applies(text);
  expect_applies(text.substr(0, text.size() - 1));  // no line end at the end
  expect_applies(text + "  - /data/3");
}

TEST(Fix, KeepsTheLineEndsOfTheFile) {
  const std::string text =
      "version: 1\r\nfilesystem_policy:\r\n  read_only:\r\n  - /usr/\r\n  - /usr/bin # x\r\n";
  EXPECT_EQ(fixed(text).fix.text,
            "version: 1\r\nfilesystem_policy:\r\n  read_only:\r\n  - /usr\r\n  # x\r\n");
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
  EXPECT_EQ(fixed(covered + "runtime_baseline_conflicts: [{paths: [/usr/bin], mode: reject}]\n").fix.patch,
            "");
  const std::string grant =
      "version: 1\nfilesystem_policy:\n  read_only:\n    - /usr\n  grants:\n    - {path: /usr/bin, access: "
      "[read]}\n";
  EXPECT_EQ(fixed(grant).fix.patch, "");
}

// Of a baseline or a work directory alone: elsewhere the entry is all there is.
TEST(Fix, WhatTheHostMakesWritableStays) {
  const Fixed of =
      fixed("version: 1\nfilesystem_policy:\n  include_workdir: true\n  read_only:\n    - /home/me/notes\n",
            "p.yaml", "/home/me");
  ASSERT_EQ(of.findings.size(), 1U);
  EXPECT_EQ(of.findings[0].id, "read-only-below-write");
  EXPECT_EQ(of.fix.patch, "");
}

TEST(Fix, AFixThatWouldChangeThePolicyIsNotWritten) {
  const std::string text = "version: 1\nfilesystem_policy:\n  read_only:\n    - /usr\n    - /etc\n";
  const Result<Policy> policy = decode_policy(text, "p.yaml");
  ASSERT_TRUE(policy.ok());
  Finding lie;
  lie.id = "redundant", lie.path = "/etc", lie.line = 5, lie.fixable = true;
  const Result<Fix> fix = fix_findings(text, *policy, {lie});
  ASSERT_FALSE(fix.ok());
  EXPECT_EQ(fix.error().kind, ErrorKind::internal);
}

}  // namespace
}  // namespace lockstep::review
