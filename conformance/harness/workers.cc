#include "conformance/harness/workers.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "base/fork.h"
#include "base/installation.h"
#include "base/unique_fd.h"
#include "conformance/harness/descendants.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/helpers.h"
#include "conformance/harness/layout.h"
#include "conformance/harness/memory_file.h"
#include "conformance/harness/worker.h"

namespace lockstep::conformance::harness {
namespace {

using Clock = std::chrono::steady_clock;

struct Process {
  pid_t pid = 0;
  UniqueFd socket;
  std::string scratch;
  std::ptrdiff_t row = -1;  // index of the request it works on
  Clock::time_point deadline;
};

// The workers of every Workers there are: what is none of these, and came later, came from one that died.
std::vector<pid_t>& live_workers() {
  static std::vector<pid_t> pids;
  return pids;
}

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

}  // namespace

struct Workers::State {
  Options options;
  UniqueFd helper;
  UniqueFd cuda_helper;
  std::vector<Process> processes;
  wire::WorkerHello hello;
  std::optional<OwnProcfs> procfs;  // in which what workers left is found
  std::vector<pid_t> children_before;
  int was_subreaper = 0;

  Result<void> start(std::size_t index);
  void stop(Process& process, int patience_ms);
  Clock::time_point in(std::uint64_t milliseconds) const {
    return Clock::now() + std::chrono::milliseconds(milliseconds);
  }
};

Result<void> Workers::State::start(std::size_t index) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return call_error("socketpair()");
  UniqueFd ours(sockets[0]), theirs(sockets[1]);
  const pid_t pid = fork_process();
  if (pid < 0) return call_error();
  if (pid == 0) {
    ours.reset();
    for (Process& other : processes) other.socket.reset();  // else a worker would not see the driver hang up on another
    WorkerSetup setup;
    setup.socket = theirs.get();
    setup.helper_fd = helper.get();
    setup.cuda_helper_fd = cuda_helper.get();
    setup.slot = static_cast<std::uint32_t>(index);
    setup.scratch_root = options.scratch_root;
    worker_main(setup);
  }
  live_workers().push_back(pid);
  theirs.reset();
  const std::optional<std::string> frame = receive_frame(ours.get(), in(options.patience_ms));
  const std::optional<wire::WorkerHello> said = frame ? wire::decode_hello(*frame) : std::nullopt;
  Process& process = processes[index];
  process.pid = pid;
  process.socket = std::move(ours);
  process.row = -1;
  process.scratch.clear();
  if (!said || !said->failure.empty()) {
    stop(process, 0);
    if (!said)
      return internal_error("a worker did not start within " + std::to_string(options.patience_ms) + " ms, or died");
    return Error{said->failure_kind, 0, said->failure, {}, 0};
  }
  process.scratch = said->scratch;
  hello = *said;
  return {};
}

void Workers::State::stop(Process& process, int patience_ms) {
  if (process.pid <= 0) return;
  process.socket.reset();
  const int status = await_end(process.pid, patience_ms).status;
  live_workers().erase(std::find(live_workers().begin(), live_workers().end(), process.pid));
  process.pid = 0;
  // Its siblings, its row's children and whatever these started are this process's children now.
  end_children(*procfs, [&](pid_t pid) { return contains(live_workers(), pid) || contains(children_before, pid); });
  // Only a worker that came to its own end has cleaned up after itself.
  if ((!WIFEXITED(status) || WEXITSTATUS(status) != 0) && !process.scratch.empty()) remove_tree(process.scratch);
}

Workers::Workers(std::unique_ptr<State> state) : state_(std::move(state)) {}
Workers::Workers(Workers&&) noexcept = default;
Workers& Workers::operator=(Workers&&) noexcept = default;
Workers::~Workers() {
  if (state_ == nullptr) return;
  for (Process& process : state_->processes) process.socket.reset();  // all at once: they end side by side
  // One that is idle ends by itself; what one in the middle of a row would clean up is cleaned up here.
  for (Process& process : state_->processes)
    state_->stop(process, process.row < 0 ? static_cast<int>(state_->options.patience_ms) : 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, state_->was_subreaper);
}

const wire::WorkerHello& Workers::hello() const {
  return state_->hello;
}
unsigned Workers::count() const {
  return static_cast<unsigned>(state_->processes.size());
}

