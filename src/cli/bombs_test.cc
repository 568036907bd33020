// Inputs made to exhaust: each is refused with a sentence, within 64 MiB of address space and in its time.
#include <gtest/gtest.h>

#include "testing/run_program.h"

namespace lockstep::cli {
namespace {

using testing::Ended;
using testing::TemporaryDirectory;

std::string repeated(std::string_view piece) {
  constexpr std::size_t size = (4U << 20) - 64;  // the largest policy
  std::string out;
  while (out.size() + piece.size() <= size) out += piece;
  return out;
}

class Bombs : public ::testing::Test {
 protected:
  static Ended run(const std::string& command) {
    return testing::run_program({"/bin/sh", "-c", "ulimit -v 65536; exec " LOCKSTEP_CLI " " + command}, {});
  }
  static void expect_refused(const std::string& command, const std::string& says) {
    SCOPED_TRACE(command);
    const Ended ended = run(command);
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_NE(ended.err.find(says), std::string::npos) << ended.err;
  }
  void SetUp() override {
    if (run("--help").code != 0)
      GTEST_SKIP() << "this build itself needs more than 64 MiB of address space (a sanitizer does)";
  }

  TemporaryDirectory dir_;
};

TEST_F(Bombs, AreRefusedInTheMemoryOfTheirText) {
  const struct {
    const char* name;
    std::string text;
    const char* says;
  } rows[] = {
      {"open.yaml", repeated("["), "nested deeper than 64 levels"},
      {"open.json", repeated("["), "nested deeper than 64 levels"},
      {"maps.yaml", repeated("{\"a\":"), "nested deeper than 64 levels"},
      {"maps.json", repeated("{\"a\":"), "nested deeper than 64 levels"},
      {"dashes.yaml", repeated("- "), "nested deeper than 64 levels"},
      {"questions.yaml", repeated("? "), "a key must be a plain string"},
      {"colons.yaml", repeated(": "), "a key is missing"},
      {"many.yaml", "[" + repeated("1,"), "more than 125000 values"},
      {"many.json", "[" + repeated("1,"), "more than 125000 values"},
      {"lists.yaml", "[" + repeated("[],"), "more than 125000 values"},
      {"lists.json", "[" + repeated("[],"), "more than 125000 values"},
      {"lines.yaml", repeated("- a\n"), "more than 125000 values"},
      {"key.yaml", repeated("a") + ": 1\n", "a key longer than 1000 bytes"},
      {"quote.yaml", "\"" + repeated("a"), "is not closed"},
      {"anchors.yaml", repeated("- &a x\n"), "an anchor"},
      {"tags.yaml", repeated("!!str "), "a second tag"},
  };
  for (const auto& row : rows) {
    const std::string file = dir_.write(row.name, row.text);
    expect_refused("show " + file, row.says);
    expect_refused("show /dev/null --host " + file, row.says);
    expect_refused("show /dev/null --conflicts " + file, row.says);
  }
  const std::string snapshot = dir_.write("snapshot", repeated("["));
  expect_refused("diff --snapshots " + snapshot + " " + snapshot, "nested deeper than 64 levels");
}

TEST_F(Bombs, InputsWithoutAnEndAreLeftOff) {
  expect_refused("show - </dev/zero", "is larger than 4096 KiB");
  expect_refused("show /dev/zero", "is no regular file");
  const std::string sparse = dir_.write("sparse.yaml", "");
  std::filesystem::resize_file(sparse, 100U << 20);
  expect_refused("show " + sparse, "is larger than 4096 KiB");
  expect_refused("show - <" + sparse, "is larger than 4096 KiB");
  expect_refused("show - <&-", "standard input is closed");
  expect_refused("show - <" + dir_.path(), "");
}

}  // namespace
}  // namespace lockstep::cli
