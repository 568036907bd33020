// Every actor runs its own cells and no others, inside the restriction, and an actor that fails is not a
// success.
#include <gtest/gtest.h>
#include <sys/sendfile.h>

#include <lockstep/rights.h>

#include "conformance/probes/resolve.h"
#include "conformance/probes/testing.h"

namespace lockstep::conformance::probes {
namespace {

constexpr Actor actors[] = {Actor::self, Actor::thread, Actor::child, Actor::grandchild, Actor::exec};
const AccessSet read_write = access_read_only | Right::write_file;

class ActorsTest : public ::testing::Test {
 protected:
  ActorsTest() : file_(scratch_.file("file")) {
    // In a memfd, as the harness has it: to execute that needs no right.
    const std::string program = LOCKSTEP_CONFORMANCE;
    const std::string path = program.substr(0, program.rfind('/')) + "/lockstep-probe-helper";
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    helper_.reset(::memfd_create("helper", MFD_CLOEXEC));
    struct stat st {};
    copied_ = ::fstat(file.get(), &st) == 0 &&
              ::sendfile(helper_.get(), file.get(), nullptr, static_cast<std::size_t>(st.st_size)) == st.st_size;
  }

  // One cell for each actor.
  void each_actor(wire::CellRequest cell) {
    for (Actor actor : actors) {
      cell.actor = actor;
      request_.cells.push_back(cell);
    }
  }

