#include <gtest/gtest.h>

#include <lockstep/abi.h>

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

TEST(ModelMasks, NoAbiMeansNoRights) {
  EXPECT_TRUE(rights_of_abi(0).empty());
  EXPECT_TRUE(rights_of_abi(-1).empty());
}

}  // namespace
}  // namespace lockstep::model
