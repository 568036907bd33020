#include "enforce/prepare.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

constexpr AccessSet write_file = access_read_only | AccessSet(Right::write_file);

// A directory of its own with a file, and links to the places that matter.
class Prepare : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
    abi_ = std::min(kernel->abi, newest_abi);
    UniqueFd file(::open(dir_.at("file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(file);
    ASSERT_EQ(::symlink("/", dir_.at("to-root").c_str()), 0);
    ASSERT_EQ(::symlink("/proc/self", dir_.at("to-self").c_str()), 0);
    ASSERT_EQ(::symlink(dir_.path().c_str(), dir_.at("to-dir").c_str()), 0);
  }
  void TearDown() override {
    for (const char* each : {"file", "to-root", "to-self", "to-dir", "to-descriptor"}) ::unlink(dir_.at(each).c_str());
    EXPECT_EQ(dir_.entries(), std::vector<std::string>{}) << "left behind";
  }

  Plan plan(std::vector<PlanRule> rules) const {
    Plan out;
    out.file = "p.yaml";
    out.abi = abi_;
    out.handled = abi_info(abi_)->fs;
    out.rules = std::move(rules);
    return out;
  }
  static std::vector<std::string> codes(const Prepared& prepared) {
    std::vector<std::string> out;
    for (const Notice& notice : prepared.notices) out.push_back(notice.code);
    return out;
  }
  void expect_refused(const std::string& path, AccessSet rights, bool restricts_caller, const std::string& says) const {
    const Result<Prepared> got = prepare(plan({{path, rights, false, 7}}), {restricts_caller});
    ASSERT_FALSE(got.ok()) << path;
    EXPECT_EQ(got.error().kind, ErrorKind::input) << path;
    EXPECT_EQ(got.error().file, "p.yaml");
    EXPECT_EQ(got.error().line, 7);
    EXPECT_NE(got.error().message.find(says), std::string::npos) << got.error().message;
  }

  int abi_ = 0;
  const testing::TemporaryDirectory dir_;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* dir = ::opendir("/proc/self/fd");
  while (dir != nullptr && ::readdir(dir) != nullptr) ++count;
  if (dir != nullptr) ::closedir(dir);
  return count;
}

TEST_F(Prepare, KeepsNoDescriptorButTheRuleSet) {
  const std::size_t before = open_descriptors();
  const Result<Prepared> got =
      prepare(plan({{"/usr", access_read_only, false, 1}, {dir_.path(), plan({}).handled, false, 2}}), {});
  ASSERT_TRUE(got.ok()) << got.error().to_string();
  EXPECT_EQ(got->rules, 2U);
  EXPECT_TRUE(got->notices.empty());
  EXPECT_EQ(open_descriptors(), before + 1);
}

TEST_F(Prepare, CutsRightsOnFilesToWhatTheKernelTakes) {
  const Result<Prepared> got =
      prepare(plan({{dir_.at("file"), plan({}).handled, false, 1}, {"/dev/null", plan({}).handled, false, 2}}), {});
  ASSERT_TRUE(got.ok()) << got.error().to_string();  // uncut, each would be EINVAL
  EXPECT_EQ(got->rules, 2U);
}

TEST_F(Prepare, RefusesTheRootHoweverItIsSpelt) {
  for (const std::string& path :
       {std::string("/"), std::string("/proc/self/root"), dir_.at("to-root"), std::string("/proc/self/root/usr/..")}) {
    expect_refused(path, write_file, true, "is the root directory");
    expect_refused(path, access_read_only | AccessSet(Right::ioctl_dev), true, "is the root directory");
    const Result<Prepared> readable = prepare(plan({{path, access_read_only, false, 7}}), {});
    EXPECT_TRUE(readable.ok()) << path;
  }
}

TEST_F(Prepare, RefusesOwnProcfsEntriesWhereAnotherProcessIsRestricted) {
  const std::string own = "/proc/" + std::to_string(::getpid());
  for (const std::string& path :
       {std::string("/proc/self"), std::string("/proc/self/task"), std::string("/proc/thread-self"), own, own + "/comm",
        dir_.at("to-self"), std::string("/proc/self/root/proc/self")})
    expect_refused(path, access_read_only, false, "not to the one it restricts");
  const Result<Prepared> others =
      prepare(plan({{"/proc", access_read_only, false, 1}, {"/proc/sys", access_read_only, false, 2}}), {false});
  EXPECT_TRUE(others.ok());
}

// In a mount namespace of a child's own: 0 where the entry is pinned and the root is not.
TEST_F(Prepare, PinsEntriesOfEveryProcfs) {
  const std::string other = dir_.at("other-proc");
  ASSERT_EQ(::mkdir(other.c_str(), 0755), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("proc", other.c_str(), "proc", 0, nullptr) != 0)
      ::_exit(3);
    const Result<Prepared> got =
        prepare(plan({{other, access_read_only, false, 1}, {other + "/version", access_read_only, false, 2}}), {});
    ::_exit(got.ok() && got->pins.size() == 1 && got->pins[0].path == other + "/version" ? 42 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ::rmdir(other.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 3) GTEST_SKIP() << "no mount namespace to be had";
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(Prepare, PinsEntriesOfProcfsButNotItsRoot) {
  const Result<Prepared> got = prepare(plan({{"/proc", access_read_only, false, 1},
                                             {"/proc/self/task", write_file, false, 2},
                                             {dir_.at("to-self"), write_file, false, 3}}),
                                       {});
  ASSERT_TRUE(got.ok()) << got.error().to_string();
  ASSERT_EQ(got->pins.size(), 2U);
  EXPECT_EQ(got->pins[0].path, "/proc/self/task");
  EXPECT_EQ(codes(*got), (std::vector<std::string>{"procfs-pinned", "procfs-pinned"}));
  struct stat pinned {
  }, named{};
  ASSERT_EQ(::fstat(got->pins[0].fd.get(), &pinned), 0);
  ASSERT_EQ(::stat("/proc/self/task", &named), 0);
  EXPECT_EQ(pinned.st_ino, named.st_ino);
}

TEST_F(Prepare, SaysWhenTwoPathsAreOneObjectWithDifferentRights) {
  const Result<Prepared> differ =
      prepare(plan({{dir_.path(), write_file, false, 1}, {dir_.at("to-dir"), access_read_only, false, 2}}), {});
  ASSERT_TRUE(differ.ok());
  EXPECT_EQ(codes(*differ), std::vector<std::string>{"same-object"});
  EXPECT_NE(differ->notices[0].message.find("write_file"), std::string::npos);
  const Result<Prepared> same =
      prepare(plan({{dir_.path(), write_file, false, 1}, {dir_.at("to-dir"), write_file, false, 2}}), {});
  ASSERT_TRUE(same.ok());
  EXPECT_TRUE(same->notices.empty());
}

TEST_F(Prepare, MissingPathsFailHardRequirementAndAreAWarningElse) {
  Plan missing = plan({{"/usr", access_read_only, false, 1}, {dir_.at("missing"), write_file, false, 2}});
  const Result<Prepared> soft = prepare(missing, {});
  ASSERT_TRUE(soft.ok());
  ASSERT_EQ(soft->skipped.size(), 1U);
  EXPECT_EQ(soft->skipped[0].line, 2);
  EXPECT_EQ(codes(*soft), std::vector<std::string>{"path-skipped"});
  missing.compatibility = Compatibility::hard_requirement;
  const Result<Prepared> hard = prepare(missing, {});
  ASSERT_FALSE(hard.ok());
  EXPECT_EQ(hard.error().kind, ErrorKind::input);
  EXPECT_EQ(hard.error().err, ENOENT);
  EXPECT_EQ(hard.error().line, 2);
  missing.rules[1].from_baseline = true;
  EXPECT_TRUE(prepare(missing, {}).ok());
}

TEST_F(Prepare, NoRuleLeftIsRefused) {
  EXPECT_FALSE(prepare(plan({{dir_.at("missing"), write_file, false, 2}}), {}).ok());
  EXPECT_FALSE(prepare(plan({{dir_.at("file"), Right::make_reg, false, 2}}), {}).ok());
}

TEST_F(Prepare, RightsThatMeanNothingOnAFileAreSkippedOrRefused) {
  Plan useless =
      plan({{"/usr", access_read_only, false, 1}, {dir_.at("file"), Right::read_dir | Right::make_reg, false, 2}});
  const Result<Prepared> soft = prepare(useless, {});
  ASSERT_TRUE(soft.ok());
  EXPECT_EQ(soft->rules, 1U);
  EXPECT_EQ(codes(*soft), std::vector<std::string>{"path-skipped"});
  useless.compatibility = Compatibility::hard_requirement;
  EXPECT_FALSE(prepare(useless, {}).ok());
}

// What a link of a process leads to is whatever it has open: a file gets its rule, and what Landlock restricts nowhere
// needs none.
TEST_F(Prepare, LinksOfAProcessAreWhatTheyLeadTo) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const UniqueFd reads(pipe[0]), writes(pipe[1]), file(::open(dir_.at("file").c_str(), O_RDONLY | O_CLOEXEC));
  const std::string link = dir_.at("to-descriptor");  // as /dev/stdout is one, outside /proc
  for (Compatibility compatibility : {Compatibility::best_effort, Compatibility::hard_requirement}) {
    for (const auto& [fd, code, rules] :
         {std::tuple(file.get(), "process-link", 2U), std::tuple(reads.get(), "not-restricted", 1U)}) {
      ASSERT_EQ(::symlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), link.c_str()), 0);
      for (const std::string& path : {link, "/proc/self/fd/" + std::to_string(fd)}) {
        Plan both = plan({{"/usr", access_read_only, false, 1}, {path, write_file, false, 4}});
        both.compatibility = compatibility;
        const Result<Prepared> got = prepare(both, {});
        ASSERT_TRUE(got.ok()) << got.error().to_string();
        EXPECT_EQ(codes(*got), std::vector<std::string>{code}) << path;
        EXPECT_EQ(got->notices[0].path, path);
        EXPECT_EQ(got->rules, rules) << path;
        EXPECT_FALSE(prepare(both, {false}).ok() && rules == 2U)
            << "the caller's own, where another process is restricted";
      }
      ::unlink(link.c_str());
    }
  }
  const Result<Prepared> got =
      prepare(plan({{"/usr", access_read_only, false, 1}, {"/proc/self/ns/mnt", access_read_only, false, 4}}), {});
  ASSERT_TRUE(got.ok()) << got.error().to_string();
  EXPECT_EQ(codes(*got), std::vector<std::string>{"not-restricted"});
}

TEST_F(Prepare, KnowsWhetherARuleMayListTheRoot) {
  const auto may = [&](const std::string& path, AccessSet rights) {
    const Result<Prepared> got = prepare(plan({{"/usr", access_read_only, false, 1}, {path, rights, false, 2}}), {});
    return got.ok() && got->may_list_root;
  };
  EXPECT_TRUE(may("/", access_read_only));
  EXPECT_TRUE(may(dir_.at("to-root"), access_read_only));
  EXPECT_TRUE(may("/proc/self/cwd", access_read_only)) << "who knows what is above";
  EXPECT_FALSE(may("/", AccessSet(Right::read_file)));
  EXPECT_FALSE(may(dir_.path(), access_read_only));
}

}  // namespace
}  // namespace lockstep