  // As the harness does it: fills in the paths, opens what the helper needs, restricts, runs. The child's
  // exit status.
  int run(SharedSlot* slot, const std::function<void()>& restrict, bool capture = false, bool with_helper = true) {
    const std::string bytes = wire::encode(request_);
    const UniqueFd request(::memfd_create("request", MFD_CLOEXEC));
    EXPECT_EQ(::write(request.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    std::vector<std::string> paths;
    for (const wire::CellRequest& cell : request_.cells)
      paths.push_back(resolve_path(cell.path, scratch_.path(), ::getpid()));
    std::vector<Probe> probes;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const wire::CellRequest& cell = request_.cells[i];
      probes.push_back({cell.operation, cell.mode, cell.actor, cell.target, cell.survey, paths[i].c_str(), "", -1});
    }
    ProbeRun run;
    run.probes = probes;
    run.slot = slot->slot;
    run.capture = capture;
    run.helper_fd = with_helper ? helper_.get() : -1;
    run.request_fd = request.get();
    run.slot_fd = slot->fd.get();
    run.scratch = scratch_.path().c_str();
    run.sibling = ::getpid();
    return in_child([&] {
      restrict();
      if (!run_probes(run)) ::_exit(3);
    });
  }

  static std::uint32_t state(const wire::SlotCell& cell) { return cell.state; }

  Scratch scratch_;
  std::string file_;
  UniqueFd helper_;
  bool copied_ = false;
  wire::RowRequest request_;
};

constexpr auto done = static_cast<std::uint32_t>(wire::CellState::done);
constexpr auto unset = static_cast<std::uint32_t>(wire::CellState::unset);

TEST_F(ActorsTest, UnderARuleSetThatGrantsNothingEachIsDenied) {
  ASSERT_TRUE(copied_) << "the helper is built beside lockstep-conformance";
  wire::CellRequest cell;
  cell.path = "$scratch/file";
  each_actor(cell);
  SharedSlot slot(5);
  ASSERT_EQ(run(&slot, [] { restrict_to(all_rights, {}); }), 42);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(state(slot->cells[i]), done) << name(actors[i]);
    EXPECT_EQ(slot->cells[i].err, EACCES) << name(actors[i]);
  }
  EXPECT_EQ(slot->header->done, 5U);
}

TEST_F(ActorsTest, WithAGrantEachIsAllowed) {
  wire::CellRequest cell;
  cell.path = "$scratch/file";
  each_actor(cell);
  SharedSlot slot(5);
  ASSERT_EQ(run(&slot, [&] { restrict_to(all_rights, {{scratch_.path().c_str(), access_read_only}}); }), 42);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(state(slot->cells[i]), done) << name(actors[i]);
    EXPECT_EQ(slot->cells[i].err, 0) << name(actors[i]);
  }
}

TEST_F(ActorsTest, EachNamesItsThreadWhereProcIsWritable) {
  wire::CellRequest cell;
  cell.operation = Operation::comm_open;
  for (const auto& [mode, target] :
       {std::pair{Mode::rdwr, Target::other_thread}, std::pair{Mode::setname, Target::other_thread},
        std::pair{Mode::rdwr, Target::numeric}, std::pair{Mode::rdwr, Target::own},
        std::pair{Mode::prctl, Target::own}}) {
    cell.mode = mode;
    cell.target = target;
    each_actor(cell);
  }
  for (const bool writable : {true, false}) {
    SharedSlot slot(25);
    const AccessSet granted = writable ? read_write : access_read_only;
    ASSERT_EQ(run(&slot, [&] { restrict_to(all_rights, {{"/proc", granted}}); }), 42);
    for (std::size_t i = 0; i < 25; ++i) {
      const bool allowed = writable || request_.cells[i].mode == Mode::prctl;
      EXPECT_EQ(slot->cells[i].err, allowed ? 0 : EACCES) << i;
      EXPECT_EQ(slot->cells[i].after, allowed ? 1U : 0U) << i;
    }
  }
}

TEST_F(ActorsTest, ARuleOnTheProcesssOwnTasksEndsAtTheFork) {
  wire::CellRequest cell;
  cell.operation = Operation::comm_open;
  cell.mode = Mode::rdwr;
  cell.target = Target::other_thread;
  each_actor(cell);
  SharedSlot slot(5);
  ASSERT_EQ(run(&slot,
                [] {
                  restrict_to(all_rights, {{"/proc", access_read_only}, {"/proc/self/task", read_write}});
                }),
            42);
  const int expected[] = {0, 0, EACCES, EACCES, EACCES};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(slot->cells[i].err, expected[i]) << name(actors[i]);
}

TEST_F(ActorsTest, TheSiblingsPidIsFilledInForAll) {
  wire::CellRequest cell;
  cell.operation = Operation::comm_open;
  cell.mode = Mode::wronly;
  cell.target = Target::other_process;
  cell.path = "/proc/$sibling/comm";
  each_actor(cell);
  SharedSlot slot(5);
  ASSERT_EQ(run(&slot, [] {}), 42);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(slot->cells[i].err, EINVAL) << name(actors[i]);
}

TEST_F(ActorsTest, CaptureWalksThePathReallyUsed) {
  wire::CellRequest cell;
  cell.path = "$scratch/file";
  each_actor(cell);
  cell.operation = Operation::comm_open;
  cell.mode = Mode::rdwr;
  cell.target = Target::other_thread;
  each_actor(cell);
  SharedSlot slot(10, 20);
  ASSERT_EQ(run(
                &slot, [] {}, true),
            42);
  struct stat st {};
  ASSERT_EQ(::stat(file_.c_str(), &st), 0);
  struct stat proc {};
  ASSERT_EQ(::stat("/proc", &proc), 0);
  for (std::uint32_t i = 0; i < 5; ++i) {
    const model::RawWalk file = slot->walk(2 * i);
    ASSERT_GT(file.count, 1) << name(actors[i]);
    EXPECT_EQ(file.links[0].ino, st.st_ino) << name(actors[i]);
    // comm, <tid>, task, <pid>, /proc, /
    const model::RawWalk comm = slot->walk(2 * (i + 5));
    ASSERT_EQ(comm.count, 6) << name(actors[i]);
    EXPECT_TRUE(S_ISREG(comm.links[0].mode)) << name(actors[i]);
    EXPECT_EQ(comm.links[4].ino, proc.st_ino) << name(actors[i]);
  }
}

TEST_F(ActorsTest, AHelperThatCannotBeExecutedIsAFailure) {
  wire::CellRequest cell;
  cell.path = "$scratch/file";
  cell.actor = Actor::exec;
  request_.cells.push_back(cell);
  SharedSlot slot(1);
  EXPECT_EQ(run(
                &slot, [] {}, false, false),
            3);
  EXPECT_EQ(state(slot->cells[0]), unset);
}

TEST_F(ActorsTest, DescriptorsFromBeforeEndAtTheExec) {
  wire::CellRequest cell;
  cell.operation = Operation::reopen_fd;
  cell.mode = Mode::before;
  cell.actor = Actor::exec;
  cell.path = "$scratch/file";
  request_.cells.push_back(cell);
  SharedSlot slot(1);
  ASSERT_EQ(run(&slot, [] {}), 42);
  EXPECT_EQ(state(slot->cells[0]), static_cast<std::uint32_t>(wire::CellState::unsupported));
}

TEST(ResolvePath, FillsInTheTokens) {
  EXPECT_EQ(resolve_path("$scratch/a", "/s", 7), "/s/a");
  EXPECT_EQ(resolve_path("$scratch", "/s", 7), "/s");
  EXPECT_EQ(resolve_path("/proc/$sibling/comm", "/s", 7), "/proc/7/comm");
  EXPECT_EQ(resolve_path("/a/$scratch", "/s", 7), "/a/$scratch");
  EXPECT_EQ(resolve_path("", "/s", 7), "");
  EXPECT_EQ(resolve_path("/proc/$child", "/s", 7), "/proc/$child") << "the survey's own";
}

TEST(ResolvePath, TheScratchDirectoryIsTakenAsItIs) {
  EXPECT_EQ(resolve_path("$scratch/a", "/s/$sibling", 7), "/s/$sibling/a");
}

}  // namespace
}  // namespace lockstep::conformance::probes
