#include "conformance/trace/trace.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <map>
#include <set>

#include "base/fork.h"
#include "base/standard_fds.h"
#include "base/unique_fd.h"
#include "conformance/harness/ending.h"
#include "conformance/trace/calls.h"
#include "host/own_procfs.h"

namespace lockstep::conformance::trace {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t native = AUDIT_ARCH_X86_64;
constexpr std::uint64_t x32_bit = 0x40000000;
#elif defined(__aarch64__)
constexpr std::uint32_t native = AUDIT_ARCH_AARCH64;
constexpr std::uint64_t x32_bit = ~std::uint64_t{0};
#else
#error "the tracer knows the calls of x86-64 and aarch64"
#endif

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{1};        // for descendants, once the command has ended
constexpr std::chrono::seconds last_patience{10};  // for what was killed

class Tracer {
 public:
  explicit Tracer(const TraceOptions& options) : options_(options) {}
  Result<Trace> run();

 private:
  struct Thread {
    int number = 0;
    std::optional<TraceEvent> begun;  // a call that has not ended
  };

  Result<void> start();
  Result<void> follow();
  void stopped(pid_t tid, int status);
  void at_call(pid_t tid);
  void ended(pid_t tid, int status);
  void add(TraceEvent event);
  void resume(pid_t tid, int signal) { ::ptrace(PTRACE_SYSCALL, tid, nullptr, signal); }
  Thread& thread(pid_t tid);
  void end_all();

  const TraceOptions& options_;
  Trace out_;
  pid_t command_ = 0;
  bool command_ended_ = false;
  bool killed_ = false;
  Clock::time_point deadline_;
  std::map<pid_t, Thread> threads_;  // alive
  std::set<pid_t> seen_;             // those, and those that have ended
  std::map<pid_t, int> processes_;   // by thread-group id
};

// A child that waits to be seized before it becomes the command: nothing of it is missed.
Result<void> Tracer::start() {
  int go[2];
  if (::pipe2(go, O_CLOEXEC) != 0) return system_error(errno, "pipe2()");
  UniqueFd read_end(go[0]), write_end(go[1]);
  std::vector<char*> argv;
  for (const std::string& each : options_.command) argv.push_back(const_cast<char*>(each.c_str()));
  argv.push_back(nullptr);
  command_ = fork_process();
  if (command_ < 0) return call_error();
  if (command_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    char byte = 0;
    ::close(write_end.get());
    if (::read(read_end.get(), &byte, 1) != 1) ::_exit(127);
    restore_write_signals();
    ::execv(argv[0], argv.data());
    ::_exit(errno == ENOENT ? 127 : 126);
  }
  constexpr long follow_all = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                              PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SEIZE, command_, nullptr, follow_all) != 0) {
    const int err = errno;
    harness::await_end(command_, 0);
    return unsupported_error(
        err, "ptrace(PTRACE_SEIZE): " + errno_name(err) + ": this machine does not let a process trace its child");
  }
  // Stopped once, it can be told to stop at every call from its next one on.
  ::ptrace(PTRACE_INTERRUPT, command_, nullptr, nullptr);
  int status = 0;
  if (::waitpid(command_, &status, __WALL) != command_ || !WIFSTOPPED(status))
    return internal_error("the command did not stop for its tracer");
  thread(command_);
  resume(command_, 0);
  if (::write(write_end.get(), "g", 1) != 1) return system_error(errno, "write()");
  return {};
}

Tracer::Thread& Tracer::thread(pid_t tid) {
  const auto [found, is_new] = threads_.try_emplace(tid);
  if (!is_new) return found->second;
  seen_.insert(tid);
  std::ifstream status("/proc/" + std::to_string(tid) + "/status");
  pid_t group = tid;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Tgid:")) group = static_cast<pid_t>(std::stol(line.substr(5)));
  const int process = processes_.try_emplace(group, static_cast<int>(processes_.size()) + 1).first->second;
  out_.threads.push_back({process, tid});
  found->second.number = static_cast<int>(out_.threads.size());
  return found->second;
}

void Tracer::add(TraceEvent event) {
  if (!out_.events.empty()) {
    TraceEvent& last = out_.events.back();
    if (last.thread == event.thread && last.call == event.call && last.path == event.path &&
        last.flags == event.flags && last.result == event.result) {
      ++last.times;
      return;
    }
  }
  out_.events.push_back(std::move(event));
}

