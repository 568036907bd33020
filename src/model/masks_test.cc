#include <gtest/gtest.h>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "model/model.h"

namespace lockstep::model {
namespace {

TEST(ModelMasks, AgreeWithTheLibrarysTableForEveryAbi) {
  for (const AbiInfo& info : abi_table()) EXPECT_EQ(rights_of_abi(info.abi).bits(), info.fs.bits()) << info.abi;
  for (const AbiInfo& info : abi_table()) {
    EXPECT_EQ(net_rights_of_abi(info.abi).bits(), info.net.bits()) << info.abi;
    EXPECT_EQ(scopes_of_abi(info.abi).bits(), info.scope.bits()) << info.abi;
  }
  EXPECT_EQ(abi_table().back().abi, newest_abi);
}

TEST(ModelMasks, AgreeOnWhatAFileRuleMayHold) {
  EXPECT_EQ(rights_on_files().bits(), access_on_files.bits());
}

TEST(ModelMasks, AgreeOnWhatTheWordsOfAPolicyMean) {
  for (const AbiInfo& info : abi_table())
    for (const Access access : {Access::read_only, Access::read_write, Access::grant})
      for (int bit = -1; bit < right_count; ++bit) {  // of a grant: all rights but one
        EffectiveRule rule;
        rule.access = access;
        rule.granted = abi_info(newest_abi)->fs;
        if (bit >= 0) rule.granted = rule.granted - static_cast<Right>(bit);
        EXPECT_EQ(rights_of_rule(access, rule.granted, info.abi), rule.rights(info.fs)) << info.abi << name(access);
      }
}

TEST(ModelMasks, NoAbiMeansNoRights) {
  EXPECT_TRUE(rights_of_abi(0).empty());
  EXPECT_TRUE(rights_of_abi(-1).empty());
  EXPECT_TRUE(rights_of_rule(Access::read_write, {}, 0).empty());
}

}  // namespace
}  // namespace lockstep::model
