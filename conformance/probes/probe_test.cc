// Each operation twice on trees of its own: unrestricted it gives its declared answer, under a rule set that
// grants nothing there it gives Landlock's; and in both its post-condition tells what really happened.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include <lockstep/rights.h>

#include "conformance/probes/testing.h"

namespace lockstep::conformance::probes {
namespace {

constexpr int same = -1;  // Landlock does not restrict it: as without

struct Expected {
  const char* name;
  Operation operation;
  const char* path;
  const char* path2;
  int err;  // unrestricted
  std::uint64_t after;
  int denied_err;
  std::uint64_t denied_after;
  std::uint64_t step;  // that fails when denied
  Mode mode = Mode::plain;
};

const Expected table[] = {
    {"OpenR", Operation::open_r, "file", "", 0, 0, EACCES, 0, 1},
    {"OpenRDirectory", Operation::open_r, "dir", "", 0, 0, EACCES, 0, 1},
    {"OpenRMissing", Operation::open_r, "missing", "", ENOENT, 0, same, 0, 1},
    {"OpenW", Operation::open_w, "file", "", 0, 0, EACCES, 0, 1},
    {"OpenWDirectory", Operation::open_w, "dir", "", EISDIR, 0, same, 0, 1},
    {"OpenWFifoWithoutReader", Operation::open_w, "fifo", "", ENXIO, 0, EACCES, 0, 1},
    {"OpenRw", Operation::open_rw, "file", "", 0, 0, EACCES, 0, 1},
    {"OpenPath", Operation::open_path, "file", "", 0, 0, same, 0, 0},
    {"OpenTrunc", Operation::open_trunc, "file", "", 0, 0, EACCES, 16, 1},
    {"Opendir", Operation::opendir, "dir", "", 0, 0, EACCES, 0, 1},
    {"OpendirFile", Operation::opendir, "file", "", ENOTDIR, 0, same, 0, 1},
    {"Create", Operation::create, "new", "", 0, 1, EACCES, 0, 1},
    {"CreateExisting", Operation::create, "file", "", EEXIST, 1, same, 1, 1},
    {"Tmpfile", Operation::tmpfile, "dir", "", 0, 0, EACCES, 0, 1},
    {"Truncate", Operation::truncate, "file", "", 0, 1, EACCES, 16, 1},
    {"Ftruncate", Operation::ftruncate, "file", "", 0, 1, EACCES, 16, 1},
    {"FtruncateBefore", Operation::ftruncate, "file", "", 0, 1, same, 1, 0, Mode::before},
    {"Rename", Operation::rename, "file", "new", 0, 1, EACCES, 0, 1},
    {"RenameToOther", Operation::rename, "file", "dir/new", 0, 1, EACCES, 0, 1},
    {"Exchange", Operation::exchange, "file", "other", 0, 1, EACCES, 1, 1},
    {"Link", Operation::link, "file", "new", 0, 1, EACCES, 0, 1},
    {"Mkdir", Operation::mkdir, "new", "", 0, 1, EACCES, 0, 1},
    {"Mkfifo", Operation::mkfifo, "new", "", 0, 1, EACCES, 0, 1},
    {"MksockAndLeaveIt", Operation::mksock, "new", "", 0, 1, EACCES, 0, 2},
    {"Symlink", Operation::symlink, "new", "", 0, 1, EACCES, 0, 1},
    {"Unlink", Operation::unlink, "file", "", 0, 0, EACCES, 1, 1},
    {"UnlinkDirectory", Operation::unlink, "dir", "", EISDIR, 1, EACCES, 1, 1},
    {"Rmdir", Operation::rmdir, "dir", "", 0, 0, EACCES, 1, 1},
    {"RmdirFile", Operation::rmdir, "file", "", ENOTDIR, 1, EACCES, 1, 1},
    {"Exec", Operation::exec, "file", "", ENOEXEC, 0, EACCES, 0, 2},
    {"IoctlFile", Operation::ioctl, "file", "", ENOTTY, 0, EACCES, 0, 1},
    {"ConnectUnix", Operation::connect_unix, "socket", "", 0, 0, same, 0, 0},
    {"Stat", Operation::stat, "file", "", 0, 0, same, 0, 0},
    {"Chmod", Operation::chmod, "file", "", 0, 0, same, 0, 0},
    {"Readlink", Operation::readlink, "symlink", "", 0, 0, same, 0, 0},
    {"ReopenFd", Operation::reopen_fd, "file", "", 0, 0, EACCES, 0, 2},
    {"ReopenFdBefore", Operation::reopen_fd, "file", "", 0, 0, EACCES, 0, 2, Mode::before},
};

class OperationTest : public ::testing::TestWithParam<Expected> {
 protected:
  // A tree in which every operation of the table finds what it needs.
  void lay_out() {
    scratch_.file("file");
    scratch_.file("other");
    scratch_.directory("dir");
    ASSERT_EQ(::mkfifo(scratch_.at("fifo").c_str(), 0666), 0);
    ASSERT_EQ(::symlink("target", scratch_.at("symlink").c_str()), 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, scratch_.at("socket").c_str());
    server_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(server_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(server_.get(), 4), 0);
  }

