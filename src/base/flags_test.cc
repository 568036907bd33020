#include "base/flags.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/complain.h"

namespace lockstep {
namespace {

using Words = std::vector<std::string>;

// "NAME=VALUE NAME WORD ..."; the error where there is one.
std::string read(const Words& words, const Words& known) {
  std::string out;
  for (FlagReader reader(words, known); reader.more();) {
    const Result<Flag> flag = reader.next();
    if (!flag.ok()) return flag.error().to_string();
    out += (out.empty() ? "" : " ") + flag->name + (flag->has_value ? "=" : "") + flag->value;
    for (const std::string& each : reader.rest()) out += " [" + each + "]";
  }
  return out;
}

TEST(FlagReader, ReadsOneGrammar) {
  const Words known = {"--seed=", "--policy=*", "--list", "--all*", "--"};
  for (const auto& [words, says] : std::vector<std::pair<Words, std::string>>{
           {{}, ""},
           {{"--seed", "1", "--list", "word"}, "--seed=1 --list word"},
           {{"--seed=a=b"}, "--seed=a=b"},
           {{"--seed="}, "--seed="},
           {{"--seed", ""}, "--seed="},
           {{"--seed", "--list"}, "--seed=--list"},
           {{"-", ""}, "- "},
           {{"-h", "--help"}, "--help --help"},
           {{"--policy", "a", "--policy=b", "--all", "--all"}, "--policy=a --policy=b --all --all"},
           {{"--list", "--", "--seed", "-x"}, "--list -- [--seed] [-x]"},
           {{"--seed"}, "--seed needs a value (see --help)"},
           {{"--seed", "1", "--seed=2"}, "--seed is given twice (see --help)"},
           {{"--list", "--list"}, "--list is given twice (see --help)"},
           {{"--list=1"}, "unknown flag --list=1: --list takes no value (see --help)"},
           {{"--help=1"}, "unknown flag --help=1: --help takes no value (see --help)"},
           {{"--lisst"}, "unknown flag --lisst; did you mean --list? (see --help)"},
           {{"-x\n"}, "unknown flag -x\\x0a (see --help)"}})
    EXPECT_EQ(read(words, known), says);
  EXPECT_EQ(read({"--"}, {"--list"}), "unknown flag -- (see --help)");
}

TEST(FlagReader, NumbersAreWholeAndWithinTheirBounds) {
  EXPECT_EQ(*read_number({"--n", "7", true}, 1, 7), 7U);
  EXPECT_EQ(*read_number({"--n", "18446744073709551615", true}, 0, UINT64_MAX), UINT64_MAX);
  for (const char* bad : {"", "0", "8", "1x", "+1", "-1", " 1", "1.5", "99999999999999999999"})
    EXPECT_EQ(read_number({"--n", bad, true}, 1, 7).error().message,
              "--n takes a number from 1 to 7, not \"" + std::string(bad) + "\" (see --help)");
  EXPECT_EQ(read_number({"--n", "x", true}, 1, UINT64_MAX, "seconds").error().message,
            "--n takes seconds from 1 on, not \"x\" (see --help)");
}

TEST(Complain, OneIsNeverTheCodeOfAnError) {
  EXPECT_EQ(exit_code_of(system_error(EIO, "read(3)")), 4);
  EXPECT_EQ(exit_code_of(input_error("", 0, "x")), 2);
  EXPECT_EQ(exit_code_of(unsupported_error(0, "x")), 3);
  EXPECT_EQ(exit_code_of(internal_error("x")), 4);
  EXPECT_EQ(exit_code_of(usage_error("x")), 2);
}

}  // namespace
}  // namespace lockstep
