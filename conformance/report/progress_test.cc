#include "conformance/report/progress.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "testing/run_program.h"

namespace lockstep::conformance::report {
namespace {

// Steps of `pause` seconds each on a clock of its own.
std::string said(bool terminal, int steps, double pause) {
  std::string out;
  double now = 100;
  {
    Progress progress(static_cast<std::size_t>(steps), "rows",
                      {terminal, [&] { return now; }, [&](const std::string& text) { out += text; }});
    for (int i = 0; i < steps; ++i) {
      now += pause;
      progress.step();
    }
  }
  return out;
}

TEST(Progress, ALogHasALineNowAndThen) {
  EXPECT_EQ(said(false, 3, 1), "lockstep-conformance: 0 of 3 rows\n");
  EXPECT_EQ(said(false, 50, 0.5),
            "lockstep-conformance: 0 of 50 rows\nlockstep-conformance: 20 of 50 rows, 10 s\nlockstep-conformance: 40 "
            "of 50 rows, 20 s\n");
  EXPECT_EQ(said(false, 2, 60), "lockstep-conformance: 0 of 2 rows\nlockstep-conformance: 1 of 2 rows, 60 s\n");
  EXPECT_EQ(said(false, 0, 1), "");
}

TEST(Progress, ATerminalHasOneLineWhichIsWiped) {
  EXPECT_EQ(said(true, 3, 1), "\r0 of 3 rows\x1b[K\r1 of 3 rows, 1 s\x1b[K\r2 of 3 rows, 2 s\x1b[K\r\x1b[K");
  const std::string fast = said(true, 1000, 0.001);
  EXPECT_LE(std::count(fast.begin(), fast.end(), '\r'), 12) << "at most ten times a second";
}

// The scripts' build, with a stand-in for cmake.
TEST(Progress, TheBuildSaysHowFarItIsAndWhyItFailed) {
  const lockstep::testing::TemporaryDirectory dir;
  const auto build = [&dir](const std::string& cmake) {
    const std::string script = "source " LOCKSTEP_SOURCE_DIR "/scripts/common.sh; cmake() { " + cmake + "; }; build " +
                               dir.at("b") + " a-target --";
    return lockstep::testing::run_program({"/bin/bash", "-c", script}, {{"LOCKSTEP_PROGRESS=0"}, 60});
  };
  lockstep::testing::Ended ended = build("echo '[1/2] one'; echo more; echo '[2/2] two'");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "") << "it is the program's";
  EXPECT_NE(ended.err.find("Building a-target"), std::string::npos) << ended.err;
  EXPECT_NE(ended.err.find("\n  1 of 2 steps\n"), std::string::npos) << ended.err;
  EXPECT_EQ(ended.err.find("more"), std::string::npos) << ended.err;
  EXPECT_NE(dir.read("b/build.log").find("more\n"), std::string::npos);
  ended = build("echo '[1/2] one'; echo 'error: no'; return 1");
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_NE(ended.err.find("error: no\n"), std::string::npos) << ended.err;
}

}  // namespace
}  // namespace lockstep::conformance::report
