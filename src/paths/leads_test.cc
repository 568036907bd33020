// Where a path leads: every kind of link, to the end.
#include "paths/leads.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testing/temporary_directory.h"

namespace lockstep::paths {
namespace {

using lockstep::testing::TemporaryDirectory;

Host with_links() {
  Host out;
  out.present = {{"/usr"},
                 {"/lib", NodeKind::link, "usr/lib"},
                 {"/chain", NodeKind::link, "/chain2"},
                 {"/chain2", NodeKind::link, "data/../chain3"},
                 {"/chain3", NodeKind::link, "/proc/self/root/end"},
                 {"/to-fd", NodeKind::link, "dev/fd"},
                 {"/loop", NodeKind::link, "loop/x"},
                 {"/up", NodeKind::link, "../../.."},
                 {"/real-run", NodeKind::directory}};
  return out;
}

TEST(Leads, LinksAreFollowedToTheEnd) {
  const Host host = with_links();
  Names names(host);
  for (const auto& [path, end] :
       std::initializer_list<std::pair<const char*, const char*>>{{"/", "/"},
                                                                  {"/usr", "/usr"},
                                                                  {"//usr/./x/", "/usr/x"},
                                                                  {"/lib", "/usr/lib"},
                                                                  {"/lib/x", "/usr/lib/x"},
                                                                  {"/chain/x", "/end/x"},
                                                                  {"/up/etc", "/etc"},
                                                                  {"/var/run/x", "/run/x"},
                                                                  {"/var/lock", "/run/lock"},
                                                                  {"/etc/mtab", "/proc/self/mounts"},
                                                                  {"/proc/net/tcp", "/proc/self/net/tcp"},
                                                                  {"/proc/self/root", "/"},
                                                                  {"/proc/thread-self/root/", "/"},
                                                                  {"/proc/self/root/etc", "/etc"},
                                                                  {"/proc/self/root/proc/self/root", "/"},
                                                                  {"/proc/self/task/12/root/lib", "/usr/lib"},
                                                                  {"/proc/self/root/proc/self/cwd", "/proc/self/cwd"},
                                                                  {"/proc/self/rooted", "/proc/self/rooted"},
                                                                  {"/proc/self/fd", "/proc/self/fd"},
                                                                  {"/data/proc/self/root", "/data/proc/self/root"},
                                                                  {"/dev/fd", "/proc/self/fd"},
                                                                  {"/dev/stdout", "/proc/self/fd/1"},
                                                                  {"/to-fd/3/x", "/proc/self/fd/3/x"}}) {
    const Lead lead = follow(path, names);
    EXPECT_EQ(lead.path, end) << path << " " << said(lead);
    EXPECT_FALSE(lead.endless) << path;
  }
  EXPECT_EQ(said(follow("/chain", names)),
            "by /chain -> /chain2, /chain2 -> data/../chain3, /chain3 -> /proc/self/root/end, "
            "/proc/self/root -> /");
}

TEST(Leads, WhatAProcessHasIsAPlaceOfItsOwn) {
  const Host host = with_links();
  Names names(host);
  for (const auto& [path, link] :
       std::initializer_list<std::pair<const char*, const char*>>{{"/proc/self/cwd", "cwd"},
                                                                  {"/proc/7/exe", "exe"},
                                                                  {"/proc/self/task/3/cwd/x", "cwd"},
                                                                  {"/proc/thread-self/fd/9", "fd"},
                                                                  {"/dev/stdin", "fd"},
                                                                  {"/dev/fd/2", "fd"},
                                                                  {"/proc/1/map_files/a-b", "map_files"},
                                                                  {"/proc/1/root/proc/self/fd/0", "fd"}}) {
    const Lead lead = follow(path, names);
    ASSERT_NE(lead.process, nullptr) << path;
    EXPECT_EQ(lead.process->name, link) << path;
  }
  for (const char* path : {"/proc/self/fd", "/proc/self/map_files", "/proc/driver/cwd", "/proc", "/proc/self/comm",
                           "/proc/self/root", "/proc/self/attr/cwd"})
    EXPECT_EQ(follow(path, names).process, nullptr) << path;
  // Another process may have another root than the one that asks.
  EXPECT_EQ(follow("/proc/1/root/etc", names).path, "/etc");
  EXPECT_EQ(follow("/proc/1/root/etc", names).other_root, "/proc/1/root/etc");
  EXPECT_EQ(follow("/proc/self/root/etc", names).other_root, "");
}

TEST(Leads, TheLastLinkIsFollowedOnlyWhereItIsAskedFor) {
  const Host host = with_links();
  Names names(host);
  EXPECT_EQ(follow("/lib", names, false).path, "/lib");
  EXPECT_EQ(follow("/lib/x", names, false).path, "/usr/lib/x");
  EXPECT_EQ(follow("/proc/self/cwd", names, false).process, nullptr);
}

TEST(Leads, ACircleEnds) {
  const Host host = with_links();
  Names names(host);
  const Lead lead = follow("/loop/y", names);
  EXPECT_TRUE(lead.endless);
  EXPECT_EQ(lead.path, "/loop/y");
}

TEST(Leads, AHostThatSaysOtherwiseHasNoUsualLink) {
  Host host;
  host.present = {{"/var/run", NodeKind::directory}};
  Names names(host);
  EXPECT_EQ(follow("/var/run/x", names).path, "/var/run/x");
}

TEST(Leads, OfThisMachine) {
  const TemporaryDirectory dir;
  const std::string top = dir.path();
  ASSERT_EQ(::mkdir(dir.at("d").c_str(), 0700), 0);
  ASSERT_EQ(::symlink("d", dir.at("link").c_str()), 0);
  ASSERT_EQ(::symlink("link", dir.at("link2").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/self/root/etc", dir.at("procfs").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/self/cwd", dir.at("cwd").c_str()), 0);
  ASSERT_EQ(::symlink((top + "/no/where").c_str(), dir.at("dangling").c_str()), 0);
  ASSERT_EQ(::symlink("dangling/x", dir.at("dangling2").c_str()), 0);
  Host host;
  host.real = true;
  Names names(host);
  ASSERT_TRUE(names.mounts().ok()) << names.mounts().error().to_string();
  const std::string real = follow(top, names).path;
  EXPECT_EQ(follow(top + "/link2/x", names).path, real + "/d/x");
  EXPECT_TRUE(follow(top + "/link2/x", names).missing);
  EXPECT_EQ(follow(top + "/link2/x", names).dangling, "");
  EXPECT_EQ(follow(top + "/procfs", names).path, "/etc");
  ASSERT_NE(follow(top + "/cwd/x", names).process, nullptr);
  EXPECT_EQ(follow(top + "/cwd/x", names).path, "/proc/self/cwd/x") << "and not where this process stands";
  EXPECT_EQ(follow(top + "/dangling/x", names).dangling, real + "/dangling");
  EXPECT_EQ(follow(top + "/dangling2", names).dangling, real + "/dangling");
  EXPECT_EQ(follow("/proc/self/status", names).path, "/proc/self/status");
  EXPECT_EQ(names.at("/proc/self/status").object.ino, 0U) << "our own is not looked at";
}

}  // namespace
}  // namespace lockstep::paths
