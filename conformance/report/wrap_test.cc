#include "conformance/report/wrap.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace lockstep::conformance::report {
namespace {

TEST(Wrap, LongLinesGoOnBelowTheirText) {
  EXPECT_EQ(wrap("skipped   553 rows: no mount namespace can be had here\n", 30),
            "skipped   553 rows: no mount\n          namespace can be had\n          here\n");
  EXPECT_EQ(wrap("a sentence without a first word of its own\nshort", 20),
            "a sentence without a\n  first word of its\n  own\nshort");
  EXPECT_EQ(wrap("short\n\n", 20), "short\n\n");
  EXPECT_EQ(wrap("", 20), "");
}

TEST(Wrap, NoWordIsBroken) {
  const std::string path = "/a/path/that/is/longer/than/any/terminal";
  EXPECT_EQ(wrap("warning   " + path + " cannot be opened", 20),
            "warning   " + path + "\n          cannot be\n          opened");
  EXPECT_EQ(wrap(path + path, 20), path + path);
}

TEST(Wrap, WithoutAWidthNothingIsBroken) {
  const std::string text(500, 'x');
  EXPECT_EQ(wrap(text + " " + text + "\n", 0), text + " " + text + "\n");
}

TEST(Wrap, ColoursAndUtf8TakeTheRoomThatIsSeen) {
  const std::string colours = "\x1b[32mready\x1b[0m \x1b[33mblocked\x1b[0m";
  EXPECT_EQ(wrap(colours, 13), colours);
  EXPECT_EQ(wrap("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xb6\xc3\xb6", 8),
            "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xb6\xc3\xb6");
}

TEST(Wrap, TheWidthIsThatOfCOLUMNSWhereItIsANumber) {
  const char* before = ::getenv("COLUMNS");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("COLUMNS", "100", 1);
  EXPECT_EQ(terminal_width(), 100U);
  ::setenv("COLUMNS", "3", 1);
  EXPECT_EQ(terminal_width(), 40U);
  ::unsetenv("COLUMNS");
  const std::size_t without = terminal_width();
  for (const char* bad : {"", "0", "-1", "wide", "80x"}) {
    ::setenv("COLUMNS", bad, 1);
    EXPECT_EQ(terminal_width(), without) << bad;
  }
  before == nullptr ? ::unsetenv("COLUMNS") : ::setenv("COLUMNS", kept.c_str(), 1);
}

}  // namespace
}  // namespace lockstep::conformance::report
