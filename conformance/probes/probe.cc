#include "conformance/probes/probe.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "conformance/probes/keeper.h"
#include "conformance/probes/spawn.h"
#include "conformance/probes/survey.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

// What the cells of an actor share.
struct Acting {
  explicit Acting(int keeper) : other(keeper) {}
  NamedThread other;
  model::WalkReader reader;
};

// A directory that is elsewhere, or gone, is on the way of no walk any more.
bool may_move_directory(Operation operation, bool directory) {
  return operation == Operation::rmdir ||
         (directory && (operation == Operation::rename || operation == Operation::exchange));
}

void run_cell(const ProbeRun& run, std::size_t i, Acting& acting) {
  const Probe& probe = run.probes[i];
  if (probe.operation == Operation::cu_init) return;  // done before the restriction: harness/cu_init.h
  wire::SlotCell* cell = &run.slot.cells[i];
  const Operand about = operand(probe.operation);
  const auto index = static_cast<std::uint32_t>(run.first_walk + 2 * i);
  model::RawWalk walk;
  bool directory = false;
  const auto capture = [&](std::uint32_t where, const char* path) {
    const bool follow = follows_last_symlink(probe.operation);
    if (run.own_tree)
      acting.reader.read(path, follow, &walk);
    else
      model::read_walk(path, follow, &walk);
    directory = directory || walk.count == 0 || (walk.missing == 0 && S_ISDIR(walk.links[0].mode));
    run.slot.put(where, walk);
  };
  if (run.capture && !run.comm_alone && !probe.survey && (about == Operand::path || about == Operand::two_paths)) {
    capture(index, probe.path);
    if (takes_two_paths(probe.operation)) capture(index + 1, probe.path2);
  }
  cell->state = static_cast<std::uint32_t>(wire::CellState::unset);
  if (probe.operation == Operation::comm_open && !probe.survey) {
    walk.count = walk.error = 0, walk.missing = walk.exempt = 0;  // of a cell that does not come to it
    probe_comm(probe, cell, run.capture ? &walk : nullptr, acting.other);
    if (run.capture) run.slot.put(index, walk);
  } else {
    run_probe(probe, cell);
    if (may_move_directory(probe.operation, directory)) acting.reader.forget();
  }
  if (cell->state == static_cast<std::uint32_t>(wire::CellState::unset))
    cell->state = static_cast<std::uint32_t>(wire::CellState::done);
  std::atomic_ref<std::uint32_t>(run.slot.header->done).fetch_add(1);
}

struct ThreadRun {
  const ProbeRun* run;
};

// Neither child can have this actor here: its cells say so.
bool leave_out(const ProbeRun& run, Actor actor) {
  for (std::size_t i = 0; i < run.probes.size(); ++i) {
    if (run.probes[i].actor != actor || run.probes[i].operation == Operation::cu_init) continue;
    run.slot.cells[i].state = static_cast<std::uint32_t>(wire::CellState::unsupported);
    std::atomic_ref<std::uint32_t>(run.slot.header->done).fetch_add(1);
  }
  return true;
}

void* thread_main(void* argument) {
  run_cells_of(*static_cast<ThreadRun*>(argument)->run, Actor::thread);
  return nullptr;
}

bool run_thread(const ProbeRun& run) {
  ThreadRun argument{&run};
  pthread_t thread;
  const int failed = ::pthread_create(&thread, nullptr, thread_main, &argument);
  // By a filter that denies clone3 and does not say ENOSYS, on which libc would fall back.
  if (failed == EPERM) return leave_out(run, Actor::thread);
  return failed == 0 && ::pthread_join(thread, nullptr) == 0;
}

[[noreturn]] void exec_helper(const ProbeRun& run) {
  char request[16], slot[16], walk[16], sibling[16], keeper[16];
  put_number(request, run.request_fd);
  put_number(slot, run.slot_fd);
  put_number(walk, run.capture ? static_cast<long>(run.first_walk) : -1);
  put_number(sibling, run.sibling);
  put_number(keeper, run.keeper);
  char name[] = "lockstep-probe-helper";
  char* argv[] = {name, request, slot, walk, sibling, const_cast<char*>(run.scratch), keeper, nullptr};
  char* envp[] = {nullptr};
  for (int fd : {run.request_fd, run.slot_fd, run.keeper})
    if (fd >= 0) ::fcntl(fd, F_SETFD, 0);
  // execveat of a memfd is never denied: what is tested is the program's accesses, not the right to execute
  // it.
  execute_descriptor(run.helper_fd, argv, envp);
  ::_exit(1);
}

bool ended_well(pid_t pid) {
  return pid > 0 && exit_code_of(pid) == 42;
}

// A fork, which has memory of its own.
bool run_forked(const ProbeRun& run, Actor actor) {
  const pid_t pid = plain_fork();
  if (pid != 0) return ended_well(pid);
  run_cells_of(run, actor);
  ::_exit(42);
}

