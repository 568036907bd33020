// Changes that lead elsewhere than they are spelt, on hosts of files and on this machine: each passed the
// gate once.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "syntax/json.h"
#include "testing/run_program.h"
#include "testing/sanitized.h"

namespace lockstep::diff {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;
using Words = std::vector<std::string>;

constexpr char idle[] = "note: new entries that add nothing to what is granted above them, unless they are links";

class Places : public ::testing::Test {
 protected:
  // D in a policy is the tree: D/out is granted, D/root is not.
  Places() {
    for (const char* name : {"out", "out/dir", "root", "root/below"}) ::mkdir(tree_.at(name).c_str(), 0755);
    tree_.write("root/secret", "x");
    tree_.write("out/plain", "x");
  }
  std::string policy(const std::string& name, std::string lists) {
    const std::string& top = tree_.path();  // which may end with a D itself
    for (std::size_t at = lists.find("D/"); at != std::string::npos; at = lists.find("D/", at + top.size()))
      lists.replace(at, 1, top);
    return dir_.write(name, "version: 1\n" + lists + "\n");
  }
  Ended diff(const std::string& before, const std::string& after, Words flags = {}) {
    Words words{LOCKSTEP_CLI, "diff", policy("before.yaml", "filesystem_policy: " + before),
                policy("after.yaml", "filesystem_policy: " + after)};
    words.insert(words.end(), flags.begin(), flags.end());
    return testing::run_program(words, {});
  }
  Ended real(const std::string& before, const std::string& after, Words flags = {}) {
    flags.insert(flags.end(), {"--host", "real", "--proxy", "off", "--gpu", "off"});
    return diff(before, after, std::move(flags));
  }
  std::string allow(const std::string& path) {
    return dir_.write("allow.yaml",
                      "accepted:\n  - {path: \"" + path + "\", rights: [all], reason: r, expires: 2999-01-01}\n");
  }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), tree_.at(name).c_str()), 0);
  }
  // The same with mounts of its own: `script` makes them, below $D.
  Ended in_mounts(const std::string& script, const std::string& before, const std::string& after,
                  const std::string& flags = "") {
    const std::string old_file = policy("before.yaml", "filesystem_policy: " + before),
                      new_file = policy("after.yaml", "filesystem_policy: " + after);
    const std::string command = "D=" + tree_.path() + "; (" + script + ") || exit 99; exec " +
                                std::string(LOCKSTEP_CLI) + " diff " + old_file + " " + new_file +
                                " --host real --proxy off --gpu off " + flags;
    Words words{"/usr/bin/unshare", "-m"};
    if (::geteuid() != 0) words.emplace_back("-r");
    words.insert(words.end(), {"/bin/sh", "-c", command});
    return testing::run_program(words, {});
  }

  TemporaryDirectory tree_, dir_;
};

struct Row {
  const char* before;
  const char* after;
  const char* said;
};

TEST_F(Places, BySpellingLinksAreFollowedToTheEnd) {
  for (const Row& row : std::initializer_list<Row>{
           {"{read_only: [/usr], read_write: [/proc]}",
            "{read_only: [/usr, /proc/self/root/proc/self/root], read_write: [/proc]}",
            "\n  /\n    + execute, read_file, read_dir\n"},
           {"{read_write: [/proc]}",
            "{read_only: [/proc/1/root/proc/self/root/proc/thread-self/root/etc], read_write: [/proc]}",
            "\n  /etc\n    + execute"},
           {"{read_only: [/proc, /]}", "{read_only: [/proc, /, /proc/1/root]}", "\n  /proc/1/root\n    + execute"},
           {"{read_only: [/proc/1/root]}", "{read_only: [/srv]}", "\n  /srv\n    + execute"},
           {"{read_write: [/dev]}", "{read_write: [/dev, /dev/stdout]}", "\n  /proc/self/fd/1\n    + "},
           {"{read_write: [/dev]}", "{read_write: [/dev, /dev/fd]}", "\n  /proc/self/fd\n    + "},
           {"{read_write: [/dev]}", "{read_write: [/dev, /dev/fd/7]}", "it leads to what the process has open"},
           {"{read_write: [/proc, /srv]}", "{read_write: [/proc, /srv, /proc/self/task/4/cwd/x]}",
            "\n  /proc/self/task/4/cwd/x\n    + every right"},
           {"{read_write: [/var]}", "{read_write: [/var, /proc/self/root/var/run/docker.sock]}",
            "\n  /run/docker.sock\n    + "}}) {
    const Ended ended = diff(row.before, row.after);
    EXPECT_EQ(ended.code, 1) << row.after << "\n" << ended.out << ended.err;
    EXPECT_NE(ended.out.find(row.said), std::string::npos) << row.after << "\n" << ended.out << ended.err;
  }
}

