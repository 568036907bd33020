#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include <lockstep/error.h>

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

TEST(Printable, EscapesWhatCannotBeSeenAndWhatTurnsTextAround) {
  EXPECT_EQ(printable("/srv/\xe2\x80\xaegpj"), "/srv/\\xe2\\x80\\xaegpj");
  for (const char* hidden :
       {"\xc2\x80",     "\xc2\x9f",     "\xc2\xa0",        "\xc2\xad",     "\xd8\x9c",     "\xe2\x80\x8b",
        "\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x80\x8e",    "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9",
        "\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa0",    "\xe2\x81\xa6", "\xe2\x81\xa9", "\xef\xb8\x8f",
        "\xef\xbb\xbf", "\xe3\x80\x80", "\xf3\xa0\x81\x81"}) {
    const std::string shown = printable(std::string("a") + hidden + "b");
    EXPECT_EQ(shown.find_first_of("\xc2\xd8\xe2\xe3\xef\xf3"), std::string::npos) << shown;
    EXPECT_EQ(shown.size(), 2 + 4 * std::string_view(hidden).size()) << shown;
  }
  for (const char* seen : {"\xc2\xa1", "\xd8\x9b", "\xe2\x80\x90", "\xe2\x80\xb0", "\xe3\x80\x81", "\xf0\x9f\x98\x80"})
    EXPECT_EQ(printable(seen), seen);
}

TEST(Printable, IsNoCommandToARunnerThatReadsTheLog) {
  EXPECT_EQ(printable("::error::x"), "\\x3a:error::x");
  EXPECT_EQ(printable("  ::stop-commands::x"), "  \\x3a:stop-commands::x");
  EXPECT_EQ(printable("/a ##[group]##vso[x]"), "/a #\\x23[group]#\\x23vso[x]");
  EXPECT_EQ(printable("###"), "#\\x23\\x23");
  EXPECT_EQ(printable("std::string, a: b #1"), "std::string, a: b #1");
}

}  // namespace
}  // namespace lockstep
