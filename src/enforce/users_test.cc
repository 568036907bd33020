// Users and groups, held against id(1), and against sources that the files do not know.
#include "enforce/users.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "testing/run_program.h"

namespace lockstep {
namespace {

std::string id(const std::string& flag, const std::string& user) {
  return testing::run_program({"/usr/bin/id", flag, user}, {}).out;
}

TEST(Users, AreThoseThatIdKnows) {
  for (const char* name : {"root", "daemon", "nobody"}) {
    const Result<std::optional<User>> user = find_user(name);
    ASSERT_TRUE(user.ok() && *user) << name;
    EXPECT_EQ(std::to_string((*user)->uid) + "\n", id("-u", name));
    EXPECT_EQ(std::to_string((*user)->gid) + "\n", id("-g", name));
    const Result<std::vector<gid_t>> own = groups_of(name, (*user)->gid);
    ASSERT_TRUE(own.ok());
    std::string groups;
    for (const gid_t each : *own) groups += (groups.empty() ? "" : " ") + std::to_string(each);
    EXPECT_EQ(groups + "\n", id("-G", name));
    EXPECT_EQ((*find_user(std::to_string((*user)->uid)))->name, name);
  }
  EXPECT_EQ(*find_group("root"), std::optional<gid_t>(0));
  for (const char* name : {"no-such-user-here", "-1", "4294967295", "", "-s", "ro", "root:x", "root\n", "#root"}) {
    const Result<std::optional<User>> user = find_user(name);
    const Result<std::optional<gid_t>> group = find_group(name);
    EXPECT_TRUE(user.ok() && !*user && group.ok() && !*group) << name;
  }
}

// In a mount namespace where the machine's lists are the test's: files of `dir` lie over those of the same name.
class OtherLists : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root puts other lists into their place";
    dir_.write("nsswitch.conf", "group: files\n");
    getent("exit 2");
  }
  void getent(const std::string& script) const {
    ASSERT_EQ(::chmod(dir_.write("getent", "#!/bin/sh\n" + script + "\n").c_str(), 0755), 0);
  }
  // What `what` says, or nothing where no such namespace can be had.
  void expect(int expected, const std::function<int()>& what) const {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(77);
      for (const std::string name : {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/usr/bin/getent"}) {
        const std::string file = dir_.at(name.substr(name.rfind('/') + 1));
        if (::access(file.c_str(), F_OK) == 0 && ::mount(file.c_str(), name.c_str(), nullptr, MS_BIND, nullptr) != 0)
          ::_exit(77);
      }
      ::_exit(what());
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no-namespace: no mount namespace is to be had";
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, expected);
  }

  const testing::TemporaryDirectory dir_;
};

TEST_F(OtherLists, OfTheOtherSourcesOfTheMachine) {
  for (const char* nsswitch : {"group: files [NOTFOUND=continue] ldap\n", "group:files db\n", "group : files sss # x\n",
                               "passwd: files\n# group: files\ninitgroups: db\n"}) {
    dir_.write("nsswitch.conf", nsswitch);
    getent(R"([ -z "$LOCKSTEP_TEST" ] || exit 9
case $1.$2 in
  passwd.far | passwd.70000) echo far:x:70000:70001::/:/bin/sh ;;
  group.farther) echo farther:x:70003: ;;
  initgroups.far) echo 'far                   70004 70001 70005' ;;
  *) exit 2
esac)");
    ::setenv("LOCKSTEP_TEST", "seen", 1);
    expect(42, [] {
      const auto far = find_user("far"), number = find_user("70000"), none = find_user("nobody-at-all");
      if (!far.ok() || !*far || (*far)->uid != 70000 || (*far)->gid != 70001) return 1;
      if (!number.ok() || !*number || (*number)->name != "far" || !none.ok() || *none) return 2;
      if (const auto group = find_group("farther"); !group.ok() || *group != std::optional<gid_t>(70003)) return 3;
      const auto groups = groups_of("far", 70001);
      return groups.ok() && *groups == std::vector<gid_t>{70001, 70004, 70005} ? 42 : 4;
    });
    ::unsetenv("LOCKSTEP_TEST");
  }
}

