// The proof of a restriction, without and with one, for each of its questions. In forked children.
#include "enforce/canary.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "enforce/restrict.h"
#include "testing/seccomp.h"

namespace lockstep {
namespace {

constexpr int proved = 42;

// With a rule on the root directory it is not the question.
int prove_it(bool root_rule, const std::function<bool()>& before) {
  const pid_t child = ::fork();
  if (child == 0) {
    Plan plan;
    plan.abi = std::min(query_kernel()->abi, newest_abi);
    plan.handled = abi_info(plan.abi)->fs;
    plan.rules = {{"/usr", access_read_only, false, 1}};
    if (root_rule) plan.rules.push_back({"/", access_read_only, false, 2});
    const Result<Prepared> prepared = prepare(plan, {});
    if (!prepared.ok() || !before()) ::_exit(1);
    {
      Canary canary;
      if (!canary.set(*prepared).ok()) ::_exit(2);
      if (canary.prove().ok()) ::_exit(3);  // nothing is restricted yet
      if (!restrict_self(*prepared).ok()) ::_exit(4);
      if (!canary.prove().ok()) ::_exit(5);
    }
    ::_exit(::waitpid(-1, nullptr, __WALL) < 0 ? proved : 6);  // nobody is left to be waited for
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(CanaryTest, ProvesWhatIsThereAndNothingElse) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok())
    GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  for (bool root_rule : {false, true}) {
    EXPECT_EQ(prove_it(root_rule, [] { return true; }), proved) << root_rule;
    EXPECT_EQ(prove_it(root_rule, [] { return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0; }), proved) << root_rule;
    EXPECT_EQ(prove_it(root_rule, [] { return testing::answer_calls({{.call = SYS_get_robust_list, .err = EPERM}}); }),
              proved)
        << root_rule;
    if (::geteuid() != 0) continue;
    // In a chroot that is no mount of its own, what is above the root counts: the sibling is asked about.
    EXPECT_EQ(prove_it(root_rule, [] { return ::chroot("/usr") == 0; }), proved) << root_rule;
    EXPECT_EQ(prove_it(root_rule, [] { return ::setgid(64001) == 0 && ::setuid(64000) == 0; }), proved) << root_rule;
  }
}

}  // namespace
}  // namespace lockstep
