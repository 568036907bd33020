// Changes of policy that a diff once let pass: the kernel shows what each opens, and a diff that says nothing
// of it is found out.
#include <gtest/gtest.h>

#include <lockstep/rights.h>

#include "conformance/prove/prove.h"

namespace lockstep::conformance::prove {
namespace {

using fuzz::Item;
using fuzz::ItemKind;
using fuzz::PolicySpec;

struct Reported {
  const char* name;
  std::vector<Item> items;
  PolicySpec before, after;
};

constexpr AccessSet with_refer =
    Right::refer | Right::make_reg | AccessSet(Right::remove_file) | Right::read_file | Right::write_file;

const std::vector<Reported>& reported() {
  const Item out{ItemKind::dir, "out", {}, {}, {}}, secret{ItemKind::dir, "secret", {}, {}, {}};
  static const std::vector<Reported> all = {
      {"ProcGrantedAndARootByWayOfIt",
       {out},
       {.read_only = {"/proc"}},
       {.read_only = {"/proc", "/proc/self/root/proc/self/root"}}},
      {"AnEntryThatIsALinkOutIsWritableNow",
       {out, secret, {ItemKind::symlink, "out/link", "/tmp/r/secret", {}, {}}},
       {.read_only = {"out/link"}, .read_write = {"out"}},
       {.read_write = {"out", "out/link"}}},
      {"ANewLinkByWayOfProcfs",
       {out, secret, {ItemKind::symlink, "out/link", "/tmp/r/secret", {}, {}}},
       {.read_write = {"out"}},
       {.read_write = {"out", "/proc/self/root/tmp/r/out/link"}}},
      {"ANewBindMountOfWhatIsOutside",
       {out, secret, {ItemKind::bind, "out/bind", "secret", {}, {}}},
       {.read_write = {"out"}},
       {.read_write = {"out", "out/bind"}}},
      {"ANewHardLinkToWhatIsOutside",
       {out, secret, {ItemKind::file, "secret/f", {}, {}, {}}, {ItemKind::link, "out/h", "secret/f", {}, {}}},
       {.read_write = {"out"}},
       {.read_write = {"out", "out/h"}}},
      {"AChainOfLinks",
       {out,
        secret,
        {ItemKind::symlink, "out/one", "two", {}, {}},
        {ItemKind::symlink, "out/two", "/proc/self/root/tmp/r/secret", {}, {}}},
       {.read_write = {"out"}},
       {.read_write = {"out", "out/one"}}},
      {"WhatADescriptorLeadsTo", {out}, {.read_only = {"/proc"}}, {.read_only = {"/proc", "/proc/self/fd/99"}}},
      {"ExecuteTakenFromTheDestinationOfALink",
       {out, secret, {ItemKind::dir, "work", {}, {}, {}}},
       {.read_only = {}, .grants = {{"work", with_refer}, {"out", with_refer | Right::execute}}},
       {.read_only = {}, .grants = {{"work", with_refer}, {"out", with_refer}}}},
  };
  return all;
}

// Of a policy that is refused here: it allowed nothing, and the other runs.
TEST(RefusedChange, AMissingWorkDirectoryUnderHardRequirement) {
  fuzz::FuzzCase pair;
  pair.plan_abi = 1;
  pair.items = {{ItemKind::dir, "out", {}, {}, {}}};
  pair.layers.resize(2);
  pair.layers[0].policy = PolicySpec{.read_write = {"out"}, .workdir = "none", .hard = true};
  pair.layers[1].policy = PolicySpec{.read_write = {"out"}, .hard = true};
  const Result<Replayed> seen = replay(pair, nullptr);
  if (!seen.ok() && seen.error().kind == ErrorKind::unsupported) GTEST_SKIP() << seen.error().message;
  ASSERT_TRUE(seen.ok()) << seen.error().to_string();
  EXPECT_EQ(seen->observed, diff::Class::weakening);
  EXPECT_EQ(seen->found.fault, Fault::none) << seen->found.words;
}

class ReportedChange : public ::testing::TestWithParam<Reported> {
 protected:
  static fuzz::FuzzCase pair() {
    fuzz::FuzzCase out;
    out.plan_abi = 7;
    out.items = GetParam().items;
    out.layers.resize(2);
    out.layers[0].policy = GetParam().before;
    out.layers[1].policy = GetParam().after;
    return out;
  }
};

TEST_P(ReportedChange, IsSeenToWidenOnTheKernelAndADiffThatIsSilentIsFound) {
  const Result<Replayed> seen = replay(pair(), find_lie("silent"));
  if (!seen.ok() && seen.error().kind == ErrorKind::unsupported) GTEST_SKIP() << seen.error().message;
  ASSERT_TRUE(seen.ok()) << seen.error().to_string();
  EXPECT_TRUE(seen->observed == diff::Class::widening || seen->observed == diff::Class::both)
      << diff::name(seen->observed);
  EXPECT_EQ(seen->found.fault, Fault::missed_widening) << seen->found.words;
}

INSTANTIATE_TEST_SUITE_P(Each, ReportedChange, ::testing::ValuesIn(reported()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace lockstep::conformance::prove
