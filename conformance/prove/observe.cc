#include "conformance/prove/observe.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/fork.h"
#include "conformance/fuzz/executed.h"
#include "conformance/probes/probe.h"
#include "enforce/restrict.h"

namespace lockstep::conformance::prove {

// Written by the child alone.
struct Observer::Shared {
  std::int32_t complete;
  std::int32_t refused;  // 1: by the policy, which `message` explains; 2: by a failure of ours
  char message[508];
  Outcome outcomes[1];
};

namespace {

constexpr int patience_ms = 60'000;  // of one attempt

bool moves(const Attempt& each) {
  return each.operation == Operation::rename || each.operation == Operation::exchange;
}

bool move_back(const Attempt& each) {
  const unsigned flags = each.operation == Operation::exchange ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  return ::syscall(SYS_renameat2, AT_FDCWD, each.path2.c_str(), AT_FDCWD, each.path.c_str(), flags) == 0;
}

bool is_denial(int err) {
  return err == EACCES || err == EXDEV || err == EPERM;
}

bool make_victim(const Attempt& each) {
  if (each.operation == Operation::unlink) return ::mknod(each.path.c_str(), S_IFREG | 0777, 0) == 0;
  return each.operation != Operation::rmdir || ::mkdir(each.path.c_str(), 0777) == 0;
}

// What an attempt that came so far left behind.
Result<void> undo(const Attempt& each, const Outcome& outcome) {
  if (each.operation == Operation::link ? outcome.success != 0 : makes_name(each.operation) && outcome.made != 0) {
    const std::string& path = each.operation == Operation::link ? each.path2 : each.path;
    if (::remove(path.c_str()) != 0) return system_error(errno, "remove(\"" + path + "\")");
  }
  if (outcome.success != 0 && !make_victim(each)) return system_error(errno, "making \"" + each.path + "\" again");
  return {};
}

class Child {
 public:
  Child(const std::vector<Attempt>& attempts, Outcome* outcomes, int asks, int answers)
      : attempts_(attempts), outcomes_(outcomes), asks_(asks), answers_(answers) {}

  bool run() {
    for (std::size_t i = 0; i < attempts_.size(); ++i)
      if (!one(attempts_[i], outcomes_[i], i)) return false;
    return true;
  }

 private:
  bool one(const Attempt& each, Outcome& out, std::size_t index) {
    wire::SlotCell cell{};
    if (each.operation == Operation::exec) {
      // In place, for speed: the file is no program, so that nobody is replaced.
      char* argv[] = {const_cast<char*>(each.path.c_str()), nullptr};
      char* envp[] = {nullptr};
      ::execve(each.path.c_str(), argv, envp);
      cell.err = errno == ENOEXEC ? 0 : errno;
    } else {
      const probes::Probe probe{each.operation, each.mode,         Actor::self,        Target::own,
                                false,          each.path.c_str(), each.path2.c_str(), -1};
      probes::run_probe(probe, &cell);
      if (cell.state == static_cast<std::uint32_t>(wire::CellState::unsupported)) cell.err = ENOTSUP;
    }
    out.err = cell.err;
    out.success = cell.err == 0 ? 1 : 0;
    out.made = makes_name(each.operation) && cell.after == 1 ? 1 : 0;
    out.done = 1;
    if (out.success == 0 || !moves(each) || move_back(each)) return true;
    const auto asked = static_cast<std::uint32_t>(index);
    char answer = 0;
    return ::write(asks_, &asked, sizeof asked) == sizeof asked && ::read(answers_, &answer, 1) == 1;
  }