  wire::SlotCell run(bool restricted) {
    SharedSlot slot(1);
    const std::string path = scratch_.at(GetParam().path), path2 = scratch_.at(GetParam().path2);
    Probe probe{GetParam().operation, GetParam().mode, Actor::self, Target::own, false,
                path.c_str(),         path2.c_str(),   -1};
    EXPECT_EQ(in_child([&] {
                if (probe.mode == Mode::before) probe.before_fd = open_before(probe);
                if (restricted) restrict_to(all_rights, {});
                run_probe(probe, &slot->cells[0]);
              }),
              42);
    return slot->cells[0];
  }

  Scratch scratch_;
  UniqueFd server_;
};

TEST_P(OperationTest, UnrestrictedGivesItsDeclaredAnswer) {
  ASSERT_NO_FATAL_FAILURE(lay_out());
  const wire::SlotCell cell = run(false);
  EXPECT_EQ(cell.err, GetParam().err);
  EXPECT_EQ(cell.after, GetParam().after);
  EXPECT_EQ(cell.aux != 0, GetParam().err != 0);
}

TEST_P(OperationTest, UnderAnEmptyRuleSetGivesLandlocksAnswer) {
  ASSERT_NO_FATAL_FAILURE(lay_out());
  const wire::SlotCell cell = run(true);
  EXPECT_EQ(cell.err, GetParam().denied_err == same ? GetParam().err : GetParam().denied_err);
  EXPECT_EQ(cell.after, GetParam().denied_after);
  EXPECT_EQ(cell.aux, GetParam().step);
}

INSTANTIATE_TEST_SUITE_P(Probes, OperationTest, ::testing::ValuesIn(table),
                         [](const auto& each) { return std::string(each.param.name); });

wire::SlotCell run_one(
    Operation operation, const std::string& path, const std::function<void()>& before = [] {},
    Mode mode = Mode::plain) {
  SharedSlot slot(1);
  Probe probe{operation, mode, Actor::self, Target::own, false, path.c_str(), "", -1};
  EXPECT_EQ(in_child([&] {
              if (mode == Mode::before) probe.before_fd = open_before(probe);
              before();
              run_probe(probe, &slot->cells[0]);
            }),
            42);
  return slot->cells[0];
}

TEST(Ioctl, ADeviceThatDoesNotKnowTheRequestWasReached) {
  const wire::SlotCell cell = run_one(Operation::ioctl, "/dev/null");
  EXPECT_EQ(cell.err, 0);
  EXPECT_EQ(cell.ret, -ENOTTY);
}

TEST(Ioctl, TheRandomDeviceAnswers) {
  const wire::SlotCell cell = run_one(Operation::ioctl, "/dev/urandom");
  EXPECT_EQ(cell.err, 0);
  EXPECT_EQ(cell.ret, 0);
}

TEST(Ioctl, ATerminalAnswers) {
  const UniqueFd master(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master);
  ASSERT_EQ(::unlockpt(master.get()), 0);
  char name[64];
  ASSERT_EQ(::ptsname_r(master.get(), name, sizeof(name)), 0);
  const wire::SlotCell cell = run_one(Operation::ioctl, name);
  EXPECT_EQ(cell.err, 0);
  EXPECT_EQ(cell.ret, 0);
}

TEST(Ioctl, OpenedButDeniedFailsAtTheSecondStep) {
  const auto without_ioctl = [] { restrict_to(all_rights, {{"/dev/null", Right::read_file | Right::write_file}}); };
  const wire::SlotCell cell = run_one(Operation::ioctl, "/dev/null", without_ioctl);
  EXPECT_EQ(cell.err, EACCES);
  EXPECT_EQ(cell.aux, 2U);
}

TEST(Ioctl, OpenedBeforeTheRestrictionStaysAllowed) {
  EXPECT_EQ(run_one(
                Operation::ioctl, "/dev/null", [] { restrict_to(all_rights, {}); }, Mode::before)
                .err,
            0);
}

TEST(Before, WhatCouldNotBeOpenedIsUnsupported) {
  const wire::SlotCell cell = run_one(
      Operation::ftruncate, "/does/not/exist", [] {}, Mode::before);
  EXPECT_EQ(cell.state, static_cast<std::uint32_t>(wire::CellState::unsupported));
}

TEST(Before, AnOperationWithoutABeforeIsUnsupported) {
  const Scratch scratch;
  const wire::SlotCell cell = run_one(
      Operation::open_r, scratch.file("file"), [] {}, Mode::before);
  EXPECT_EQ(cell.state, static_cast<std::uint32_t>(wire::CellState::unsupported));
}

TEST(Ftruncate, WithoutTheTruncateRightFailsAtTheSecondStep) {
  const Scratch scratch;
  const std::string path = scratch.file("file");
  const wire::SlotCell cell = run_one(Operation::ftruncate, path, [&] {
    restrict_to(all_rights, {{path.c_str(), AccessSet(Right::write_file)}});
  });
  EXPECT_EQ(cell.err, EACCES);
  EXPECT_EQ(cell.aux, 2U);
  EXPECT_EQ(cell.after, 16U);
}

TEST(Create, TellsThatADeniedOpenLeftTheFileBehind) {
  const Scratch scratch;
  const std::string path = scratch.at("new");
  const wire::SlotCell cell = run_one(Operation::create, path, [&] {
    restrict_to(all_rights, {{scratch.path().c_str(), AccessSet(Right::make_reg)}});  // and no write_file
  });
  EXPECT_EQ(cell.err, EACCES);
  EXPECT_EQ(cell.after, 1U);
}

TEST(SocketPaths, TooLongForTheAddressIsUnsupported) {
  const Scratch scratch;
  const std::string path = scratch.at(std::string(108, 'x'));
  for (Operation operation : {Operation::mksock, Operation::connect_unix})
    EXPECT_EQ(run_one(operation, path).state, static_cast<std::uint32_t>(wire::CellState::unsupported))
        << name(operation);
}

TEST(Exec, AProgramThatRanIsZero) {
  EXPECT_EQ(run_one(Operation::exec, "/bin/true").err, 0);
}

TEST(Exec, AKilledProgramIsNeitherAllowedNorDenied) {
  const Scratch scratch;
  const std::string output = scratch.file("output");
  const wire::SlotCell cell = run_one(Operation::exec, "/usr/bin/yes", [&] {
    ::dup2(::open(output.c_str(), O_WRONLY | O_CLOEXEC), 1);
    const rlimit size{1, 1};
    ::setrlimit(RLIMIT_FSIZE, &size);  // its first write ends in SIGXFSZ
  });
  EXPECT_EQ(cell.err, -1);
}

TEST(Mknod, NeedsTheRightOfItsKind) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs CAP_MKNOD";
  for (const auto& [operation, right] :
       {std::pair{Operation::mknod_chr, Right::make_char}, std::pair{Operation::mknod_blk, Right::make_block}}) {
    const Scratch scratch;
    const std::string path = scratch.at("node");
    const AccessSet granted = right;
    EXPECT_EQ(run_one(operation, path,
                      [&] {
                        restrict_to(all_rights, {{scratch.path().c_str(), all_rights - granted}});
                      })
                  .err,
              EACCES);
    const wire::SlotCell cell = run_one(operation, path, [&] {
      restrict_to(all_rights, {{scratch.path().c_str(), granted}});
    });
    EXPECT_EQ(cell.err, 0);
    EXPECT_EQ(cell.after, 1U);
  }
}

TEST(Probes, LeaveNoDescriptorOpen) {
  const Scratch scratch;
  const std::string path = scratch.file("file"), directory = scratch.directory("dir");
  const int status = in_child([&] {
    wire::SlotCell cell{};
    const int lowest = ::dup(0);
    ::close(lowest);
    for (int i = 0; i < static_cast<int>(Operation::cu_init); ++i) {
      const auto operation = static_cast<Operation>(i);
      // exec reports through shared memory; comm_open's thread is its own test's
      if (operation == Operation::exec || operation == Operation::comm_open) continue;
      for (const std::string& target : {path, directory}) {
        run_probe({operation, Mode::plain, Actor::self, Target::own, false, target.c_str(), path.c_str(), -1}, &cell);
        const int now = ::dup(0);
        if (now != lowest) ::_exit(i);
        ::close(now);
      }
    }
  });
  EXPECT_EQ(status, 42) << "operation " << status;
}

}  // namespace
}  // namespace lockstep::conformance::probes