TEST_F(Places, BySpellingTheNoteHangsOnRightsThatChanged) {
  const Ended wider = diff("{read_only: [/srv/out/e], read_write: [/srv/out]}", "{read_write: [/srv/out, /srv/out/e]}");
  EXPECT_EQ(wider.code, 0) << wider.out;
  EXPECT_NE(wider.out.find("note: entries with more rights than before that add nothing to what is granted "
                           "above them, unless they are links"),
            std::string::npos)
      << wider.out;
  EXPECT_NE(wider.out.find("/srv/out/e"), std::string::npos) << wider.out;
  const Ended led = diff("{read_write: [/srv/out]}", "{read_write: [/srv/out, /proc/self/root/srv/out/link]}");
  EXPECT_EQ(led.code, 0) << led.out;
  EXPECT_NE(led.out.find(idle), std::string::npos) << led.out;
  const Ended workdir = diff("{read_write: [/srv/out]}", "{include_workdir: true, read_write: [/srv/out]}",
                             {"--workdir", "/srv/out/job"});
  EXPECT_NE(workdir.out.find(idle), std::string::npos) << workdir.out;
  // No note without a reason: nothing changed, or below / nothing is elsewhere.
  for (const auto& [before, after] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{read_write: [/srv/out, /srv/out/e]}", "{read_write: [/srv/out, /srv/out/e]}"},
           {"{read_only: [/]}", "{read_only: [/, /srv/out/e]}"},
           {"{read_write: [/srv/out, /srv/out/e]}", "{read_only: [/srv/out/e], read_write: [/srv/out]}"}}) {
    const Ended ended = diff(before, after);
    EXPECT_EQ(ended.code, 0) << ended.out;
    EXPECT_EQ(ended.out.find("note:"), std::string::npos) << ended.out;
  }
}

TEST_F(Places, ByObjectLinksLeadWhereTheyLead) {
  link(tree_.at("root"), "out/e");
  link("e", "out/e2");
  link("../out/e2/below", "out/e3");
  for (const auto& [entry, place] : std::initializer_list<std::pair<const char*, const char*>>{
           {"D/out/e", "/root"}, {"D/out/e2", "/root"}, {"D/out/e3", "/root/below"}}) {
    const Ended ended = real("{read_write: [D/out]}", std::string("{read_write: [D/out, ") + entry + "]}");
    EXPECT_EQ(ended.code, 1) << ended.out << ended.err;
    EXPECT_NE(ended.out.find("\n  " + tree_.path() + place + "\n    + every right"), std::string::npos) << ended.out;
    // An entry that was there and gets more leads there too.
    EXPECT_EQ(real(std::string("{read_only: [") + entry + "], read_write: [D/out]}",
                   std::string("{read_write: [D/out, ") + entry + "]}")
                  .code,
              1);
  }
  EXPECT_EQ(real("{read_write: [D/root]}", "{read_write: [D/root, D/out/e]}").code, 0) << "one object under two names";
  const Ended inside = real("{read_write: [D/out]}", "{read_write: [D/out, D/out/dir]}");
  EXPECT_EQ(inside.code, 0) << inside.out;
  EXPECT_EQ(inside.out.find("note:"), std::string::npos) << inside.out;
}

TEST_F(Places, ByObjectTheProcessIsNotOurs) {
  for (const char* path : {"/proc/self/cwd", "/proc/self/fd/0", "/dev/stdin", "/proc/self/root/proc/self/cwd"}) {
    const Ended ended = real("{read_only: [/], read_write: [/proc, /dev]}",
                             std::string("{read_only: [/], read_write: [/proc, /dev, ") + path + "]}");
    EXPECT_EQ(ended.code, 1) << path << ended.out << ended.err;
    EXPECT_NE(ended.out.find("\n  /proc/self/"), std::string::npos) << ended.out;
  }
  EXPECT_EQ(real("{read_only: [/usr, /proc]}", "{read_only: [/usr, /proc, /proc/self/root/proc/self/root]}").code, 1);
  EXPECT_EQ(real("{read_only: [/]}", "{read_only: [/, /proc/self/root]}").code, 0);
  EXPECT_EQ(real("{read_write: [/proc]}", "{read_write: [/proc, /proc/self/task]}").code, 0);
}