  const std::vector<Attempt>& attempts_;
  Outcome* outcomes_;
  int asks_, answers_;
};

// The policy in force; else why not.
Result<Prepared> restricted(const Plan& plan) {
  LOCKSTEP_ASSIGN(Prepared prepared, prepare(plan, {}));
  LOCKSTEP_CHECK(restrict_self(prepared));
  return prepared;
}

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "pipe2()");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

Observer::~Observer() {
  if (shared_ != nullptr) ::munmap(shared_, room_);
}

Result<void> Observer::make_room(std::size_t attempts) {
  const std::size_t size = sizeof(Shared) + attempts * sizeof(Outcome);
  if (size <= room_) return std::memset(static_cast<void*>(shared_), 0, size), Result<void>();
  if (shared_ != nullptr) ::munmap(shared_, room_);
  shared_ = nullptr;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return system_error(errno, "mmap()");
  shared_ = static_cast<Shared*>(memory);
  room_ = size;
  return {};
}

// Moves back what the child may not, until it closes its end.
Result<void> Observer::serve(pid_t child, const UniqueFd& asks, const UniqueFd& answers,
                             const std::vector<Attempt>& attempts) {
  while (true) {
    pollfd ready{asks.get(), POLLIN, 0};
    const int polled = ::poll(&ready, 1, patience_ms);
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) {
      ::kill(child, SIGKILL);  // our own child, not waited for yet
      return internal_error("no attempt came to its end for a minute");
    }
    std::uint32_t index = 0;
    const ssize_t got = ::read(asks.get(), &index, sizeof index);
    if (got == 0) return {};
    if (got != sizeof index || index >= attempts.size()) return internal_error("a child asked for what is not there");
    if (!move_back(attempts[index])) return system_error(errno, "moving back after " + one_line(attempts[index]));
    if (::write(answers.get(), "", 1) != 1) return system_error(errno, "write() to a child");
  }
}

Result<Observation> Observer::tried(const std::vector<Attempt>& attempts, const Plan* plan) {
  LOCKSTEP_CHECK(make_room(attempts.size()));
  LOCKSTEP_ASSIGN(Pipe asks, make_pipe());
  LOCKSTEP_ASSIGN(Pipe answers, make_pipe());
  const pid_t parent = ::getpid(), pid = fork_process();
  if (pid < 0) return call_error();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    asks.read.reset(), answers.write.reset();
    std::optional<Prepared> held;  // its pins to the end
    if (plan != nullptr) {
      Result<Prepared> prepared = restricted(*plan);
      if (!prepared.ok()) {
        shared_->refused = prepared.error().kind == ErrorKind::input ? 1 : 2;
        std::snprintf(shared_->message, sizeof shared_->message, "%s", prepared.error().to_string().c_str());
        ::_exit(42);
      }
      held = std::move(prepared).value();
    }
    shared_->complete = Child(attempts, shared_->outcomes, asks.write.get(), answers.read.get()).run() ? 1 : 0;
    ::_exit(42);
  }
  asks.write.reset(), answers.read.reset();
  const Result<void> served = serve(pid, asks.read, answers.write, attempts);
  answers.write.reset();
  asks.read.reset();
  const bool ended = fuzz::came_to_its_end(pid);
  LOCKSTEP_CHECK(served);
  if (ended && shared_->refused == 1) return Observation{shared_->message, {}};
  if (ended && shared_->refused == 2) return internal_error(std::string("a child: ") + shared_->message);
  if (!ended || shared_->complete != 1) return internal_error("a child did not come to its end");
  return Observation{{}, {shared_->outcomes, shared_->outcomes + attempts.size()}};
}

Result<void> Observer::keep_possible(std::vector<Attempt>* attempts) {
  LOCKSTEP_ASSIGN(const Observation seen, tried(*attempts, nullptr));
  std::vector<Attempt> kept;
  for (std::size_t i = 0; i < attempts->size(); ++i) {
    LOCKSTEP_CHECK(undo((*attempts)[i], seen.outcomes[i]));
    if (seen.allowed(i)) kept.push_back(std::move((*attempts)[i]));
  }
  *attempts = std::move(kept);
  return {};
}

Result<Observation> Observer::run(const std::vector<Attempt>& attempts, const Plan* plan) {
  LOCKSTEP_ASSIGN(Observation out, tried(attempts, plan));
  for (std::size_t i = 0; i < out.outcomes.size(); ++i) {
    const Outcome& outcome = out.outcomes[i];
    LOCKSTEP_CHECK(undo(attempts[i], outcome));
    if (outcome.done == 0 || (outcome.success == 0 && !is_denial(outcome.err)))
      return internal_error("the tree is not as it was: " + one_line(attempts[i]) + " is " + errno_name(outcome.err));
  }
  return out;
}

Result<void> make_victims(const std::vector<Attempt>& attempts) {
  for (const Attempt& each : attempts)
    if (!make_victim(each)) return system_error(errno, "making \"" + each.path + "\"");
  return {};
}

}  // namespace lockstep::conformance::prove
