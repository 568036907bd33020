// The rules of the decision, one by one, on file systems made up here.
#include "model/model.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <tuple>

#include <lockstep/rights.h>

namespace lockstep::model {
namespace {

constexpr Object root{1, 1, FileType::directory}, outer{1, 2, FileType::directory}, inner{1, 3, FileType::directory},
    other{1, 4, FileType::directory}, file{1, 5, FileType::regular}, second_file{1, 6, FileType::regular},
    device{1, 7, FileType::character}, fifo{1, 8, FileType::fifo}, listening{1, 9, FileType::socket};
constexpr AccessSet everything = AccessSet::from_bits(0x1ffff);

Walk at(std::vector<Object> objects) {
  return {std::move(objects), false, false, 0};
}
Walk name_in(std::vector<Object> parents) {
  return {std::move(parents), true, false, 0};
}
Walk file_in_inner() {
  return at({file, inner, outer, root});
}

Model one_layer(AccessSet handled, const std::vector<Rule>& rules, int abi = 11) {
  Model model({.abi = abi, .kernel_abi = 11, .errata = 0});
  model.add_layer(handled, rules);
  return model;
}

AccessSet needed(Operation operation, const Walk& walk, Mode mode = Mode::plain) {
  return one_layer(everything, {}).decide({operation, mode, &walk}).needed;
}

TEST(Model, ARuleHoldsForItsObjectAndAllBelow) {
  const Walk walk = file_in_inner();
  for (const Object& tagged : {file, inner, outer, root})
    EXPECT_EQ(one_layer(everything, {{tagged, Right::read_file}}).decide({Operation::open_r, Mode::plain, &walk}).err,
              0);
  EXPECT_EQ(one_layer(everything, {{other, Right::read_file}}).decide({Operation::open_r, Mode::plain, &walk}).err,
            EACCES);
}

TEST(Model, RightsOfRulesAlongTheWalkAddUp) {
  const Walk walk = file_in_inner();
  const Model model = one_layer(everything, {{outer, Right::read_file}, {file, Right::write_file}});
  EXPECT_EQ(model.decide({Operation::open_rw, Mode::plain, &walk}).err, 0);
}

TEST(Model, EveryLayerMustGrantAndTheFirstThatDoesNotIsNamed) {
  const Walk walk = file_in_inner();
  Model model({.abi = 11, .kernel_abi = 11, .errata = 0});
  model.add_layer(everything, {{root, Right::read_file | Right::write_file}});
  model.add_layer(everything, {{root, Right::read_file}});
  EXPECT_EQ(model.decide({Operation::open_r, Mode::plain, &walk}).err, 0);
  const Decision denied = model.decide({Operation::open_rw, Mode::plain, &walk});
  EXPECT_EQ(denied.err, EACCES);
  EXPECT_EQ(denied.layer, 2);
  EXPECT_EQ(denied.missing, AccessSet(Right::write_file));
  EXPECT_EQ(denied.rule, 0);
  EXPECT_EQ(model.describe(denied), "layer 2 lacks write_file; nearest rule rule 1");
}

TEST(Model, ALayerAllowsWhatItDoesNotHandle) {
  const Walk walk = file_in_inner();
  EXPECT_EQ(one_layer(Right::write_file, {}).decide({Operation::open_r, Mode::plain, &walk}).err, 0);
  EXPECT_EQ(one_layer(Right::write_file, {}).decide({Operation::open_rw, Mode::plain, &walk}).missing,
            AccessSet(Right::write_file));
}

TEST(Model, NoLayerThatHandlesFilesRestrictsNothing) {
  const Walk walk = file_in_inner(), to = name_in({other, root});
  const Model model = one_layer({}, {});
  EXPECT_EQ(model.decide({Operation::open_rw, Mode::plain, &walk}).err, 0);
  EXPECT_EQ(model.decide({Operation::rename, Mode::plain, &walk, &to}).err, 0);
}

TEST(Model, OpeningAsksForWhatTheKindOfObjectHas) {
  EXPECT_EQ(needed(Operation::open_r, at({file, root})), AccessSet(Right::read_file));
  EXPECT_EQ(needed(Operation::open_r, at({inner, root})), AccessSet(Right::read_dir));
  EXPECT_EQ(needed(Operation::opendir, at({inner, root})), AccessSet(Right::read_dir));
  EXPECT_EQ(needed(Operation::open_r, at({device, root})), AccessSet(Right::read_file));
  EXPECT_EQ(needed(Operation::open_rw, at({fifo, root})), Right::read_file | Right::write_file);
}

TEST(Model, TruncatingAtOpenIsOnlyAskedOfRegularFiles) {
  EXPECT_EQ(needed(Operation::open_trunc, at({file, root})), Right::write_file | Right::truncate);
  EXPECT_EQ(needed(Operation::open_trunc, at({device, root})), AccessSet(Right::write_file));
  EXPECT_EQ(needed(Operation::truncate, at({file, root})), AccessSet(Right::truncate));
  EXPECT_EQ(needed(Operation::ftruncate, at({file, root})), Right::write_file | Right::truncate);
}

TEST(Model, IoctlIsOnlyAskedOfDevices) {
  EXPECT_EQ(needed(Operation::ioctl, at({device, root})), Right::read_file | Right::write_file | Right::ioctl_dev);
  EXPECT_EQ(needed(Operation::ioctl, at({file, root})), Right::read_file | Right::write_file);
}

TEST(Model, ExecutingNeedsReadingToo) {
  EXPECT_EQ(needed(Operation::exec, at({file, root})), Right::execute | Right::read_file);
}

TEST(Model, ConnectingAsksOfTheSocketFromAbi9On) {
  const Walk walk = at({listening, root});
  EXPECT_EQ(needed(Operation::connect_unix, walk), AccessSet(Right::resolve_unix));
  EXPECT_EQ(one_layer(rights_of_abi(8), {}).decide({Operation::connect_unix, Mode::plain, &walk}).err, 0);
  EXPECT_EQ(one_layer(rights_of_abi(9), {}).decide({Operation::connect_unix, Mode::plain, &walk}).err, EACCES);
}

TEST(Model, NamesAreAskedOfTheDirectoryThatHoldsThem) {
  const Walk fresh = name_in({inner, root});
  const std::vector<std::pair<Operation, AccessSet>> made = {{Operation::create, Right::make_reg | Right::write_file},
                                                             {Operation::mkdir, Right::make_dir},
                                                             {Operation::mkfifo, Right::make_fifo},
                                                             {Operation::mknod_chr, Right::make_char},
                                                             {Operation::mknod_blk, Right::make_block},
                                                             {Operation::mksock, Right::make_sock},
                                                             {Operation::symlink, Right::make_sym}};
  for (const auto& [operation, rights] : made) {
    EXPECT_EQ(needed(operation, fresh), rights) << name(operation);
    EXPECT_TRUE(needed(operation, file_in_inner()).empty()) << "EEXIST comes first: " << name(operation);
    EXPECT_EQ(one_layer(everything, {{inner, rights}}).decide({operation, Mode::plain, &fresh}).err, 0);
  }
  const Walk walk = file_in_inner();
  EXPECT_EQ(one_layer(everything, {{file, Right::remove_file}}).decide({Operation::unlink, Mode::plain, &walk}).err,
            EACCES);
  EXPECT_EQ(one_layer(everything, {{inner, Right::remove_file}}).decide({Operation::unlink, Mode::plain, &walk}).err,
            0);
  EXPECT_EQ(needed(Operation::rmdir, walk), AccessSet(Right::remove_dir));
}

TEST(Model, AnUnnamedFileNeedsNoRightToMakeIt) {
  EXPECT_EQ(needed(Operation::tmpfile, at({inner, root})), AccessSet(Right::write_file));
}

TEST(Model, SomeOperationsHaveNoHook) {
  for (Operation operation : {Operation::open_path, Operation::stat, Operation::chmod, Operation::readlink})
    EXPECT_TRUE(needed(operation, file_in_inner()).empty()) << name(operation);
}

TEST(Model, ADescriptorFromBeforeIsOnlyAskedAboutWhenItIsOpenedAnew) {
  EXPECT_TRUE(needed(Operation::ftruncate, file_in_inner(), Mode::before).empty());
  EXPECT_TRUE(needed(Operation::ioctl, at({device, root}), Mode::before).empty());
  EXPECT_EQ(needed(Operation::reopen_fd, file_in_inner(), Mode::before), AccessSet(Right::read_file));
}

TEST(Model, NamingAThreadAsksByTheKindOfOpen) {
  EXPECT_EQ(needed(Operation::comm_open, file_in_inner(), Mode::rdwr), Right::read_file | Right::write_file);
  EXPECT_EQ(needed(Operation::comm_open, file_in_inner(), Mode::setname), Right::read_file | Right::write_file);
  EXPECT_EQ(needed(Operation::comm_open, file_in_inner(), Mode::wronly), AccessSet(Right::write_file));
  EXPECT_EQ(needed(Operation::comm_open, file_in_inner(), Mode::trunc), Right::write_file | Right::truncate);
  EXPECT_TRUE(needed(Operation::comm_open, file_in_inner(), Mode::prctl).empty());
}

TEST(Model, ObjectsOfTheKernelsOwnMountsAndPathsThatLeadNowhereAreNotAsked) {
  Walk exempt;
  exempt.exempt = true;
  EXPECT_TRUE(needed(Operation::open_r, exempt).empty());
  EXPECT_TRUE(needed(Operation::open_r, name_in({inner, root})).empty());
  Walk broken = file_in_inner();
  broken.error = ENOTDIR;
  EXPECT_TRUE(needed(Operation::open_r, broken).empty());
}

TEST(Model, AWhiteoutIsARegularFileSinceErratum4) {
  const Walk fresh = name_in({inner, root}), from = file_in_inner(), to = name_in({other, root});
  for (const auto& [errata, made, left] : {std::tuple{0x8U, Right::make_reg, AccessSet(Right::make_reg)},
                                           std::tuple{0x7U, Right::make_char, AccessSet()}}) {
    Model model({.abi = 11, .kernel_abi = 11, .errata = errata});
    model.add_layer(everything, {{other, everything}, {inner, Right::refer | Right::remove_file}});
    EXPECT_EQ(model.decide({Operation::mknod_chr, Mode::whiteout, &fresh}).missing, AccessSet(made));
    const Decision moved = model.decide({Operation::rename, Mode::whiteout, &from, &to});
    EXPECT_EQ(moved.err, left.empty() ? EXDEV : EACCES);  // EXDEV: the file would gain
    EXPECT_EQ(moved.missing & left, left);
  }
}

TEST(Model, ADisconnectedDirectoryIsWalkedOnBothSidesSinceErratum3) {
  Walk walk = at({file, inner, root, outer, other});  // on the file system up to its root; the mount and what is above
  walk.mount_side = 3;
  for (const unsigned errata : {0x0U, 0x4U}) {
    for (const auto& [tagged, own_side] :
         {std::pair{inner, true}, std::pair{root, true}, std::pair{outer, false}, std::pair{other, false}}) {
      Model model({.abi = 11, .kernel_abi = 11, .errata = errata});
      model.add_layer(everything, {{tagged, Right::read_file}});
      EXPECT_EQ(model.decide({Operation::open_r, Mode::plain, &walk}).err, own_side || errata != 0 ? 0 : EACCES);
    }
  }
}

TEST(Model, ARuleOnTheRootOfAMountIsNotTheMountPointsOwn) {
  Object mounted = inner;
  const Walk to = name_in({other, root});
  for (const bool mount_root : {false, true}) {
    mounted.mount_root = mount_root;
    const Walk from = at({mounted, outer, root});
    const Model model =
        one_layer(Right::refer | Right::make_dir | Right::read_file,
                  {{root, Right::refer | Right::make_dir}, {inner, Right::read_file}, {other, Right::read_file}});
    EXPECT_EQ(model.decide({Operation::rename, Mode::plain, &from, &to}).err, mount_root ? EXDEV : 0);
  }
}

TEST(Model, TheRootHasNoNameToRemoveOrMove) {
  const Walk top = at({root}), to = name_in({inner, root});
  EXPECT_EQ(one_layer(everything, {}).decide({Operation::rename, Mode::plain, &top, &to}).err, 0);
}

class ModelMove : public ::testing::Test {
 protected:
  Decision decide(Operation operation, const std::vector<Rule>& rules, AccessSet handled = everything) {
    return one_layer(handled, rules).decide({operation, Mode::plain, &from_, &to_});
  }
  static constexpr AccessSet base = Right::refer | Right::remove_file | Right::make_reg | Right::read_file;
  Walk from_ = at({file, inner, root});
  Walk to_ = name_in({other, root});
};

TEST_F(ModelMove, WithinADirectoryNeedsNoRefer) {
  to_ = name_in({inner, root});
  EXPECT_EQ(decide(Operation::rename, {{inner, Right::remove_file | Right::make_reg}}).err, 0);
  EXPECT_EQ(decide(Operation::rename, {{inner, AccessSet(Right::make_reg)}}).err, EACCES);
  EXPECT_EQ(decide(Operation::link, {{inner, AccessSet(Right::make_reg)}}).err, 0);
}

TEST_F(ModelMove, NeedsReferOnBothSides) {
  EXPECT_EQ(decide(Operation::rename, {{inner, base}, {other, base}}).err, 0);
  for (const Object& lacks : {inner, other}) {
    const Object& has = lacks == inner ? other : inner;
    const Decision denied = decide(Operation::rename, {{lacks, base - Right::refer}, {has, base}});
    EXPECT_EQ(denied.err, EXDEV);
    EXPECT_EQ(denied.missing, AccessSet(Right::refer));
  }
}

TEST_F(ModelMove, AMissingRightIsEaccesWhateverReferSays) {
  EXPECT_EQ(decide(Operation::rename, {{inner, base - Right::refer}, {other, base - Right::make_reg}}).err, EACCES);
  EXPECT_EQ(decide(Operation::rename, {{inner, base - Right::remove_file}, {other, base}}).err, EACCES);
  EXPECT_EQ(decide(Operation::link, {{inner, base - Right::remove_file}, {other, base}}).err, 0);
}

TEST_F(ModelMove, ReplacingNeedsTheRightToRemoveTheOther) {
  to_ = at({second_file, other, root});
  EXPECT_EQ(decide(Operation::rename, {{inner, base}, {other, base}}).err, 0);
  EXPECT_EQ(decide(Operation::rename, {{inner, base}, {other, base - Right::remove_file}}).err, EACCES);
  EXPECT_EQ(decide(Operation::link, {{inner, base}}).err, 0) << "EEXIST comes first";
}

TEST_F(ModelMove, ExchangingNeedsBothKindsOnBothSides) {
  to_ = at({inner, other, root});
  from_ = at({file, outer, root});
  const AccessSet both = base | Right::make_dir | Right::remove_dir;
  EXPECT_EQ(decide(Operation::exchange, {{outer, both}, {other, both}}).err, 0);
  EXPECT_EQ(decide(Operation::exchange, {{outer, both - Right::make_dir}, {other, both}}).err, EACCES);
  EXPECT_EQ(decide(Operation::exchange, {{outer, both}, {other, both - Right::remove_dir}}).err, EACCES);
}

TEST_F(ModelMove, TheObjectMayNotGainARight) {
  const Decision denied = decide(Operation::rename, {{inner, base}, {other, base | Right::execute}});
  EXPECT_EQ(denied.err, EXDEV);
  EXPECT_TRUE(denied.gain);
  EXPECT_EQ(denied.missing, AccessSet(Right::execute));
  EXPECT_EQ(decide(Operation::rename, {{inner, base | Right::execute}, {other, base}}).err, 0);
}

TEST_F(ModelMove, ARightOfItsOwnIsNoGainAndAFileHasNoUseForThoseOfDirectories) {
  EXPECT_EQ(decide(Operation::rename, {{inner, base}, {other, base | Right::execute}, {file, Right::execute}}).err, 0);
  EXPECT_EQ(decide(Operation::rename, {{inner, base}, {other, base | Right::make_sym}}).err, 0);
  from_.objects[0] = outer;
  const AccessSet directories = base | Right::remove_dir | Right::make_dir;
  EXPECT_EQ(decide(Operation::rename, {{inner, directories}, {other, directories | Right::make_sym}}).err, EXDEV);
}

TEST_F(ModelMove, AnExchangeMayNotGainForTheOtherEither) {
  to_ = at({second_file, other, root});
  EXPECT_EQ(decide(Operation::exchange, {{inner, base | Right::execute}, {other, base}}).err, EXDEV);
}

TEST_F(ModelMove, ALayerThatDoesNotHandleReferDeniesItAllTheSame) {
  EXPECT_EQ(decide(Operation::rename, {}, Right::read_file).err, EXDEV);
  Model model = one_layer(everything, {{root, everything}});
  EXPECT_EQ(model.decide({Operation::rename, Mode::plain, &from_, &to_}).err, 0);
  model.add_layer(AccessSet(), std::vector<Rule>());  // the network alone
  const Decision denied = model.decide({Operation::rename, Mode::plain, &from_, &to_});
  EXPECT_EQ(denied.err, EXDEV);
  EXPECT_EQ(denied.layer, 2);
}

TEST_F(ModelMove, EaccesOfOneLayerWinsOverExdevOfAnother) {
  Model model = one_layer(everything, {{root, everything - Right::refer}});
  model.add_layer(everything, {{root, AccessSet(Right::refer)}});
  const Decision denied = model.decide({Operation::rename, Mode::plain, &from_, &to_});
  EXPECT_EQ(denied.err, EACCES);
  EXPECT_EQ(denied.layer, 2);
}

TEST_F(ModelMove, OnlyAKernelOfAbi1SaysExdevFirst) {
  for (int kernel : {1, 7}) {
    Model model({.abi = 1, .kernel_abi = kernel, .errata = 0});
    model.add_layer(rights_of_abi(1), {});
    EXPECT_EQ(model.decide({Operation::rename, Mode::plain, &from_, &to_}).err, kernel == 1 ? EXDEV : EACCES);
  }
  Model granted({.abi = 1, .kernel_abi = 7, .errata = 0});
  granted.add_layer(rights_of_abi(1), {{root, rights_of_abi(1)}});
  EXPECT_EQ(granted.decide({Operation::rename, Mode::plain, &from_, &to_}).err, EXDEV);
}

TEST_F(ModelMove, ARuleOnTheRootTakesNoPartInTheComparisonOnAnotherMount) {
  Object mounted = outer;
  mounted.mount_root = true;
  const std::vector<Rule> rules = {{root, Right::execute}, {inner, base}, {other, base | Right::execute}};
  from_ = at({file, inner, outer, root});
  to_ = name_in({other, outer, root});
  EXPECT_EQ(decide(Operation::rename, rules).err, 0);
  from_ = at({file, inner, mounted, root});
  to_ = name_in({other, mounted, root});
  EXPECT_EQ(decide(Operation::rename, rules).err, EXDEV);
}

EffectivePolicy policy_of(Access access, AccessSet granted = {}) {
  EffectiveRule rule;
  rule.path = "/x";
  rule.access = access;
  rule.granted = granted;
  rule.line = 7;
  EffectivePolicy effective;
  effective.rules = {{}, rule};
  effective.rules[0].path = "/missing";
  return effective;
}

TEST(ModelLayer, IsCutToWhatAFileRuleMayHold) {
  const Walk walk = file_in_inner();
  Model model({.abi = 7, .kernel_abi = 7, .errata = 0});
  model.add_layer(policy_of(Access::read_write), {name_in({root}), walk});
  EXPECT_EQ(model.decide({Operation::open_rw, Mode::plain, &walk}).err, 0);
  Model none({.abi = 7, .kernel_abi = 7, .errata = 0});
  none.add_layer(policy_of(Access::grant, Right::make_reg), {name_in({root}), walk});
  const Decision denied = none.decide({Operation::open_r, Mode::plain, &walk});
  EXPECT_EQ(denied.rule, -1) << "no right is left, so there is no rule";
  EXPECT_EQ(none.describe(denied), "layer 1 lacks read_file; no rule covers it");
}

TEST(ModelLayer, NamesTheRuleByItsPlaceInThePolicy) {
  const Walk walk = file_in_inner();
  Model model({.abi = 7, .kernel_abi = 7, .errata = 0});
  model.add_layer(policy_of(Access::read_only), {name_in({root}), at({inner, root})});
  const Decision denied = model.decide({Operation::open_w, Mode::plain, &walk});
  EXPECT_EQ(denied.rule, 1);
  EXPECT_EQ(model.describe(denied), "layer 1 lacks write_file; nearest rule /x (read_only, line 7)");
  const Query reads = {Operation::open_r, Mode::plain, &walk};
  EXPECT_EQ(model.describe(model.decide(reads)), "allowed: read_file");
  EXPECT_EQ(model.granted_by(reads, model.decide(reads)), "read_file granted by /x (read_only, line 7)");
}

TEST(ModelLayer, NamesEachRuleThatGrantsAndNoOther) {
  const Walk walk = file_in_inner();
  EffectivePolicy policy;
  const auto add = [&](const char* path, Access access, AccessSet granted, int line) {
    EffectiveRule rule;
    rule.path = path;
    rule.access = access;
    rule.granted = granted;
    rule.line = line;
    policy.rules.push_back(rule);
  };
  add("/a", Access::read_write, {}, 4);
  add("/a/b", Access::read_only, {}, 5);
  add("/a/b", Access::grant, Right::ioctl_dev, 9);
  Model model({.abi = 7, .kernel_abi = 7, .errata = 0});
  model.add_layer(policy, {at({inner, root}), walk, walk});
  const Query writes = {Operation::open_w, Mode::plain, &walk};
  EXPECT_EQ(model.granted_by(writes, model.decide(writes)), "write_file granted by /a (read_write, line 4)");
  const Query both = {Operation::open_rw, Mode::plain, &walk};
  EXPECT_EQ(model.granted_by(both, model.decide(both)),
            "write_file granted by /a (read_write, line 4); read_file granted by /a/b (read_only, line 5) and /a "
            "(read_write, line 4)");
}

TEST(ModelLayer, AProgramNeedsItsLoaderToBeAllowedToo) {
  const Walk program = file_in_inner();
  const std::vector<Walk> loaders = {at({{1, 77, FileType::regular}, root})};
  Model model({.abi = 7, .kernel_abi = 7, .errata = 0});
  model.add_layer(policy_of(Access::read_only), {name_in({root}), at({inner, root})});
  Query runs = {Operation::exec, Mode::plain, &program};
  EXPECT_EQ(model.decide(runs).err, 0);
  runs.loaders = &loaders;
  const Decision denied = model.decide(runs);
  EXPECT_EQ(denied.err, EACCES);
  EXPECT_EQ(denied.loader, 0);
  EXPECT_EQ(denied.missing, Right::execute | Right::read_file);
  const std::vector<Walk> granted = {at({{1, 77, FileType::regular}, inner, root})};
  runs.loaders = &granted;
  EXPECT_EQ(model.decide(runs).err, 0);
}

TEST(ModelLayer, AWalkWithAnErrorIsNoRule) {
  Walk broken = file_in_inner();
  broken.error = ESTALE;
  const Walk walk = file_in_inner();
  Model model({.abi = 7, .kernel_abi = 7, .errata = 0});
  model.add_layer(policy_of(Access::read_only), {name_in({root}), broken});
  EXPECT_EQ(model.decide({Operation::open_r, Mode::plain, &walk}).err, EACCES);
}

}  // namespace
}  // namespace lockstep::model
