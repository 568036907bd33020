// Every program says its version, and what an installed one starts and reads is found from where it lies.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "testing/run_program.h"

namespace {

namespace fs = std::filesystem;
using lockstep::testing::Ended;
using lockstep::testing::run_program;

const fs::path programs = fs::path(LOCKSTEP_CLI).parent_path();

TEST(Version, EveryProgramSaysItAndTheCommit) {
  for (const std::string name : {"lockstep", "lockstep-conformance", "lockstep-doctor", "lockstep-fuzz",
                                 "lockstep-cuda-trace", "lockstep-matrix", "lockstep-prove-diff", "lockstep-verify"}) {
    const Ended ended = run_program({programs / name, "--version"}, {});
    EXPECT_EQ(ended.code, 0) << name << ": " << ended.err;
    EXPECT_EQ(ended.out.find(name + " " LOCKSTEP_VERSION " (commit "), 0U) << ended.out;
    EXPECT_TRUE(ended.out.ends_with(")\n")) << ended.out;
  }
}

TEST(Version, ThatCannotBeWrittenIsAFailure) {
  lockstep::testing::RunOptions options;
  const Ended ended = run_program({"/bin/sh", "-c", "exec \"$0\" --version >/dev/full", LOCKSTEP_CLI}, options);
  EXPECT_EQ(ended.code, 4);
}

// bin, libexec and share as a package lays them out, of symbolic links to what was built but for the program that is asked.
TEST(Installed, ProgramsFindWhatBelongsToThem) {
  const lockstep::testing::TemporaryDirectory root;
  for (const char* each : {"bin", "libexec/lockstep", "share/lockstep/fixtures"}) fs::create_directories(root.at(each));
  fs::copy_file(LOCKSTEP_CLI, root.at("bin/lockstep"));
  fs::create_symlink("/bin/echo", root.at("libexec/lockstep/lockstep-doctor"));
  const std::string policy = root.write("policy.yaml", "version: 1\n");
  const Ended doctor = run_program({root.at("bin/lockstep"), "doctor", "found"}, {});
  EXPECT_EQ(doctor.out, "found\n") << doctor.err;

  const Ended none = run_program({root.at("bin/lockstep"), "diff", policy, policy}, {});
  EXPECT_EQ(none.code, 2) << none.out;
  fs::copy(LOCKSTEP_SOURCE_DIR "/fixtures/hosts", root.at("share/lockstep/fixtures/hosts"),
           fs::copy_options::recursive);
  const Ended diff = run_program({root.at("bin/lockstep"), "diff", policy, policy}, {});
  EXPECT_EQ(diff.code, 0) << diff.err;
}

}  // namespace