// Nobody is taken for less than a whole answer, and what fails is not "no such user".
TEST_F(OtherLists, AnAnswerThatIsNotWholeIsAnError) {
  for (const char* script : {"printf far:x:70000:7000; kill -9 $$", "echo far:x:70000:70001::/:; exit 1",
                             "printf far:x:70000:70001::/:/bin/sh", "echo far:x:70000", "echo other:x:1:1::/:",
                             "echo far:x:70000:0::/:; echo far:x:70000:1::/:", "exit 3", "kill -ALRM $$"}) {
    getent(script);
    expect(42, [] { return find_user("far").ok() ? 1 : find_group("far").ok() ? 2 : 42; });
  }
  dir_.write("nsswitch.conf", "group: files db\n");
  for (const char* script : {"echo fart 0", "echo 'far x'", "echo 'far 1 0x0'", "echo 0", "echo far1 0"}) {
    getent(script);
    expect(42, [] { return groups_of("far", 70001).ok() ? 1 : 42; });
  }
}

// A comment is no user, a word to libc is none, and a name may have a number in it.
TEST_F(OtherLists, LinesThatNameNobody) {
  dir_.write("passwd",
             "#eve:x:3000:0::/:\n+comp:x:3004:0::/:\n-no:x:3005:0::/:\nagent 0:x:3002:3002::/:\n"
             "cut:x:3006:0\nsigned:x:+3007:0::/:\n  pad:x:3008:3008::/:\n");
  dir_.write("group",
             "#docker:x:0:agent 0\n+:x:0:agent 0\nreal:x:3010:other, agent 0\nodd:x: 3011:agent 0\n"
             "more:x:3012:agent 0:root\n");
  dir_.write("nsswitch.conf", "group: files db\n");
  getent("[ $1 = initgroups ] && echo 'agent 0               3009' || exit 2");
  expect(42, [] {
    for (const char* name : {"3000", "3004", "3005", "3006", "3007", "#eve", "+comp", "-no", "cut", "signed"})
      if (const auto user = find_user(name); !user.ok() || *user) return 1;
    if (const auto user = find_user("pad"); !user.ok() || !*user || (*user)->uid != 3008) return 2;
    if (const auto group = find_group("#docker"); !group.ok() || *group) return 3;
    const auto groups = groups_of("agent 0", 3002);
    return groups.ok() && *groups == std::vector<gid_t>{3002, 3010, 3009} ? 42 : 4;
  });
}

TEST_F(OtherLists, WithoutStandardDescriptors) {
  getent("[ $1.$2 = passwd.far ] && echo far:x:70000:70001::/:/bin/sh");
  for (unsigned closed = 1; closed < 8; ++closed)
    expect(42, [closed] {
      for (int fd = 0; fd < 3; ++fd)
        if ((closed >> fd & 1) != 0) ::close(fd);
      const auto far = find_user("far");
      return far.ok() && *far && (*far)->uid == 70000 ? 42 : 1;
    });
}

TEST_F(OtherLists, ASourceThatHangsIsAnErrorInTime) {
  getent("sleep 60 & sleep 60");
  expect(42, [] { return find_user("far").ok() ? 1 : 42; });
}

TEST_F(OtherLists, NobodyIsToldOfTheProcessThatAsks) {
  getent("[ $1.$2 = passwd.far ] && echo far:x:70000:70001::/:/bin/sh");
  expect(42, [] {
    static int told = 0;
    ::signal(SIGCHLD, [](int) { ++told; });
    if (const auto far = find_user("far"); !far.ok() || !*far || told != 0) return 1;
    ::signal(SIGCHLD, SIG_IGN);
    const auto far = find_user("far");
    return far.ok() && *far && ::waitpid(-1, nullptr, __WALL) < 0 ? 42 : 2;
  });
}

}  // namespace
}  // namespace lockstep
