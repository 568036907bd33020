// The proof itself: that it finds what is wrong with a diff, and what it says of ours.
#include "conformance/prove/prove.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "testing/temporary_directory.h"

namespace lockstep::conformance::prove {
namespace {

// A host that cannot run it is a skip, any other error a failure.
#define LOCKSTEP_NEED(result)                                                                                      \
  if (!(result).ok() && (result).error().kind == ErrorKind::unsupported) GTEST_SKIP() << (result).error().message; \
  ASSERT_TRUE((result).ok()) << (result).error().to_string()

TEST(Proof, AHundredPairsHoldOnTheKernel) {
  const Result<Report> report = prove({.seed = 2026, .pairs = 100, .faults = 100});
  LOCKSTEP_NEED(report);
  for (const Found& each : report->found)
    ADD_FAILURE() << name(each.fault) << ": " << each.words << "\n" << each.text << each.json;
  EXPECT_EQ(report->pairs, 100U);
  // A run shows something where everything came up, and more was seen than could not be.
  for (const diff::Class kind :
       {diff::Class::equivalent, diff::Class::narrowing, diff::Class::widening, diff::Class::both})
    EXPECT_GT(report->observed[static_cast<std::size_t>(kind)], 0U) << diff::name(kind);
  for (std::size_t i = 0; i < change_count; ++i) EXPECT_GT(report->changes[i], 0U) << name(static_cast<Change>(i));
  std::uint64_t unseen = 0;
  for (const auto& [why, count] : report->unseen) unseen += count;
  EXPECT_GT(report->confirmed, unseen);
  EXPECT_GT(report->attempts, 50'000U);
  RecordProperty("confirmed", static_cast<int>(report->confirmed));
  RecordProperty("unseen", static_cast<int>(unseen));
}

TEST(Proof, AWorkerThatIsStoppedIsSaidAndEnded) {
  Lie stops = all_lies()[0];
  stops.answer = [](Policies /*pair*/) -> Result<diff::Diff> {
    ::raise(SIGSTOP);
    return internal_error("it went on");
  };
  const Result<Report> report = prove({.pairs = 1, .workers = 1, .pair_seconds = 2, .lie = &stops});
  if (!report.ok() && report.error().kind == ErrorKind::unsupported) GTEST_SKIP() << report.error().message;
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("end of a pair within 2 s"), std::string::npos) << report.error().message;
}

class PlantedLie : public ::testing::TestWithParam<Lie> {};

TEST_P(PlantedLie, IsFoundWithinItsBoundAndReplays) {
  const Lie& lie = GetParam();
  const Result<KernelLandlock> kernel = query_kernel();
  LOCKSTEP_NEED(kernel);
  if (kernel->abi < lie.first_abi) GTEST_SKIP() << "needs Landlock ABI " << lie.first_abi;
  const Result<Report> report = prove({.seed = 1, .pairs = 600, .lie = &lie});
  LOCKSTEP_NEED(report);
  ASSERT_FALSE(report->found.empty()) << lie.what << ": not found in " << report->pairs << " pairs";
  RecordProperty("pairs", static_cast<int>(report->pairs));

  // What is printed is a pair: under the lie the same is wrong with it.
  const testing::TemporaryDirectory dir;
  const Result<fuzz::FuzzCase> pair = fuzz::read_fuzz_case(dir.write("pair.json", report->found[0].json));
  ASSERT_TRUE(pair.ok()) << pair.error().to_string();
  const Result<Replayed> again = replay(*pair, &lie);
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_EQ(again->found.fault, report->found[0].fault) << again->found.words;
  const Result<Replayed> truth = replay(*pair, nullptr);
  ASSERT_TRUE(truth.ok()) << truth.error().to_string();
  EXPECT_EQ(truth->found.fault, Fault::none) << truth->found.words;
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedLie, ::testing::ValuesIn(all_lies().begin(), all_lies().end()),
                         [](const auto& each) {
                           std::string out(each.param.name);
                           std::erase(out, '-');
                           return out;
                         });

// The exit code, and nothing on a terminal.
int exit_of(const std::string& arguments) {
  const int status = std::system((std::string(LOCKSTEP_PROVE_DIFF) + " " + arguments + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ProveDiff, WhatCannotBeSaidIsExitFour) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no-dev-full";
  for (const char* program : {LOCKSTEP_PROVE_DIFF " --list-lies", LOCKSTEP_FUZZ " --list-faults"}) {
    const int status = std::system((std::string(program) + " >/dev/full 2>&1").c_str());
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 4) << program << " " << status;
  }
}

TEST(ProveDiff, SaysWhatIsWrongWithItsArguments) {
  EXPECT_EQ(exit_of("--help"), 0);
  EXPECT_EQ(exit_of("--list-lies"), 0);
  for (const char* wrong :
       {"--pairs 0", "--pairs x", "--pairs", "--seed -1", "--lie nobody", "--replay /none.json", "more"})
    EXPECT_EQ(exit_of(wrong), 2) << wrong;
}

}  // namespace
}  // namespace lockstep::conformance::prove
