// Children that misbehave: each has its own typed end, none becomes a pass, hangs the run, disturbs the next row or
// leaves a process behind.
#include "conformance/harness/workers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "base/unique_fd.h"
#include "conformance/harness/descendants.h"
#include "conformance/harness/worker.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::harness {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool address_sanitizer = true;
#else
constexpr bool address_sanitizer = false;
#endif

class WorkersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
    Workers::Options options;
    options.count = 1;
    options.scratch_root = root_.path();
    options.patience_ms = 3000;
    Result<Workers> started = Workers::start(options);
    ASSERT_TRUE(started.ok()) << started.error().to_string();
    workers_.emplace(std::move(started).value());
    identity_ = ::geteuid() == 0 ? wire::IdentityKind::user : wire::IdentityKind::self;
  }
  void TearDown() override {
    workers_.reset();
    EXPECT_EQ(root_.entries(), std::vector<std::string>{}) << "a scratch directory was left behind";
    EXPECT_TRUE(children_of_this_process(procfs_).empty()) << "a process was left behind";
  }

  // Read-only on /proc and /tmp; one read that is allowed, one write that is not.
  wire::RowRequest request(wire::Misbehaviour misbehaviour = wire::Misbehaviour::none) const {
    wire::RowRequest out;
    out.id = 7;
    out.name = "test";
    out.identity = identity_;
    Plan& plan = out.plans.emplace_back();
    plan.abi = 1;
    plan.handled = abi_info(1)->fs;
    plan.rules = {{"/proc", access_read_only}, {"/tmp", access_read_only}};
    out.view_paths = {"/proc", "/tmp"};
    out.tree = {{wire::TreeKind::file, "$scratch/file", "", 16, false}};
    wire::CellRequest read, write;
    read.operation = Operation::open_r;
    write.operation = Operation::open_w;
    read.path = write.path = "$scratch/file";
    out.cells = {read, write};
    out.misbehaviour = misbehaviour;
    out.timeout_ms = 700;
    return out;
  }

  wire::RowReply run(const wire::RowRequest& row) {
    wire::RowReply out;
    const Result<void> ran = workers_->run({row}, [&](std::size_t, wire::RowReply reply) { out = std::move(reply); });
    EXPECT_TRUE(ran.ok()) << ran.error().to_string();
    return out;
  }

  // The worker's children: between rows the canary siblings alone, of which there is one a row's identity.
  std::vector<pid_t> children() const {
    const pid_t worker = workers_->hello().pid;
    std::FILE* file =
        std::fopen(("/proc/" + std::to_string(worker) + "/task/" + std::to_string(worker) + "/children").c_str(), "re");
    std::vector<pid_t> found;
    for (int pid = 0; file != nullptr && std::fscanf(file, "%d", &pid) == 1;) found.push_back(pid);
    if (file != nullptr) std::fclose(file);
    return found;
  }

  void expect_good_row() {
    const wire::RowReply reply = run(request());
    ASSERT_EQ(reply.control.outcome, wire::ChildOutcome::completed) << reply.control.message;
    ASSERT_EQ(reply.restricted.outcome, wire::ChildOutcome::completed) << reply.restricted.message;
    EXPECT_EQ(reply.control.cells[1].err, 0);
    EXPECT_EQ(reply.restricted.cells[0].err, 0);
    EXPECT_EQ(reply.restricted.cells[1].err, EACCES);
    EXPECT_TRUE(reply.restricted.canary_before);
    EXPECT_EQ(reply.restricted.canary_after, EACCES);
    EXPECT_EQ(reply.control.canary_after, 0);
  }

  void expect_end(wire::Misbehaviour misbehaviour, wire::ChildOutcome outcome) {
    const wire::RowReply reply = run(request(misbehaviour));
    EXPECT_EQ(reply.control.outcome, wire::ChildOutcome::completed) << reply.control.message;
    EXPECT_EQ(wire::name(reply.restricted.outcome), wire::name(outcome)) << reply.restricted.message;
    EXPECT_EQ(children().size(), 1U) << "more than the canary's sibling is left";
    expect_good_row();
  }

  const testing::TemporaryDirectory root_{0711, "/tmp"};  // which is to read in every row
  const OwnProcfs procfs_ = OwnProcfs::prove().value();
  std::optional<Workers> workers_;
  wire::IdentityKind identity_ = wire::IdentityKind::user;
};

