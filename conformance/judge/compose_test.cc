// What comes before Landlock and what after, asked of the running kernel: each situation is tried free and
// with everything denied, and the composition of the two halves must be what the kernel answered.
#include "conformance/judge/compose.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "base/result.h"
#include "conformance/probes/testing.h"
#include "model/read_walk.h"

namespace lockstep::conformance {
namespace {

using testing::in_child;
using testing::restrict_to;
using testing::Scratch;
using testing::SharedSlot;

struct Situation {
  const char* name;
  Operation operation;
  const char* first;  // below the scratch directory, unless absolute
  const char* second;
  int control;
  int denied;
};

// "loop", "fifo" and so on are made by Kernel::SetUp.
const Situation situations[] = {
    {"OpenMissing", Operation::open_r, "missing", "", ENOENT, ENOENT},
    {"OpenBelowAFile", Operation::open_r, "file/x", "", ENOTDIR, ENOTDIR},
    {"OpenALoop", Operation::open_r, "loop", "", ELOOP, ELOOP},
    {"OpenADirectoryToWrite", Operation::open_w, "dir", "", EISDIR, EISDIR},
    {"OpendirAFile", Operation::opendir, "file", "", ENOTDIR, ENOTDIR},
    {"OpenAFifoWithoutAReader", Operation::open_w, "fifo", "", ENXIO, EACCES},
    {"OpenASocket", Operation::open_r, "socket", "", ENXIO, EACCES},
    {"ReopenASocket", Operation::reopen_fd, "socket", "", ENXIO, EACCES},
    {"OpenADeviceWithoutADriver", Operation::open_r, "device", "", ENXIO, EACCES},
    {"OpenARunningProgramToWrite", Operation::open_w, "/proc/self/exe", "", ETXTBSY, ETXTBSY},
    {"ExecAFileOpenToWriters", Operation::exec, "held", "", ETXTBSY, EACCES},
    {"ExecAFileOfNoFormat", Operation::exec, "file", "", ENOEXEC, EACCES},
    {"UnlinkADirectory", Operation::unlink, "dir", "", EISDIR, EACCES},
    {"UnlinkMissing", Operation::unlink, "missing", "", ENOENT, ENOENT},
    {"RmdirAFile", Operation::rmdir, "file", "", ENOTDIR, EACCES},
    {"RmdirAFullDirectory", Operation::rmdir, "full", "", ENOTEMPTY, EACCES},
    {"RenameADirectoryOntoAFullOne", Operation::rename, "dir", "full", ENOTEMPTY, EACCES},
    {"RenameAFileOntoADirectory", Operation::rename, "file", "dir", EISDIR, EACCES},
    {"RenameADirectoryOntoAFile", Operation::rename, "dir", "file", ENOTDIR, EACCES},
    {"RenameADirectoryIntoItself", Operation::rename, "dir", "dir/x", EINVAL, EINVAL},
    {"RenameToAnotherMount", Operation::rename, "file", "/proc/lockstep", EXDEV, EXDEV},
    {"LinkToAnotherMount", Operation::link, "file", "/dev/lockstep-compose", EXDEV, EXDEV},
    {"LinkADirectory", Operation::link, "dir", "dir2", EPERM, EACCES},
    {"LinkOntoAName", Operation::link, "file", "held", EEXIST, EEXIST},
    {"ExchangeWithNothing", Operation::exchange, "file", "missing", ENOENT, ENOENT},
    {"MkdirOntoAName", Operation::mkdir, "dir", "", EEXIST, EEXIST},
    {"CreateOntoAName", Operation::create, "file", "", EEXIST, EEXIST},
    {"BindOntoAName", Operation::mksock, "socket", "", EADDRINUSE, EADDRINUSE},
    {"MkdirInProc", Operation::mkdir, "/proc/lockstep", "", ENOENT, ENOENT},
    {"TmpfileInProc", Operation::tmpfile, "/proc", "", EOPNOTSUPP, EOPNOTSUPP},
    {"TmpfileInAFile", Operation::tmpfile, "file", "", ENOTDIR, ENOTDIR},
    {"TruncateADirectory", Operation::truncate, "dir", "", EISDIR, EISDIR},
    {"TruncateAFifo", Operation::truncate, "fifo", "", EINVAL, EINVAL},
    {"TruncateARunningProgram", Operation::truncate, "/proc/self/exe", "", ETXTBSY, ETXTBSY},
    {"FtruncateADevice", Operation::ftruncate, "/dev/null", "", EINVAL, EACCES},
    {"IoctlAFile", Operation::ioctl, "file", "", ENOTTY, EACCES},
    {"IoctlADirectory", Operation::ioctl, "dir", "", EISDIR, EISDIR},
    {"StatIsNeverDenied", Operation::stat, "missing", "", ENOENT, ENOENT},
};

class ComposeKernel : public ::testing::TestWithParam<Situation> {
 protected:
  void SetUp() override {
    if (uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_version) < 5)
      GTEST_SKIP() << "needs Landlock ABI 5";
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: a device node";
    scratch_.file("file");
    scratch_.directory("dir");
    scratch_.directory("full");
    scratch_.file("full/file");
    ASSERT_EQ(::symlink("loop", scratch_.at("loop").c_str()), 0);
    ASSERT_EQ(::mkfifo(scratch_.at("fifo").c_str(), 0600), 0);
    ASSERT_EQ(::mknod(scratch_.at("device").c_str(), S_IFCHR | 0600, makedev(250, 250)), 0);
    ASSERT_EQ(::mknod(scratch_.at("socket").c_str(), S_IFSOCK | 0600, 0), 0);
    held_.reset(::open(scratch_.file("held").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(held_);
  }

  std::string resolve(const char* path) const {
    return path[0] == '/' || path[0] == '\0' ? path : scratch_.at(path);
  }

  Scratch scratch_;
  UniqueFd held_;
};

model::Walk walk_to(const std::string& path, Operation operation) {
  model::RawWalk raw;
  model::read_walk(path.c_str(), follows_last_symlink(operation), &raw);
  return model::to_walk(raw);
}

TEST_P(ComposeKernel, ControlAndModelTogetherSayWhatTheKernelSays) {
  const Situation& each = GetParam();
  const std::string first = resolve(each.first), second = resolve(each.second);
  model::Model model({.abi = 5, .kernel_abi = 5, .errata = 0});
  model.add_layer(testing::all_rights, {});
  const model::Walk from = walk_to(first, each.operation), to = walk_to(second, each.operation);
  const model::Decision decision = model.decide({each.operation, Mode::plain, &from, &to});

  SharedSlot slot(2);
  const Probe probe{each.operation, Mode::plain,   Actor::self,    Target::own,
                    false,          first.c_str(), second.c_str(), -1};
  ASSERT_EQ(in_child([&] { run_probe(probe, &slot->cells[0]); }), 42);
  ASSERT_EQ(in_child([&] {
              restrict_to(testing::all_rights, {});
              run_probe(probe, &slot->cells[1]);
            }),
            42);
  EXPECT_EQ(errno_name(slot->cells[0].err), errno_name(each.control));
  EXPECT_EQ(errno_name(slot->cells[1].err), errno_name(each.denied));
  const Composed composed = compose(each.operation, Mode::plain, each.control, decision);
  EXPECT_EQ(errno_name(composed.err), errno_name(each.denied)) << model.describe(decision);
  EXPECT_TRUE(composed.comparable || decision.err == each.control);
}

INSTANTIATE_TEST_SUITE_P(Each, ComposeKernel, ::testing::ValuesIn(situations),
                         [](const auto& each) { return std::string(each.param.name); });

model::Decision denial(int err) {
  model::Decision out;
  out.err = err;
  out.layer = 1;
  return out;
}

TEST(Compose, WhatLandlockAllowsIsTheControlsAnswer) {
  EXPECT_EQ(compose(Operation::open_r, Mode::plain, 0, {}).err, 0);
  EXPECT_EQ(compose(Operation::open_r, Mode::plain, ENXIO, {}).err, ENXIO);
}

TEST(Compose, TheSameErrnoFromBothShowsNothing) {
  EXPECT_FALSE(compose(Operation::open_r, Mode::plain, EACCES, denial(EACCES)).comparable);
  EXPECT_FALSE(compose(Operation::rename, Mode::plain, EXDEV, denial(EXDEV)).comparable);
  EXPECT_TRUE(compose(Operation::open_r, Mode::plain, 0, denial(EACCES)).comparable);
}

TEST(Compose, AnotherProcessesCommIsDeniedBeforeItsWriteIsInvalid) {
  EXPECT_EQ(compose(Operation::comm_open, Mode::rdwr, EINVAL, denial(EACCES)).err, EACCES);
  EXPECT_EQ(compose(Operation::comm_open, Mode::rdwr, ENOENT, denial(EACCES)).err, ENOENT);
}

TEST(Compose, ReadOnlyMountsComeFirst) {
  for (Operation operation :
       {Operation::open_w, Operation::create, Operation::unlink, Operation::mkdir, Operation::rename})
    EXPECT_EQ(compose(operation, Mode::plain, EROFS, denial(EACCES)).err, EROFS) << name(operation);
}

TEST(Compose, ProtectedHardLinksComeFirstButLinkingADirectoryFailsLast) {
  model::Decision of_file = denial(EACCES), of_directory = denial(EACCES);
  of_file.moved = model::FileType::regular;
  of_directory.moved = model::FileType::directory;
  EXPECT_EQ(compose(Operation::link, Mode::plain, EPERM, of_file).err, EPERM);
  EXPECT_EQ(compose(Operation::link, Mode::plain, EPERM, of_directory).err, EACCES);
}

TEST(Compose, OnlyExecDeclaresAnErrno) {
  for (int i = 0; i < operation_count; ++i) {
    const auto operation = static_cast<Operation>(i);
    EXPECT_EQ(declared_unrestricted(operation, Mode::plain), operation == Operation::exec ? ENOEXEC : 0);
  }
}

}  // namespace
}  // namespace lockstep::conformance