Result<Workers> Workers::start(const Options& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  keep_ended_children();
  LOCKSTEP_CHECK(check_waitid());
  LOCKSTEP_ASSIGN(OwnProcfs procfs, OwnProcfs::prove_for_children());
  state->procfs.emplace(std::move(procfs));
  constexpr char cuda_helper[] = "lockstep-cuda-helper";
  if (state->options.helper_path.empty()) state->options.helper_path = companion_program(probe_helper);
  if (state->options.cuda_helper_path.empty()) state->options.cuda_helper_path = companion_program(cuda_helper);
  if (state->options.scratch_root.empty()) state->options.scratch_root = temporary_directory();
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  const unsigned count = options.count > 0 ? options.count : static_cast<unsigned>(std::clamp(cores, 1L, 8L));
  LOCKSTEP_ASSIGN(state->helper, load_helper(state->options.helper_path, probe_helper));
  LOCKSTEP_ASSIGN(state->cuda_helper, load_helper(state->options.cuda_helper_path, cuda_helper));
  state->processes.resize(count);
  state->children_before = children_of_this_process(*state->procfs);
  if (::prctl(PR_GET_CHILD_SUBREAPER, &state->was_subreaper) != 0 || ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    return call_error("prctl(PR_SET_CHILD_SUBREAPER)");
  Workers workers(std::move(state));
  for (std::size_t i = 0; i < count; ++i) LOCKSTEP_CHECK(workers.state_->start(i));
  return workers;
}

Result<void> Workers::run(const std::vector<wire::RowRequest>& requests,
                          const std::function<void(std::size_t, wire::RowReply)>& done) {
  std::size_t next = 0, finished = 0;
  std::vector<Process>& processes = state_->processes;
  const auto gone = [](const Process& process) {
    return Clock::now() >= process.deadline ? "the worker hung and was ended" : "the worker died";
  };
  // The row of a worker that is gone: nothing is known of it, and that is what it says.
  const auto lost = [&](std::size_t index, const std::string& why) -> Result<void> {
    Process& process = processes[index];
    wire::RowReply reply;
    const auto row = static_cast<std::size_t>(process.row);
    reply.id = requests[row].id;
    reply.control.message = why;
    state_->stop(process, 0);
    ++finished;
    done(row, std::move(reply));
    return state_->start(index);
  };
  while (finished < requests.size()) {
    for (std::size_t i = 0; i < processes.size() && next < requests.size(); ++i) {
      Process& process = processes[i];
      if (process.row >= 0) continue;
      process.row = static_cast<std::ptrdiff_t>(next);
      process.deadline = state_->in(2 * std::uint64_t{wire::time_for(requests[next])} + state_->options.patience_ms);
      ++next;
      if (!send_frame(process.socket.get(), wire::encode(requests[next - 1]), process.deadline))
        LOCKSTEP_CHECK(lost(i, gone(process)));
    }
    std::vector<pollfd> waits;
    std::vector<std::size_t> busy;
    Clock::time_point soonest = Clock::now() + std::chrono::seconds(60);
    for (std::size_t i = 0; i < processes.size(); ++i) {
      if (processes[i].row < 0) continue;
      waits.push_back({processes[i].socket.get(), POLLIN, 0});
      busy.push_back(i);
      soonest = std::min(soonest, processes[i].deadline);
    }
    if (busy.empty()) continue;  // every worker was lost before it had its row
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(soonest - Clock::now()).count();
    if (::poll(waits.data(), waits.size(), static_cast<int>(std::max<long>(left, 1))) < 0 && errno != EINTR)
      return system_error(errno, "poll()");
    for (std::size_t k = 0; k < busy.size(); ++k) {
      Process& process = processes[busy[k]];
      if (waits[k].revents == 0) {
        if (Clock::now() >= process.deadline) LOCKSTEP_CHECK(lost(busy[k], gone(process)));
        continue;
      }
      const std::optional<std::string> frame = receive_frame(process.socket.get(), process.deadline);
      std::optional<wire::RowReply> reply = frame ? wire::decode_row_reply(*frame) : std::nullopt;
      if (!reply) {
        LOCKSTEP_CHECK(lost(busy[k], frame ? "the worker sent nonsense" : gone(process)));
        continue;
      }
      const auto row = static_cast<std::size_t>(process.row);
      process.row = -1;
      ++finished;
      done(row, std::move(*reply));
    }
  }
  return {};
}

}  // namespace lockstep::conformance::harness