TEST_F(WorkersTest, ARowHasItsControlAndIsProvedRestricted) {
  expect_good_row();
}
TEST_F(WorkersTest, ACrashIsACrash) {
  expect_end(wire::Misbehaviour::crash, wire::ChildOutcome::crashed);
}
TEST_F(WorkersTest, AHangTimesOut) {
  expect_end(wire::Misbehaviour::hang, wire::ChildOutcome::timed_out);
}
TEST_F(WorkersTest, ExitZeroInTheMiddleIsNoPass) {
  expect_end(wire::Misbehaviour::exit_zero, wire::ChildOutcome::harness_error);
}
TEST_F(WorkersTest, TheRightExitCodeAloneIsNoPass) {
  expect_end(wire::Misbehaviour::exit_without_complete, wire::ChildOutcome::harness_error);
}
TEST_F(WorkersTest, CellsOverwrittenAreNotBelieved) {
  expect_end(wire::Misbehaviour::wild_write, wire::ChildOutcome::harness_error);
}
TEST_F(WorkersTest, AFloodOfOutputEndsTheChild) {
  expect_end(wire::Misbehaviour::flood_stdout, wire::ChildOutcome::crashed);
}
TEST_F(WorkersTest, AProcessThatForksAwayIsFoundAndEnded) {
  expect_end(wire::Misbehaviour::fork_away, wire::ChildOutcome::leaked);
}
TEST_F(WorkersTest, IgnoringSigtermDoesNotHelp) {
  expect_end(wire::Misbehaviour::ignore_sigterm, wire::ChildOutcome::timed_out);
}
TEST_F(WorkersTest, AStoppedChildTimesOut) {
  expect_end(wire::Misbehaviour::stop, wire::ChildOutcome::timed_out);
}

TEST_F(WorkersTest, RunningOutOfMemoryIsNoPass) {
  if (address_sanitizer) GTEST_SKIP() << "RLIMIT_AS cannot be set under AddressSanitizer";
  expect_end(wire::Misbehaviour::exhaust_memory, wire::ChildOutcome::crashed);
}

TEST_F(WorkersTest, OutOfDescriptorsTheCellsSaySo) {
  const wire::RowReply reply = run(request(wire::Misbehaviour::exhaust_fds));
  ASSERT_EQ(reply.restricted.outcome, wire::ChildOutcome::completed) << reply.restricted.message;
  EXPECT_EQ(reply.restricted.cells[0].err, EMFILE);  // which no witness predicts
  expect_good_row();
}

TEST_F(WorkersTest, ARuleSetTheKernelRefusesIsASetupFailure) {
  wire::RowRequest row = request();
  row.plans[0].rules[0].rights = AccessSet::from_bits(std::uint64_t{1} << 40);
  const wire::RowReply reply = run(row);
  EXPECT_EQ(reply.control.outcome, wire::ChildOutcome::setup_failed);
  EXPECT_EQ(reply.control.detail, EINVAL);
  EXPECT_NE(reply.control.message.find("landlock_add_rule"), std::string::npos) << reply.control.message;
  expect_good_row();
}

TEST_F(WorkersTest, NoRestrictionIsSeenByTheCanary) {
  wire::RowRequest row = request();
  row.enforcement = wire::Enforcement::none;
  const wire::RowReply reply = run(row);
  ASSERT_EQ(reply.restricted.outcome, wire::ChildOutcome::completed) << reply.restricted.message;
  EXPECT_EQ(reply.restricted.canary_after, 0);
  EXPECT_EQ(reply.restricted.cells[1].err, 0);
}

TEST_F(WorkersTest, ACanaryThatSaysFreeIsReportedAsItIs) {
  const wire::RowReply reply = run(request(wire::Misbehaviour::false_canary));
  EXPECT_TRUE(reply.restricted.canary_before);
  EXPECT_EQ(reply.restricted.canary_after, 0);  // never the EACCES that a pass needs
  expect_good_row();
}

TEST_F(WorkersTest, ASiblingThatIsKilledIsReplaced) {
  expect_good_row();
  ASSERT_EQ(children().size(), 1U);
  const pid_t sibling = children()[0];
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, sibling, 0)));
  ASSERT_TRUE(pidfd) << errno_name(errno);
  ASSERT_EQ(::kill(sibling, SIGKILL), 0);
  pollfd ended{pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 5000), 1);
  expect_good_row();
  ASSERT_EQ(children().size(), 1U);
  EXPECT_NE(children()[0], sibling);
}

TEST_F(WorkersTest, TheHelperIsSealed) {
  bool found = false;
  const std::string directory = "/proc/" + std::to_string(workers_->hello().pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone).string().find("lockstep-probe-helper") == std::string::npos)
      continue;
    const UniqueFd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(fd) << errno_name(errno);
    const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    EXPECT_EQ(::fcntl(fd.get(), F_GET_SEALS) & wanted, wanted);
    found = true;
  }
  EXPECT_TRUE(found);
}

