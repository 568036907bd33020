// Users and groups, held against id(1), and against sources that the files do not know.
#include "enforce/users.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <sstream>

#include "testing/run_program.h"

namespace lockstep {
namespace {

std::string id(const std::string& flag, const std::string& user) {
  return testing::run_program({"/usr/bin/id", flag, user}, {}).out;
}

TEST(Users, AreThoseThatIdKnows) {
  for (const char* name : {"root", "daemon", "nobody"}) {
    const std::optional<User> user = find_user(name);
    ASSERT_TRUE(user) << name;
    EXPECT_EQ(std::to_string(user->uid) + "\n", id("-u", name));
    EXPECT_EQ(std::to_string(user->gid) + "\n", id("-g", name));
    std::string groups;
    for (const gid_t each : groups_of(name, user->gid)) groups += (groups.empty() ? "" : " ") + std::to_string(each);
    EXPECT_EQ(groups + "\n", id("-G", name));
    EXPECT_EQ(find_user(std::to_string(user->uid))->name, name);
  }
  EXPECT_EQ(find_group("root"), std::optional<gid_t>(0));
  for (const char* name : {"no-such-user-here", "-1", "4294967295", "", "-s", "ro", "root:x"}) {
    EXPECT_FALSE(find_user(name)) << name;
    EXPECT_FALSE(find_group(name)) << name;
  }
}

// In a mount namespace with a getent of the test's own.
int with_sources(const std::string& directory, const std::function<int()>& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(77);
    for (const auto& [file, over] : {std::pair("/getent", "/usr/bin/getent"), {"/nsswitch.conf", "/etc/nsswitch.conf"}})
      if (::mount((directory + file).c_str(), over, nullptr, MS_BIND, nullptr) != 0) ::_exit(77);
    ::_exit(what());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Users, AreAskedOfTheOtherSourcesOfTheMachine) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root puts another getent into its place";
  const testing::TemporaryDirectory dir;
  dir.write("nsswitch.conf", "group: files [NOTFOUND=continue] ldap\n");
  const std::string getent = dir.write("getent", R"(#!/bin/sh
[ -z "$LOCKSTEP_TEST" ] || exit 9
case $1.$2 in
  passwd.far | passwd.70000) echo far:x:70000:70001::/:/bin/sh ;;
  passwd.odd) echo even:x:1:1::/:/bin/sh ;;
  passwd.cut) echo cut:x:70002 ;;
  group.farther) echo farther:x:70003: ;;
  initgroups.far) echo 'far 70004 70001 70005' ;;
esac
)");
  ASSERT_EQ(::chmod(getent.c_str(), 0755), 0);
  ::setenv("LOCKSTEP_TEST", "seen", 1);
  const int code = with_sources(dir.path(), [] {
    const std::optional<User> far = find_user("far"), number = find_user("70000");
    if (!far || far->uid != 70000 || far->gid != 70001 || !number || number->name != "far") return 1;
    if (find_user("odd") || find_user("cut") || find_user("root")->uid != 0) return 2;
    if (find_group("farther") != std::optional<gid_t>(70003)) return 3;
    return groups_of("far", 70001) == std::vector<gid_t>{70001, 70004, 70005} ? 42 : 4;
  });
  ::unsetenv("LOCKSTEP_TEST");
  if (code == 77) GTEST_SKIP() << "no-namespace: no mount namespace can be had here";
  EXPECT_EQ(code, 42);
}

}  // namespace
}  // namespace lockstep