void Tracer::at_call(pid_t tid) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0) return;
  Thread& from = thread(tid);
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    from.begun.reset();
    if (info.arch != native || (x32_bit != ~std::uint64_t{0} && (info.entry.nr & x32_bit) != 0)) {
      ++out_.foreign_calls;
      return;
    }
    std::array<std::uint64_t, 6> arguments{};
    for (std::size_t i = 0; i < arguments.size(); ++i) arguments[i] = info.entry.args[i];
    from.begun = decode_call(tid, info.entry.nr, arguments);
    return;
  }
  if (info.op != PTRACE_SYSCALL_INFO_EXIT || !from.begun) return;
  TraceEvent event = *std::exchange(from.begun, std::nullopt);
  const int err = info.exit.is_error != 0 ? static_cast<int>(-info.exit.rval) : 0;
  if (err >= 512) return;  // interrupted: the kernel begins it once more
  event.thread = from.number;
  event.result = errno_name(err);
  add(std::move(event));
}

void Tracer::stopped(pid_t tid, int status) {
  const int signal = WSTOPSIG(status), event = status >> 16;
  if (signal == (SIGTRAP | 0x80)) {
    at_call(tid);
    return resume(tid, 0);
  }
  if (event == PTRACE_EVENT_STOP) {
    thread(tid);  // a new one begins with this
    const bool group_stop = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    if (!group_stop) return resume(tid, 0);
    ::ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
    return;
  }
  if (event == PTRACE_EVENT_EXEC) {
    // A thread that executes a program takes over the number of the first one.
    unsigned long former = 0;
    if (::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &former) == 0 && static_cast<pid_t>(former) != tid) {
      if (const auto found = threads_.find(static_cast<pid_t>(former)); found != threads_.end()) {
        threads_[tid] = std::move(found->second);
        threads_.erase(static_cast<pid_t>(former));
      }
    }
  }
  unsigned long made = 0;
  const bool makes = event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK;
  // It may have been heard of already, and even have ended.
  if (makes && ::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &made) == 0 && seen_.count(static_cast<pid_t>(made)) == 0)
    thread(static_cast<pid_t>(made));
  resume(tid, event != 0 ? 0 : signal);
}

void Tracer::ended(pid_t tid, int status) {
  if (const auto found = threads_.find(tid); found != threads_.end()) {
    // A call in which it ended has no result.
    if (found->second.begun) {
      found->second.begun->thread = found->second.number;
      found->second.begun->result = "none";
      add(std::move(*found->second.begun));
    }
    threads_.erase(found);
  }
  if (tid != command_) return;
  command_ended_ = true;
  if (WIFEXITED(status)) out_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status) && !out_.timed_out) out_.signal = WTERMSIG(status);
  deadline_ = std::min(deadline_, Clock::now() + patience);
}

void Tracer::end_all() {
  out_.timed_out = out_.timed_out || !command_ended_;
  for (const auto& [tid, ignored] : threads_)
    if (harness::state_of_child(tid) == harness::ChildState::alive)
      ::kill(tid, SIGKILL);  // not reaped, so the number is still its own
  deadline_ = Clock::now() + last_patience;
}

Result<void> Tracer::follow() {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  while (!command_ended_ || !threads_.empty()) {
    int status = 0;
    const pid_t tid = ::waitpid(-1, &status, __WALL | WNOHANG);
    if (tid < 0 && errno == ECHILD) return {};
    if (tid < 0 && errno != EINTR) return system_error(errno, "waitpid()");
    if (tid > 0) {
      if (WIFSTOPPED(status)) {
        stopped(tid, status);
      } else {
        ended(tid, status);
      }
    } else {
      // With a bound of its own: a signal that came before it was blocked may be one for several children.
      const timespec nap{0, 100'000'000};
      ::sigtimedwait(&child, nullptr, &nap);
    }
    if (Clock::now() < deadline_) continue;
    if (killed_) return {};  // a driver may hold one in the kernel, where no signal ends it
    end_all();
    killed_ = true;
  }
  return {};
}

Result<Trace> Tracer::run() {
  // Whose thread it is, and what its descriptors are, is read there by number.
  if (const Result<OwnProcfs> procfs = OwnProcfs::prove(); !procfs.ok()) return procfs.error();
  harness::keep_ended_children();
  utsname system{};
  ::uname(&system);
  out_.command = options_.command;
  out_.kernel = system.release;
  out_.kernel.resize(std::min(out_.kernel.find('-'), out_.kernel.size()));  // whose build it is does not matter
  out_.machine = system.machine;
  std::ifstream driver("/sys/module/nvidia/version");
  std::getline(driver, out_.driver);
  deadline_ = Clock::now() + std::chrono::milliseconds(options_.timeout_ms);
  // Blocked, so that it can be waited for.
  sigset_t child, before;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, &before);
  Result<void> result = start();
  if (result.ok()) result = follow();
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (!result.ok()) return std::move(result).error();
  return std::move(out_);
}

}  // namespace

Result<Trace> trace_command(const TraceOptions& options) {
  return Tracer(options).run();
}

}  // namespace lockstep::conformance::trace
