#include "conformance/report/progress.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lockstep::conformance {
namespace {

// Steps of `pause` seconds each on a clock of its own.
std::string said(bool terminal, int steps, double pause) {
  std::string out;
  double now = 100;
  {
    Progress progress(static_cast<std::size_t>(steps), "rows", {terminal, [&] { return now; }, [&](const std::string& text) { out += text; }});
    for (int i = 0; i < steps; ++i) {
      now += pause;
      progress.step();
    }
  }
  return out;
}

TEST(Progress, ALogHasALineNowAndThen) {
  EXPECT_EQ(said(false, 3, 1), "lockstep-conformance: 0 of 3 rows\n");
  EXPECT_EQ(said(false, 50, 0.5), "lockstep-conformance: 0 of 50 rows\nlockstep-conformance: 20 of 50 rows, 10 s\nlockstep-conformance: 40 of 50 rows, 20 s\n");
  EXPECT_EQ(said(false, 2, 60), "lockstep-conformance: 0 of 2 rows\nlockstep-conformance: 1 of 2 rows, 60 s\n");
  EXPECT_EQ(said(false, 0, 1), "");
}

TEST(Progress, ATerminalHasOneLineWhichIsWiped) {
  EXPECT_EQ(said(true, 3, 1), "\r0 of 3 rows\x1b[K\r1 of 3 rows, 1 s\x1b[K\r2 of 3 rows, 2 s\x1b[K\r\x1b[K");
  const std::string fast = said(true, 1000, 0.001);
  EXPECT_LE(std::count(fast.begin(), fast.end(), '\r'), 12) << "at most ten times a second";
}

}  // namespace
}  // namespace lockstep::conformance
