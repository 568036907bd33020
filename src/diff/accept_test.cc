#include "diff/accept.h"

#include <gtest/gtest.h>

#include <lockstep/rights.h>

#include "testing/temporary_directory.h"

namespace lockstep::diff {
namespace {

using lockstep::testing::TemporaryDirectory;

Result<std::vector<Acceptance>> read(const std::string& text) {
  TemporaryDirectory dir;
  return load_acceptances(dir.write("allow.yaml", text));
}

Diff widened() {
  Diff out;
  out.situations.resize(1);
  out.changes.push_back({"/data/a", Right::write_file | Right::truncate, {}, {}, {0}, 5, "", ""});
  out.settings.push_back({Class::weakening, "min-abi", "lower", 0});
  return out;
}

std::vector<Acceptance> entries(const std::string& text) {
  Result<std::vector<Acceptance>> out = read(text);
  EXPECT_TRUE(out.ok()) << out.error().to_string();
  return out.ok() ? *out : std::vector<Acceptance>();
}

TEST(Accept, EverythingGainedMustBeAccepted) {
  const std::string setting = "  - {change: min-abi, is: lower, reason: old fleet, expires: 2030-01-01}\n";
  const auto stops = [&](const std::string& rest) {
    Diff diff = widened();
    std::vector<Acceptance> list = entries("accepted:\n" + setting + rest);
    accept(list, "2029-12-31", &diff);
    return diff.stops();
  };
  EXPECT_TRUE(stops(""));
  EXPECT_TRUE(stops("  - {path: /data/a, rights: [write_file], reason: r, expires: 2030-01-01}\n"));
  EXPECT_FALSE(
      stops("  - {path: /data/a, rights: [write_file], reason: r, expires: 2030-01-01}\n  - {path: /data/*, rights: "
            "[truncate], reason: r, expires: 2030-01-01}\n"));
  EXPECT_FALSE(stops("  - {path: /data/a, rights: [write], reason: r, expires: 2029-12-31}\n"));
  EXPECT_TRUE(stops("  - {path: /data/a, rights: [write], reason: r, expires: 2029-12-30}\n")) << "expired";
  EXPECT_TRUE(stops("  - {path: \"/*\", rights: [write], reason: r, expires: 2030-01-01}\n"))
      << "a star is one component";
}

TEST(Accept, TwoStarsAtTheEndAreTheDirectoryAndAllBelowIt) {
  const auto accepts = [](const std::string& glob, const std::string& path) {
    Diff diff;
    diff.situations.resize(1);
    diff.changes.push_back({path, Right::write_file, {}, {}, {0}, 5, "", ""});
    std::vector<Acceptance> list =
        entries("accepted:\n  - {path: \"" + glob + "\", rights: [write], reason: r, expires: 2030-01-01}\n");
    accept(list, "2029-12-31", &diff);
    return !diff.stops();
  };
  for (const char* path : {"/srv", "/srv/a", "/srv/a/b/c"}) EXPECT_TRUE(accepts("/srv/**", path)) << path;
  for (const char* path : {"/", "/srvs", "/srvs/a", "/other", "/other/srv", "/sr"})
    EXPECT_FALSE(accepts("/srv/**", path)) << path;
  for (const char* path : {"/", "/srv", "/a/b/c"}) EXPECT_TRUE(accepts("/**", path)) << path;
  for (const char* path : {"/srv/a", "/srv/b/c/d"}) EXPECT_TRUE(accepts("/srv/*/**", path)) << path;
  EXPECT_FALSE(accepts("/srv/*/**", "/srv")) << "a star is one component";
  EXPECT_FALSE(accepts("/srv/*", "/srv/a/b"));
}

TEST(Accept, EntriesOfNoUseAreSaid) {
  Diff diff = widened();
  std::vector<Acceptance> list = entries(
      "accepted:\n"
      "  - {path: /data/a, rights: [write], reason: r, expires: 2030-01-01}\n"
      "  - {path: /other, rights: [write], reason: r, expires: 2030-01-01}\n"
      "  - {change: min-abi, is: lower, reason: r, expires: 2020-01-01}\n");
  accept(list, "2026-01-01", &diff);
  EXPECT_EQ(idle_entries(list, "2026-01-01"),
            (std::vector<std::string>{"line 3: /other is met by no change: take it out",
                                      "line 4: min-abi expired on 2020-01-01 and accepts nothing"}));
  EXPECT_TRUE(diff.stops());
}

// What was reviewed is accepted, and no other change of the same setting.
TEST(Accept, ASettingIsAcceptedToTheLetter) {
  const std::string ports = "connect_tcp ports: 1, 2 before, 1 now (from ABI 4)";
  const auto stops = [&](const std::string& message, std::vector<std::string>* idle = nullptr) {
    Diff diff;
    diff.situations.resize(1);
    diff.settings.push_back({Class::widening, "ports", message, 0});
    std::vector<Acceptance> list =
        entries("accepted:\n  - {change: ports, is: \"" + ports + "\", reason: r, expires: 2030-01-01}\n");
    accept(list, "2026-01-01", &diff);
    if (idle != nullptr) *idle = idle_entries(list, "2026-01-01");
    return diff.stops();
  };
  std::vector<std::string> idle;
  EXPECT_FALSE(stops(ports, &idle));
  EXPECT_TRUE(idle.empty());
  EXPECT_TRUE(stops("connect_tcp ports: 1 before, any now (from ABI 4)", &idle));
  EXPECT_EQ(idle,
            (std::vector<std::string>{"line 2: ports accepts nothing: the change is \"connect_tcp ports: 1 before, any "
                                      "now (from ABI 4)\", not \"" +
                                      ports + "\""}));
}

TEST(Accept, AnEntryThatIsNotEnoughIsSaid) {
  Diff diff = widened();
  std::vector<Acceptance> list =
      entries("accepted:\n  - {path: /data/a, rights: [write_file, execute], reason: r, expires: 2030-01-01}\n");
  accept(list, "2026-01-01", &diff);
  EXPECT_EQ(idle_entries(list, "2026-01-01"),
            std::vector<std::string>{"line 2: accepts write_file of /data/a, and the change has more: truncate"});
  diff.changes.assign(9, diff.changes[0]);
  list[0].partly.clear();
  accept(list, "2026-01-01", &diff);
  EXPECT_EQ(idle_entries(list, "2026-01-01").size(), 4U);
  EXPECT_EQ(idle_entries(list, "2026-01-01").back(), "line 2: and so with 6 more changes");
}

TEST(Accept, GlobsMeetPathsAndNoWorkDirectory) {
  const auto accepts = [](const std::string& glob, const std::string& path) {
    Diff diff = widened();
    diff.settings.clear();
    diff.changes[0].path = path;
    std::vector<Acceptance> list =
        entries("accepted:\n  - {path: \"" + glob + "\", rights: [all], reason: r, expires: 2030-01-01}\n");
    accept(list, "2026-01-01", &diff);
    return !diff.stops();
  };
  EXPECT_TRUE(accepts("/srv/**", "/srv"));
  EXPECT_TRUE(accepts("/srv/**", "/srv/a"));
  EXPECT_TRUE(accepts("/srv/**", "/srv/a/b"));
  EXPECT_FALSE(accepts("/srv/**", "/srv2"));
  EXPECT_FALSE(accepts("/srv/**", "/a/srv"));
  EXPECT_FALSE(accepts("/srv/**", "/"));
  EXPECT_TRUE(accepts("/home/*/out/**", "/home/me/out/a/b"));
  EXPECT_FALSE(accepts("/home/*/out/**", "/home/me/in/out/b"));
  EXPECT_TRUE(accepts("/**", "/a/b"));
  EXPECT_TRUE(accepts("/**", "/"));
  EXPECT_TRUE(accepts("/*", "/a"));
  for (const char* glob : {"/**/a", "/a**", "**", "/a/***", "/**/**", "/a/**/"}) {
    const Result<std::vector<Acceptance>> out = read(std::string("accepted:\n  - path: \"") + glob +
                                                     "\"\n    rights: [all]\n    reason: r\n    expires: 2030-01-01\n");
    ASSERT_FALSE(out.ok()) << glob;
    EXPECT_EQ(out.error().line, 2);
    EXPECT_NE(out.error().message.find("** stands at the end alone"), std::string::npos) << out.error().message;
  }
}

TEST(Accept, BadInputNamesItsLine) {
  const std::string tail = ", reason: r, expires: 2030-01-01}\n";
  const auto message = [](const std::string& text) {
    const Result<std::vector<Acceptance>> out = read(text);
    EXPECT_FALSE(out.ok()) << text;
    if (out.ok()) return std::string();
    EXPECT_EQ(out.error().kind, ErrorKind::input);
    EXPECT_NE(out.error().to_string().find("allow.yaml:"), std::string::npos);
    return out.error().to_string().substr(out.error().to_string().find("allow.yaml:") + 11);
  };
  EXPECT_EQ(message("accepted:\n  - {path: /a, rights: [write], reason: r}\n"), "2: an accepted change needs expires");
  EXPECT_EQ(message("accepted:\n  - {path: /a, rights: [write], expires: 2030-01-01}\n"),
            "2: an accepted change needs reason");
  EXPECT_EQ(message("accepted:\n  - {path: /a" + tail), "2: an accepted change needs rights");
  EXPECT_EQ(message("accepted:\n  - {path: a, rights: [write]" + tail),
            "2: path: write an absolute path or a glob, not \"a\"");
  for (const char* glob : {"**", "**/a", "/a/**/b", "/a**", "/a/***", "/**/**", "/a/**/"})
    EXPECT_EQ(
        message(std::string("accepted:\n  - {path: \"") + glob + "\", rights: [write]" + tail),
        std::string("2: path: ** stands at the end alone, as in /srv/** (the directory and all below it), not in \"") +
            glob + "\"");
  EXPECT_EQ(message("accepted:\n  - {path: /a, change: min-abi, rights: [write]" + tail),
            "2: an accepted change has either path and rights, or change");
  EXPECT_EQ(message("accepted:\n  - {change: min-abi, is: x, rights: [write]" + tail),
            "2: rights go with path, not with change");
  EXPECT_NE(message("accepted:\n  - {path: /a, rights: [wirte]" + tail).find("no right is called"), std::string::npos);
  for (const char* day : {"2030-13-01", "2030-02-30", "30-01-01", "2030-01-01x", "tomorrow", "2030-1-1", "+030-01-01"})
    EXPECT_NE(message(std::string("accepted:\n  - {change: log, is: x, reason: r, expires: \"") + day + "\"}\n")
                  .find("write a day as YYYY-MM-DD"),
              std::string::npos)
        << day;
  EXPECT_NE(message("accepted:\n  - {change: a" + tail).find("no setting is called a"), std::string::npos);
  EXPECT_EQ(message("accepted:\n  - {change: log" + tail),
            "2: an accepted change of a setting needs is: its message, as the text format of lockstep diff "
            "shows it");
  EXPECT_EQ(message("accepted:\n  - {path: /a, rights: [write], is: x" + tail),
            "2: is goes with change, not with path");
  EXPECT_EQ(message("accepted:\n  - {change: log, is: x, reason: \" \\t\", expires: 2030-01-01}\n"),
            "2: reason is empty");
  EXPECT_NE(message("accepted: none\n").find("write a list"), std::string::npos);
  EXPECT_NE(message("acepted: []\n").find("accepted"), std::string::npos);
  EXPECT_FALSE(load_acceptances("/no/such/file").ok());
}

// An entry that meets nothing says what is wrong with it, and what to write instead.
TEST(Accept, AnEntryThatIsNearlyRightIsToldHow) {
  const auto told = [](const std::string& glob, const std::string& path, const std::string& rule = "",
                       bool exact = false) {
    Diff diff;
    diff.situations.resize(1);
    diff.changes.push_back({path, Right::write_file, {}, {}, {0}, 5, "", ""});
    diff.changes[0].cause.rule = rule;
    diff.changes[0].exact = exact;
    std::vector<Acceptance> list =
        entries("accepted:\n  - {path: \"" + glob + "\", rights: [write], reason: r, expires: 2030-01-01}\n");
    accept(list, "2026-01-01", &diff);
    const std::vector<std::string> lines = idle_entries(list, "2026-01-01");
    return lines.empty() ? std::string() : lines[0].substr(lines[0].find(": ") + 2);
  };
  EXPECT_EQ(told("/etc/*", "/etc/ssl/private"),
            "/etc/* is met by no change: a star is one component, and the change begins at /etc/ssl/private: write "
            "/etc/ssl/private, or /etc/** for /etc and everything below it");
  EXPECT_NE(told("/etc/*", "/etc").find("write /etc, or /etc/**"), std::string::npos);
  EXPECT_NE(told("/etc", "/etc/x").find("it is that path alone"), std::string::npos);
  EXPECT_EQ(told("/srv/out/**", "/root", "/srv/out/e"),
            "/srv/out/** is met by an entry as it is spelt, and /srv/out/e leads to /root: write /root");
  EXPECT_NE(told("/proc/**", "/proc/self/fd/9", "/proc/self/fd/9", true)
                .find("leads to a place that is not known: write that very name"),
            std::string::npos);
  EXPECT_EQ(told("/srv/**", "/etc/x"), "/srv/** is met by no change: take it out");
  EXPECT_EQ(told("/etc/*", "/etc/x"), "");
}

// As where main has no such file yet.
TEST(Accept, AnEmptyFileAcceptsNothing) {
  for (const char* text : {"", "\n", " \n\n"}) EXPECT_TRUE(entries(text).empty());
  EXPECT_FALSE(read("accepted:\n").ok());
}

TEST(Accept, TodayIsADay) {
  EXPECT_EQ(today().size(), 10U);
  EXPECT_GE(today(), "2024-01-01");
}

}  // namespace
}  // namespace lockstep::diff
