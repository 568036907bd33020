// How what the control answered and what Landlock decides are put together. Which errno comes first, the kernel is
// asked about in order_*_test.cc.
#include "conformance/judge/compose.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "conformance/wire/reply.h"

namespace lockstep::conformance::judge {
namespace {

model::Decision denial(int err) {
  model::Decision out;
  out.err = err;
  out.layer = 1;
  return out;
}

TEST(Compose, WhatLandlockAllowsIsTheControlsAnswer) {
  EXPECT_EQ(compose(Operation::open_r, Mode::plain, {0}, {}).err, 0);
  EXPECT_EQ(compose(Operation::open_r, Mode::plain, {ENXIO}, {}).err, ENXIO);
}

TEST(Compose, TheSameErrnoFromBothShowsNothing) {
  EXPECT_FALSE(compose(Operation::open_r, Mode::plain, {EACCES}, denial(EACCES)).comparable);
  EXPECT_FALSE(compose(Operation::rename, Mode::plain, {EXDEV}, denial(EXDEV)).comparable);
  EXPECT_TRUE(compose(Operation::open_r, Mode::plain, {0}, denial(EACCES)).comparable);
}

TEST(Compose, AnotherProcessesCommIsDeniedBeforeItsWriteIsInvalid) {
  EXPECT_EQ(compose(Operation::comm_open, Mode::rdwr, {EINVAL}, denial(EACCES)).err, EACCES);
  EXPECT_EQ(compose(Operation::comm_open, Mode::rdwr, {ENOENT}, denial(EACCES)).err, ENOENT);
}

TEST(Compose, ReadOnlyMountsComeFirst) {
  for (Operation operation :
       {Operation::open_w, Operation::create, Operation::unlink, Operation::mkdir, Operation::rename})
    EXPECT_EQ(compose(operation, Mode::plain, {EROFS}, denial(EACCES)).err, EROFS) << name(operation);
}

TEST(Compose, ProtectedHardLinksComeFirstButAFileSystemsRefusalLast) {
  EXPECT_EQ(compose(Operation::link, Mode::plain, {EPERM}, denial(EACCES)).err, EPERM);
  EXPECT_EQ(compose(Operation::link, Mode::plain, {EPERM, wire::errno_is_late}, denial(EACCES)).err, EACCES);
}

TEST(Compose, OnlyExecDeclaresAnErrno) {
  for (int i = 0; i < operation_count; ++i) {
    const auto operation = static_cast<Operation>(i);
    EXPECT_EQ(declared_unrestricted(operation, Mode::plain), operation == Operation::exec ? ENOEXEC : 0);
  }
}

}  // namespace
}  // namespace lockstep::conformance::judge
