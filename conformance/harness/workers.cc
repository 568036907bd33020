#include "conformance/harness/workers.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "base/unique_fd.h"
#include "conformance/harness/layout.h"
#include "conformance/harness/worker.h"

namespace lockstep::conformance {
namespace {

using Clock = std::chrono::steady_clock;

std::string beside_this_executable(const char* name) {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  const std::string self(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return self.substr(0, self.rfind('/') + 1) + name;
}

// The helper in memory: a child in a simulated root, or of another user, could not reach the file.
Result<UniqueFd> load_helper(const std::string& path, const char* name) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error(errno, "open(\"" + printable(path) + "\"), which the children of a row execute");
  UniqueFd memory(static_cast<int>(::syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!memory) return system_error(errno, "memfd_create()");
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof(buffer));
    if (n < 0) return system_error(errno, "read(\"" + printable(path) + "\")");
    if (n == 0) break;
    if (::write(memory.get(), buffer, static_cast<std::size_t>(n)) != n) return system_error(errno, "write(memfd)");
  }
  // Every child of every row holds this descriptor: none may change what the next one executes.
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return system_error(errno, "fcntl(F_ADD_SEALS)");
  return memory;
}

struct Process {
  pid_t pid = 0;
  UniqueFd socket;
  std::string scratch;
  std::ptrdiff_t row = -1;  // index of the request it works on
  Clock::time_point deadline;
};

}  // namespace

struct Workers::State {
  Options options;
  UniqueFd helper;
  UniqueFd cuda_helper;
  std::vector<Process> processes;
  WorkerHello hello;

  Result<void> start(std::size_t index);
  void stop(Process& process, bool kill);
};

Result<void> Workers::State::start(std::size_t index) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return system_error(errno, "socketpair()");
  UniqueFd ours(sockets[0]), theirs(sockets[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error(errno, "fork()");
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
  const std::optional<std::string> frame = (theirs.reset(), receive_frame(ours.get()));
  const std::optional<WorkerHello> said = frame ? decode_hello(*frame) : std::nullopt;
  Process& process = processes[index];
  process.pid = pid;
  process.socket = std::move(ours);
  process.row = -1;
  if (!said) {
    stop(process, true);
    return system_error(EIO, "a worker did not start: is \"" + printable(options.scratch_root) + "\" writable?");
  }
  process.scratch = said->scratch;
  hello = *said;
  return {};
}

void Workers::State::stop(Process& process, bool kill) {
  if (process.pid <= 0) return;
  process.socket.reset();
  if (kill) ::kill(process.pid, SIGKILL);
  int status = 0;
  while (::waitpid(process.pid, &status, 0) < 0 && errno == EINTR) {
  }
  process.pid = 0;
  // Only a worker that came to its own end has cleaned up after itself.
  if ((!WIFEXITED(status) || WEXITSTATUS(status) != 0) && !process.scratch.empty()) remove_tree(process.scratch);
}

Workers::Workers(std::unique_ptr<State> state) : state_(std::move(state)) {}
Workers::Workers(Workers&&) noexcept = default;
Workers& Workers::operator=(Workers&&) noexcept = default;
Workers::~Workers() {
  if (state_ == nullptr) return;
  for (Process& process : state_->processes) process.socket.reset();  // all at once: they end side by side
  for (Process& process : state_->processes) state_->stop(process, false);
}

const WorkerHello& Workers::hello() const { return state_->hello; }
unsigned Workers::count() const { return static_cast<unsigned>(state_->processes.size()); }

Result<Workers> Workers::start(const Options& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  constexpr char helper[] = "lockstep-probe-helper", cuda_helper[] = "lockstep-cuda-helper";
  if (state->options.helper_path.empty()) state->options.helper_path = beside_this_executable(helper);
  if (state->options.cuda_helper_path.empty()) state->options.cuda_helper_path = beside_this_executable(cuda_helper);
  if (state->options.scratch_root.empty()) {
    const char* temporary = std::getenv("TMPDIR");
    state->options.scratch_root = temporary != nullptr && *temporary == '/' ? temporary : "/tmp";
  }
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  const unsigned count = options.count > 0 ? options.count : static_cast<unsigned>(std::clamp(cores, 1L, 8L));
  LOCKSTEP_ASSIGN(state->helper, load_helper(state->options.helper_path, helper));
  LOCKSTEP_ASSIGN(state->cuda_helper, load_helper(state->options.cuda_helper_path, cuda_helper));
  state->processes.resize(count);
  Workers workers(std::move(state));
  for (std::size_t i = 0; i < count; ++i) LOCKSTEP_CHECK(workers.state_->start(i));
  return workers;
}

Result<void> Workers::run(const std::vector<RowRequest>& requests, const std::function<void(std::size_t, RowReply)>& done) {
  std::size_t next = 0, finished = 0;
  std::vector<Process>& processes = state_->processes;
  // The row of a worker that is gone: nothing is known of it, and that is what it says.
  const auto lost = [&](std::size_t index, const std::string& why) -> Result<void> {
    Process& process = processes[index];
    RowReply reply;
    const auto row = static_cast<std::size_t>(process.row);
    reply.id = requests[row].id;
    reply.control.message = why;
    state_->stop(process, true);
    ++finished;
    done(row, std::move(reply));
    return state_->start(index);
  };
  while (finished < requests.size()) {
    for (std::size_t i = 0; i < processes.size() && next < requests.size(); ++i) {
      Process& process = processes[i];
      if (process.row >= 0) continue;
      process.row = static_cast<std::ptrdiff_t>(next);
      process.deadline = Clock::now() + std::chrono::milliseconds(2 * time_for(requests[next]) + 5000);
      ++next;
      if (!send_frame(process.socket.get(), encode(requests[next - 1]))) LOCKSTEP_CHECK(lost(i, "the worker died"));
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
    if (waits.empty()) continue;  // every send just failed: nobody is left to wait for
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(soonest - Clock::now()).count();
    if (::poll(waits.data(), waits.size(), static_cast<int>(std::max<long>(left, 1))) < 0 && errno != EINTR)
      return system_error(errno, "poll()");
    for (std::size_t k = 0; k < busy.size(); ++k) {
      Process& process = processes[busy[k]];
      if (waits[k].revents == 0) {
        if (Clock::now() >= process.deadline) LOCKSTEP_CHECK(lost(busy[k], "the worker hung and was ended"));
        continue;
      }
      const std::optional<std::string> frame = receive_frame(process.socket.get());
      std::optional<RowReply> reply = frame ? decode_row_reply(*frame) : std::nullopt;
      if (!reply) {
        LOCKSTEP_CHECK(lost(busy[k], frame ? "the worker sent nonsense" : "the worker died"));
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

}  // namespace lockstep::conformance
