#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace lockstep {
namespace {

Result<std::unique_ptr<int>> number(bool ok) {
  if (!ok) return system_error(EACCES, "open(\"/x\", O_PATH)");
  return std::make_unique<int>(7);
}

Result<int> doubled(bool ok) {
  LOCKSTEP_ASSIGN(const std::unique_ptr<int> value, number(ok));
  return *value * 2;
}

TEST(Result, AssignBindsTheValueOrReturnsTheError) {
  ASSERT_TRUE(doubled(true).ok());
  EXPECT_EQ(*doubled(true), 14);
  const Result<int> failed = doubled(false);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().err, EACCES);
  EXPECT_EQ(failed.error().message, "open(\"/x\", O_PATH): Permission denied (EACCES)");
}

TEST(Error, ExitCodesAreTheDocumentedOnes) {
  EXPECT_EQ(input_error("p.yaml", 3, "x").exit_code(), 2);
  EXPECT_EQ(unsupported_error(0, "x").exit_code(), 3);
  EXPECT_EQ(internal_error("x").exit_code(), 4);
}

TEST(Error, ToStringNamesFileAndLineWhereThereAreAny) {
  EXPECT_EQ(input_error("p.yaml", 3, "no").to_string(), "p.yaml:3: no");
  EXPECT_EQ(input_error("p.yaml", 0, "no").to_string(), "p.yaml: no");
  EXPECT_EQ(internal_error("no").to_string(), "no");
  EXPECT_EQ(input_error("a\nb", 0, "no").to_string(), "a\\x0ab: no");
}

TEST(Errno, NamesRoundTrip) {
  for (int err = 1; err < 134; ++err) {
    const std::string name = errno_name(err);
    if (name.rfind("errno ", 0) == 0) continue;
    EXPECT_EQ(errno_from_name(name), err) << name;
  }
  EXPECT_EQ(errno_name(EXDEV), "EXDEV");
  EXPECT_EQ(errno_name(4242), "errno 4242");
  EXPECT_EQ(errno_from_name("allow"), 0);
  EXPECT_FALSE(errno_from_name("eacces").has_value());
}

TEST(Utf8, AcceptsTheShortestFormsAndNothingElse) {
  for (const char* good : {"", "abc", "\xc2\x80", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_valid_utf8(good)) << printable(good);
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "a\xc2"})
    EXPECT_FALSE(is_valid_utf8(bad)) << printable(bad);
}

TEST(Printable, EscapesWhatATerminalActsOnAndStaysDistinct) {
  EXPECT_EQ(printable("/usr/\xe2\x82\xac"), "/usr/\xe2\x82\xac");
  EXPECT_EQ(printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
  EXPECT_EQ(printable("\xff\xc2\x9b"), "\\xff\\xc2\\x9b");
  EXPECT_NE(printable("\\x0a"), printable("\n"));
}

}  // namespace
}  // namespace lockstep