TEST_F(Places, ADanglingLinkIsSaid) {
  link("../root/later", "out/e");
  const Ended ended = real("{read_write: [D/out]}", "{read_write: [D/out, D/out/e]}");
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("note: " + tree_.path() + "/out/e is or passes a link to nothing"), std::string::npos)
      << ended.out;
  EXPECT_NE(ended.out.find("once that appears"), std::string::npos) << ended.out;
}

TEST_F(Places, AHardLinkHasEachNamesParents) {
  ASSERT_EQ(::link(tree_.at("root/secret").c_str(), tree_.at("out/e").c_str()), 0);
  const Ended outside = real("{read_write: [D/out]}", "{read_write: [D/out, D/out/e]}");
  EXPECT_EQ(outside.code, 1) << outside.out << outside.err;
  EXPECT_NE(outside.out.find("hard link"), std::string::npos) << outside.out;
  EXPECT_EQ(
      real("{read_write: [D/out]}", "{read_write: [D/out, D/out/e]}", {"--allow", allow(tree_.path() + "/out/**")})
          .code,
      1)
      << "what opens is elsewhere";
  EXPECT_EQ(
      real("{read_write: [D/out]}", "{read_write: [D/out, D/out/e]}", {"--allow", allow(tree_.path() + "/out/e")}).code,
      0)
      << "by its very name";
  // Both names below what is granted.
  EXPECT_EQ(real("{read_write: [D/out, D/root]}", "{read_write: [D/out, D/root, D/out/e]}").code, 0);
  EXPECT_EQ(real("{read_only: [/], read_write: [D/out]}", "{read_only: [/, D/out/e], read_write: [D/out]}").code, 0);
}

// What a baseline adds is one question, where paths lead another.
TEST_F(Places, AsWrittenOnThisMachineFollowsLinks) {
  link("../root", "out/l");
  const Ended ended = real("{read_write: [D/out]}", "{read_write: [D/out, D/out/l]}", {"--as-written"});
  EXPECT_EQ(ended.code, 1) << ended.out;
  EXPECT_NE(ended.out.find("\n  " + tree_.path() + "/root\n    + every right"), std::string::npos) << ended.out;
  // So does a host of a file.
  const std::string host = dir_.write(
      "h.json",
      R"({"schema":"lockstep.host/1","gpu":"none","present":["/srv/out","/srv/root",{"path":"/srv/out/l","kind":"link","target":"../root"}]})");
  const Ended of_file =
      diff("{read_write: [/srv/out]}", "{read_write: [/srv/out, /srv/out/l]}", {"--as-written", "--host", host});
  EXPECT_EQ(of_file.code, 1) << of_file.out << of_file.err;
  EXPECT_NE(of_file.out.find("\n  /srv/root\n    + every right"), std::string::npos) << of_file.out;
  // Nothing of a baseline comes with it.
  const Words with_gpu{"--host", LOCKSTEP_SOURCE_DIR "/fixtures/hosts/nvidia-1.json", "--as-written"};
  EXPECT_EQ(diff("{read_only: [/usr, /dev/nvidiactl]}", "{read_only: [/usr]}", with_gpu).code, 0);
}

TEST_F(Places, AQuietPathIsAPlaceAsWell) {
  link("root", "r");
  const auto quiet = [&](const std::string& path) {
    return "{grants: [{path: " + path + ", access: [read], quiet: true}]}";
  };
  const Ended same = real(quiet("D/r"), quiet("D/root"));
  EXPECT_EQ(same.code, 0) << same.out;
  const Ended other = real(quiet("D/r"), quiet("D/out"));
  EXPECT_NE(other.out.find("weakening (quiet)"), std::string::npos) << other.out;
}