TEST_F(WorkersTest, AWorkerThatIsKilledIsReplaced) {
  ASSERT_EQ(::kill(workers_->hello().pid, SIGKILL), 0);
  const wire::RowReply reply = run(request());
  EXPECT_EQ(reply.control.outcome, wire::ChildOutcome::harness_error);
  EXPECT_NE(reply.control.message.find("worker"), std::string::npos) << reply.control.message;
  expect_good_row();
}

// Runs the row; `act` is called, from beside it, once the worker has this many children.
wire::RowReply run_and_act(Workers& workers, const wire::RowRequest& row,
                           const std::function<std::vector<pid_t>()>& children, std::size_t how_many,
                           const std::function<void()>& act) {
  bool acted = false;
  std::thread beside([&] {
    for (int i = 0; i < 5000 && !acted; ++i) {
      if (children().size() == how_many) {
        act();
        acted = true;
      }
      ::usleep(1000);
    }
  });
  wire::RowReply out;
  const Result<void> ran = workers.run({row}, [&](std::size_t, wire::RowReply reply) { out = std::move(reply); });
  beside.join();
  EXPECT_TRUE(ran.ok()) << ran.error().to_string();
  EXPECT_TRUE(acted) << "the worker never had " << how_many << " children";
  return out;
}

TEST_F(WorkersTest, AWorkerKilledInTheMiddleOfARowLeavesNoProcess) {
  const pid_t worker = workers_->hello().pid;
  std::vector<UniqueFd> held;  // the sibling, the row's child, and what forked away from it
  wire::RowRequest row = request(wire::Misbehaviour::fork_away_and_hang);
  row.timeout_ms = 10000;
  const auto kill_it = [&] {
    for (const pid_t pid : children()) held.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    ::kill(worker, SIGKILL);
  };
  const wire::RowReply reply = run_and_act(
      *workers_, row, [&] { return children(); }, 3, kill_it);
  EXPECT_EQ(reply.control.outcome, wire::ChildOutcome::harness_error);
  EXPECT_NE(reply.control.message.find("died"), std::string::npos) << reply.control.message;
  ASSERT_EQ(held.size(), 3U);
  for (const UniqueFd& pidfd : held) {
    pollfd ended{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 0), 1) << "a process outlived the worker";
  }
  EXPECT_EQ(children_of_this_process(procfs_), std::vector<pid_t>{workers_->hello().pid});
  expect_good_row();
}

TEST_F(WorkersTest, AWorkerThatStandsStillIsReplaced) {
  wire::RowRequest row = request(wire::Misbehaviour::hang);
  row.timeout_ms = 500;
  const pid_t worker = workers_->hello().pid;
  const wire::RowReply reply = run_and_act(
      *workers_, row, [&] { return children(); }, 2, [&] { ::kill(worker, SIGSTOP); });
  EXPECT_NE(reply.control.message.find("hung"), std::string::npos) << reply.control.message;
  EXPECT_NE(workers_->hello().pid, worker);
  expect_good_row();
}

TEST_F(WorkersTest, AWorkerThatStandsStillBeforeItIsAskedIsReplaced) {
  ASSERT_EQ(::kill(workers_->hello().pid, SIGSTOP), 0);
  wire::RowRequest row = request();
  row.timeout_ms = 100;
  row.name.assign(1U << 20, 'x');  // more than the socket holds: the request itself cannot be sent
  EXPECT_NE(run(row).control.message.find("hung"), std::string::npos);
  expect_good_row();
}