// Between this process and the one that acts stands another, which does nothing but start it and wait.
bool run_grandchild(const ProbeRun& run) {
  const auto between = [](void* it) {
    ::_exit(run_forked(*static_cast<const ProbeRun*>(it), Actor::grandchild) ? 42 : 1);
  };
  return ended_well(lend_to_child(between, const_cast<ProbeRun*>(&run)));
}

bool run_executed(const ProbeRun& run) {
  const auto execute = [](void* it) { exec_helper(*static_cast<const ProbeRun*>(it)); };
  return ended_well(lend_to_child(execute, const_cast<ProbeRun*>(&run)));
}

bool has_actor(const ProbeRun& run, Actor actor) {
  for (const Probe& probe : run.probes)
    if (probe.actor == actor) return true;
  return false;
}

}  // namespace

const char* fd_path(int fd, char* out) {
  constexpr char prefix[] = "/proc/self/fd/";
  std::memcpy(out, prefix, sizeof(prefix) - 1);
  put_number(out + sizeof(prefix) - 1, fd);
  return out;
}

void execute_descriptor(int fd, char* const argv[], char* const envp[]) {
  ::syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
  if (errno != ENOSYS && errno != EPERM) return;
  char link[40];
  ::execve(fd_path(fd, link), argv, envp);
}

char* put_number(char* out, long value) {
  char digits[24];
  int count = 0;
  if (value < 0) *out++ = '-';
  unsigned long left = value < 0 ? 0UL - static_cast<unsigned long>(value) : static_cast<unsigned long>(value);
  do {
    digits[count++] = static_cast<char>('0' + left % 10);
    left /= 10;
  } while (left > 0);
  while (count > 0) *out++ = digits[--count];
  *out = '\0';
  return out;
}

void run_probe(const Probe& probe, wire::SlotCell* cell) {
  if (probe.survey) return probe_survey(probe, cell);
  if (probe.mode == Mode::before && probe.before_fd < 0) {
    // It could not be opened before the restriction either: there is nothing to try.
    cell->state = static_cast<std::uint32_t>(wire::CellState::unsupported);
    return;
  }
  switch (probe.operation) {
    case Operation::open_r:
    case Operation::open_w:
    case Operation::open_rw:
    case Operation::open_path:
    case Operation::open_trunc:
    case Operation::opendir:
      return probe_open(probe, cell);
    case Operation::create:
    case Operation::mkdir:
    case Operation::mkfifo:
    case Operation::mknod_chr:
    case Operation::mknod_blk:
    case Operation::mksock:
    case Operation::symlink:
      return probe_make(probe, cell);
    case Operation::tmpfile:
      return probe_tmpfile(probe, cell);
    case Operation::truncate:
      return probe_truncate(probe, cell);
    case Operation::ftruncate:
      return probe_ftruncate(probe, cell);
    case Operation::rename:
    case Operation::exchange:
    case Operation::link:
      return probe_move(probe, cell);
    case Operation::unlink:
    case Operation::rmdir:
      return probe_remove(probe, cell);
    case Operation::exec:
      return probe_exec(probe, cell);
    case Operation::ioctl:
      return probe_ioctl(probe, cell);
    case Operation::connect_unix:
    case Operation::connect_abstract:
      return probe_connect(probe, cell);
    case Operation::bind_tcp:
    case Operation::connect_tcp:
    case Operation::bind_udp:
    case Operation::send_udp:
      return probe_port(probe, cell);
    case Operation::signal:
      return probe_signal(probe, cell);
    case Operation::reopen_fd:
      return probe_reopen(probe, cell);
    case Operation::comm_open:
      return probe_comm(probe, cell, nullptr);
    case Operation::stat:
    case Operation::chmod:
    case Operation::readlink:
      return probe_unrestricted(probe, cell);
    case Operation::cu_init:
      cell->state = static_cast<std::uint32_t>(wire::CellState::unsupported);
  }
}

void run_cells_of(const ProbeRun& run, Actor actor) {
  Acting acting(run.keeper);
  for (std::size_t i = 0; i < run.probes.size(); ++i)
    if (run.probes[i].actor == actor) run_cell(run, i, acting);
}

bool run_probes(const ProbeRun& given) {
  run_cells_of(given, Actor::self);
  bool ok = !has_actor(given, Actor::thread) || run_thread(given);
  const Keeper keeper;
  ProbeRun run = given;
  run.keeper = keeper.fd();
  ok = ok && (!has_actor(run, Actor::child) || run_forked(run, Actor::child));
  ok = ok && (!has_actor(run, Actor::grandchild) || run_grandchild(run));
  if (!has_actor(run, Actor::exec) || !ok) return ok;
  return run.no_program ? leave_out(run, Actor::exec) : run_executed(run);
}

}  // namespace lockstep::conformance::probes
