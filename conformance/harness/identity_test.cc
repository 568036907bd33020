// What cannot be had is said, with what is missing, and is a skip of its rows: in user namespaces that lack it.
#include "conformance/harness/identity.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include <lockstep/kernel.h>

#include "base/unique_fd.h"
#include "conformance/harness/ending.h"

namespace lockstep::conformance::harness {
namespace {

bool write_map(const char* file, const std::string& text) {
  const UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Root of a user namespace in which nobody else is mapped.
bool become_lonely_root() {
  const std::string uid = std::to_string(::geteuid()), gid = std::to_string(::getegid());
  return ::unshare(CLONE_NEWUSER) == 0 && write_map("/proc/self/setgroups", "deny") &&
         write_map("/proc/self/uid_map", "0 " + uid + " 1") && write_map("/proc/self/gid_map", "0 " + gid + " 1");
}

constexpr int cannot = 77;

struct Outcome {
  int code = -1;
  std::string output;
};

// Runs `work`, which writes to descriptor 1, in a lonely root's process.
Outcome as_lonely_root(const std::function<void()>& work) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd ours(ends[0]), theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!become_lonely_root()) ::_exit(cannot);
    ::dup2(theirs.get(), 1);
    ::dup2(theirs.get(), 2);
    work();
    ::_exit(0);
  }
  theirs.reset();
  Outcome out;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(ours.get(), buffer, sizeof(buffer))) > 0;)
    out.output.append(buffer, static_cast<std::size_t>(n));
  const int status = await_end(pid, 60000).status;
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return out;
}

void say(const std::string& text) {
  EXPECT_EQ(::write(1, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(Identities, HereTheyCanBeHadOrSayWhatIsMissing) {
  const wire::Identities here = identities_here(first_user);
  EXPECT_EQ(here.missing_for(wire::IdentityKind::self), "");
  if (::geteuid() != 0) {
    EXPECT_FALSE(here.privileged);
    EXPECT_NE(here.missing_for(wire::IdentityKind::root), "");
  }
}

TEST(Identities, WhoIsNotMappedCannotBeHad) {
  const Outcome outcome = as_lonely_root([] {
    const wire::Identities here = identities_here(first_user + 1);
    say(std::string(here.privileged ? "privileged" : "unprivileged") + "|" +
        here.missing_for(wire::IdentityKind::user) + "|" + here.missing_for(wire::IdentityKind::container_root) + "|" +
        here.missing_for(wire::IdentityKind::root) + "|" + here.missing_for(wire::IdentityKind::self));
  });
  if (outcome.code == cannot) GTEST_SKIP() << "no user namespace can be had";
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output, "privileged|user cannot be had: uid 64000 is not mapped in this user namespace|||");
}

TEST(Identities, ContainerRootNeedsItsCapabilities) {
  const Outcome outcome = as_lonely_root([] {
    Identity fewer;
    fewer.groups = current_groups();
    fewer.keep = container_default_capabilities() & ~(std::uint64_t{1} << 27);  // CAP_MKNOD
    const Result<void> dropped = drop_privileges(fewer);
    say(dropped.ok() ? identities_here(first_user).missing_for(wire::IdentityKind::container_root)
                     : dropped.error().to_string());
  });
  if (outcome.code == cannot) GTEST_SKIP() << "no user namespace can be had";
  EXPECT_EQ(outcome.output, "container-root cannot be had: this process lacks cap_mknod");
}

// The suite itself: what can run does, the rest is skipped by name, nothing disagrees for want of a user.
TEST(Identities, TheSuiteRunsInALonelyRootsNamespace) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
  const Outcome outcome = as_lonely_root([] {
    ::execl(LOCKSTEP_CONFORMANCE, LOCKSTEP_CONFORMANCE, "--abi", "native", "--workers", "2", "--min-tried", "0.5",
            "--gtest_filter=comm_with_proc_read_only*:rights_of_making_devices*:gpu_enrichment_without*", nullptr);
    ::_exit(99);
  });
  if (outcome.code == cannot) GTEST_SKIP() << "no user namespace can be had";
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("rows: user cannot be had: uid 64000 is not mapped in this user namespace"),
            std::string::npos)
      << outcome.output;
  EXPECT_NE(outcome.output.find(" 0 disagree"), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find(" 0 agree"), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace lockstep::conformance::harness