TEST_F(WorkersTest, AWorkerThatStandsStillWhileIdleIsEnded) {
  expect_good_row();
  ASSERT_EQ(::kill(workers_->hello().pid, SIGSTOP), 0);
  const auto start = std::chrono::steady_clock::now();
  workers_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

// What the next forked process does first, instead of being a worker.
enum class FirstThing { nothing, stop, say_half_and_stop, exit };
FirstThing first_thing = FirstThing::nothing;

void in_every_fork() {
  if (first_thing == FirstThing::exit) ::_exit(0);
  int sockets = 2;  // the pair made last; a lower one is another worker's
  for (int fd = 255; first_thing == FirstThing::say_half_and_stop && fd > 2 && sockets > 0; --fd)
    if (::send(fd, "\x40", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) --sockets;  // a byte of a frame's length
  if (first_thing != FirstThing::nothing) ::raise(SIGSTOP);
}

TEST_F(WorkersTest, AWorkerThatNeverSaysHelloIsAnErrorInTime) {
  ASSERT_EQ(::pthread_atfork(nullptr, nullptr, in_every_fork), 0);
  Workers::Options options;
  options.count = 1;
  options.scratch_root = root_.path();
  options.patience_ms = 300;
  for (const FirstThing each : {FirstThing::stop, FirstThing::say_half_and_stop, FirstThing::exit}) {
    first_thing = each;
    const auto start = std::chrono::steady_clock::now();
    const Result<Workers> started = Workers::start(options);
    first_thing = FirstThing::nothing;
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.error().kind, ErrorKind::internal);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    EXPECT_EQ(children_of_this_process(procfs_), std::vector<pid_t>{workers_->hello().pid})
        << "it was not ended, or another's worker was";
  }
  expect_good_row();
}

TEST_F(WorkersTest, AScratchRootThatCannotBeWrittenIsBadInput) {
  Workers::Options options;
  options.count = 1;
  options.scratch_root = root_.at("missing");
  const Result<Workers> started = Workers::start(options);
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().kind, ErrorKind::input);
  EXPECT_NE(started.error().message.find("ENOENT"), std::string::npos) << started.error().message;
}

// TearDown looks for what is left.
TEST_F(WorkersTest, AWorkerThatIsKilledWhileIdleLeavesNoScratch) {
  expect_good_row();
  ASSERT_EQ(::kill(workers_->hello().pid, SIGKILL), 0);
}

TEST_F(WorkersTest, ASimulatedRootHoldsWhatWasAskedForAndNothingElse) {
  if (workers_->hello().mount_namespace != 0)
    GTEST_SKIP() << "no mount namespace: " << errno_name(workers_->hello().mount_namespace);
  wire::RowRequest row = request();
  row.simulated = true;
  row.tree = {{wire::TreeKind::directory, "/tmp", "", 0, false},
              {wire::TreeKind::file, "/tmp/here", "", 4, false},
              {wire::TreeKind::character, "/dev/nvidia0", "", 0, false},
              {wire::TreeKind::character, "/dev/nvidia1", "", 0, false}};
  wire::CellRequest here, machine, device;
  here.operation = machine.operation = Operation::open_r;
  device.operation = Operation::ioctl;
  here.path = "/tmp/here";
  machine.path = "/etc/passwd";
  device.path = "/dev/nvidia0";
  row.cells = {here, machine, device};
  const wire::RowReply reply = run(row);
  ASSERT_EQ(reply.restricted.outcome, wire::ChildOutcome::completed) << reply.restricted.message;
  EXPECT_EQ(reply.restricted.cells[0].err, 0);
  EXPECT_EQ(reply.control.cells[1].err, ENOENT);
  EXPECT_EQ(reply.control.cells[2].err, 0);
  EXPECT_EQ(reply.restricted.cells[2].err, EACCES);
}

TEST(Wire, AFrameThatStopsInTheMiddleIsGivenUpAtTheDeadline) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]), theirs(ends[1]);
  const auto in = [](int milliseconds) {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  };
  ASSERT_TRUE(send_frame(theirs.get(), "whole", in(1000)));
  EXPECT_EQ(receive_frame(ours.get(), in(1000)), "whole");
  const std::uint32_t size = 10;
  ASSERT_EQ(::send(theirs.get(), &size, sizeof(size), 0), static_cast<ssize_t>(sizeof(size)));
  ASSERT_EQ(::send(theirs.get(), "half", 4, 0), 4);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(receive_frame(ours.get(), in(100)), std::nullopt);
  EXPECT_FALSE(send_frame(ours.get(), std::string(8U << 20, 'x'), in(100)));  // nobody reads it
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Wire, ATruncatedRequestIsRefused) {
  wire::RowRequest row;
  row.name = "row";
  row.cells.resize(3);
  row.tree.push_back({wire::TreeKind::file, "/x", "", 1, true});
  const std::string bytes = wire::encode(row);
  ASSERT_TRUE(wire::decode_row_request(bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(wire::decode_row_request(bytes.substr(0, size)).has_value()) << size;
  EXPECT_FALSE(wire::decode_row_request(bytes + "x").has_value());
}

TEST(Wire, AWildByteIsRefusedOrHarmless) {
  wire::RowRequest row;
  row.cells.resize(2);
  const std::string bytes = wire::encode(row);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string wild = bytes;
    wild[i] = static_cast<char>(0xff);
    const std::optional<wire::RowRequest> decoded = wire::decode_row_request(wild);
    if (decoded) {
      EXPECT_LE(decoded->cells.size(), wild.size());
    }
  }
}

}  // namespace
}  // namespace lockstep::conformance::harness
