// The suite, the doctor and the fuzzer where something answers another ABI in the kernel's place: they judge
// no kernel by it.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>

#include "landlock/uapi.h"
#include "testing/run_program.h"
#include "testing/seccomp.h"

namespace lockstep::conformance::suite {
namespace {

using lockstep::testing::answer_with;
using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;

TEST(LadderOfAbis, ALieAboutItIsNoPass) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
  if (kernel->abi > newest_abi) GTEST_SKIP() << "abi-unknown: newer than the table";
  const TemporaryDirectory dir;
  const std::string policy = dir.write("p.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
  const std::vector<std::vector<std::string>> programs = {{LOCKSTEP_CONFORMANCE, "--policy", policy, "--abi", "native"},
                                                          {LOCKSTEP_DOCTOR, policy},
                                                          {LOCKSTEP_FUZZ, "--operations", "10"}};
  for (int claimed : {kernel->abi - 1, kernel->abi + 1}) {
    if (claimed < oldest_abi || claimed > newest_abi) continue;
    for (const std::vector<std::string>& words : programs) {
      const pid_t child = ::fork();
      if (child == 0) {
        if (!testing::answer_with(
                {.call = uapi::create_ruleset_nr, .argument = 2, .value = uapi::create_ruleset_version}, claimed))
          ::_exit(98);
        const Ended ended = testing::run_program(words, {});
        const std::string said = "says that it has Landlock's ABI " + std::to_string(claimed);
        ::_exit(ended.code == 3 && ended.err.find(said) != std::string::npos ? 42 : ended.code);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42)
          << words[0] << ", ABI " << claimed << ": " << WEXITSTATUS(status);
    }
  }
}

}  // namespace
}  // namespace lockstep::conformance::suite