TEST_F(Places, ABindMountHasEachMountsParents) {
  ::mkdir(tree_.at("out/m").c_str(), 0755);
  tree_.write("out/f", "");
  const Ended probe = in_mounts("mount --bind $D/root $D/out/m", "{read_only: [/usr]}", "{read_only: [/usr]}");
  if (probe.code != 0) GTEST_SKIP() << "no mount namespace can be had here: " << probe.err;
  const Ended directory =
      in_mounts("mount --bind $D/root $D/out/m", "{read_write: [D/out]}", "{read_write: [D/out, D/out/m]}");
  EXPECT_EQ(directory.code, 1) << directory.out << directory.err;
  EXPECT_NE(directory.out.find("\n  " + tree_.path() + "/root\n    + every right"), std::string::npos) << directory.out;
  const Ended below =
      in_mounts("mount --bind $D/root $D/out/m", "{read_write: [D/out]}", "{read_write: [D/out, D/out/m/below]}");
  EXPECT_EQ(below.code, 1) << below.out << below.err;
  const Ended file =
      in_mounts("mount --bind $D/root/secret $D/out/f", "{read_write: [D/out]}", "{read_write: [D/out, D/out/f]}");
  EXPECT_EQ(file.code, 1) << file.out << file.err;
  EXPECT_NE(file.out.find("\n  " + tree_.path() + "/root/secret\n"), std::string::npos) << file.out;
  // The other way round: what is granted is seen elsewhere as well, and was before.
  EXPECT_EQ(
      in_mounts("mount --bind $D/root $D/out/m", "{read_write: [D/root]}", "{read_write: [D/root, D/out/m]}").code, 0);
  // A mount on top hides the bind, and another file system is nowhere else.
  const Ended covered = in_mounts("mount --bind $D/root $D/out/m; mount -t tmpfs none $D/out/m",
                                  "{read_write: [D/out]}", "{read_write: [D/out, D/out/m]}");
  EXPECT_EQ(covered.code, 0) << covered.out << covered.err;
  // By its place, not by where the entry is spelt.
  const Ended accepted = in_mounts("mount --bind $D/root $D/out/m", "{read_write: [D/out]}",
                                   "{read_write: [D/out, D/out/m]}", "--allow " + allow(tree_.path() + "/out/**"));
  EXPECT_EQ(accepted.code, 1) << accepted.out;
}

TEST_F(Places, AcceptanceIsByPlace) {
  link(tree_.at("root"), "out/e");
  const auto with = [&](const std::string& glob) {
    return real("{read_only: [/usr]}", "{read_only: [/usr], read_write: [D/out/e]}", {"--allow", allow(glob)});
  };
  const Ended refused = with(tree_.path() + "/out/**");
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_NE(refused.out.find("leads to " + tree_.path() + "/root: write " + tree_.path() + "/root"), std::string::npos)
      << refused.out;
  EXPECT_EQ(with(tree_.path() + "/root/**").code, 0);
  for (const char* entry : {"/proc/self/fd/9", "/proc/self/cwd", "/proc/1/root"})
    for (const Words& host : {Words{}, Words{"--host", "real"}}) {
      Words flags{"--allow", allow("/proc/**")};
      flags.insert(flags.end(), host.begin(), host.end());
      const Ended ended = diff("{read_only: [/, /proc]}", std::string("{read_only: [/, /proc, ") + entry + "]}", flags);
      EXPECT_EQ(ended.code, 1) << entry << ended.out;
      EXPECT_EQ(ended.out.find("other processes can be looked at"), std::string::npos)
          << "not procfs's words: " << ended.out;
    }
  EXPECT_EQ(
      diff("{read_only: [/, /proc]}", "{read_only: [/, /proc, /proc/self/fd/9]}", {"--allow", allow("/proc/self/fd/9")})
          .code,
      0);
}

TEST_F(Places, WithoutAProcNothingIsTakenForCompared) {
  if (testing::sanitized) GTEST_SKIP() << "sanitized: what looks for leaks needs a /proc";
  const Ended with = in_mounts(":", "{read_only: [/usr]}", "{read_only: [/usr]}");
  if (with.code != 0) GTEST_SKIP() << "no mount namespace can be had here: " << with.err;
  for (const char* policy : {"{read_only: [/usr]}", "{}"}) {
    const Ended ended = in_mounts("mount -t tmpfs none /proc", policy, policy);
    EXPECT_EQ(ended.code, 3) << ended.out << ended.err;
    EXPECT_NE(ended.err.find("mountinfo"), std::string::npos) << ended.err;
  }
}

TEST_F(Places, AWriteToTheRootByAnyNameNeverRan) {
  const Ended ended = diff("{read_write: [/proc/thread-self/root/proc/self/root]}", "{read_only: [/usr]}");
  EXPECT_EQ(ended.code, 1) << ended.out;
  EXPECT_NE(ended.out.find("weakening (refused): the old policy is refused, the new one runs"), std::string::npos)
      << ended.out;
}

}  // namespace
}  // namespace lockstep::diff
