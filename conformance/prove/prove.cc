#include "conformance/prove/prove.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "base/fork.h"
#include "conformance/fuzz/executed.h"
#include "conformance/prove/worker.h"
#include "host/own_procfs.h"
#include "landlock/ladder.h"
#include "syntax/json.h"

namespace lockstep::conformance::prove {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t pairs_of_a_tree = 12;
constexpr int most_workers = 64;
constexpr int look_ms = 500;  // how often the workers are looked at

// What the workers take their work from.
struct Work {
  std::atomic<std::uint64_t> next_tree{0};
  std::atomic<int> stop{0};
  std::array<std::atomic<std::uint64_t>, most_workers> beats{};  // each worker's, one a pair
};

struct Process {
  pid_t pid = -1;
  UniqueFd lines;
  std::string text;  // read, and no whole line yet
  std::uint64_t beat = 0;
  Clock::time_point moved = Clock::now();
};

bool write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return true;
}

std::string to_line(const Error& error) {
  return Json({{"kind", static_cast<int>(error.kind)}, {"message", error.message}}).dump() + "\n";
}

class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options) {}
  Campaign(const Campaign&) = delete;
  Campaign& operator=(const Campaign&) = delete;
  ~Campaign() {
    end();
    if (work_ != nullptr) ::munmap(work_, sizeof(Work));
  }

  Result<void> open() {
    // Without a /proc of its own it goes on: only names by way of procfs are not tried then.
    if (look_at_procfs().kind == ProcfsKind::own) {
      if (const Result<OwnProcfs> procfs = OwnProcfs::prove_for_children(); !procfs.ok()) return procfs.error();
    }
    LOCKSTEP_ASSIGN(kernel_, query_honest_kernel());
    void* memory = ::mmap(nullptr, sizeof(Work), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return system_error(errno, "mmap()");
    work_ = new (memory) Work{};
    return {};
  }

  // `work` runs in a child of its own, which has entered its namespaces; what it says goes out as a line.
  using Job = std::function<Result<void>(Worker&, int lines)>;
  Result<void> start(const Job& job) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "pipe2()");
    UniqueFd read(ends[0]), write(ends[1]);
    const pid_t parent = ::getpid(), pid = fork_process();
    if (pid < 0) return call_error();
    if (pid > 0) return processes_.push_back({pid, std::move(read), {}}), Result<void>();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    for (const int each : {SIGINT, SIGTERM}) std::signal(each, SIG_IGN);  // the driver's business: it says stop
    Worker worker(options_, kernel_, &work_->beats[processes_.size()]);
    Result<void> ran = worker.start();
    if (ran.ok()) ran = job(worker, write.get());
    if (!ran.ok()) write_all(write.get(), to_line(ran.error()));
    ::_exit(ran.ok() ? 42 : 1);
  }

  // Reads lines until every worker has ended.
  Result<void> listen(const std::function<Result<void>(const std::string&)>& take) {
    while (true) {
      std::vector<pollfd> open;
      for (const Process& each : processes_)
        if (each.lines) open.push_back({each.lines.get(), POLLIN, 0});
      if (open.empty()) return finish();
      const int ready = ::poll(open.data(), open.size(), look_ms);
      if (options_.interrupted != nullptr && *options_.interrupted != 0) work_->stop.store(1);
      if (ready < 0 && errno != EINTR) return call_error("poll()");
      LOCKSTEP_CHECK(all_move());
      if (ready <= 0) continue;
      for (Process& each : processes_) LOCKSTEP_CHECK(read(each, open, take));
    }
  }

  Work& work() { return *work_; }
  const KernelLandlock& kernel() const { return kernel_; }

 private:
  // A pair that does not come to its end is a fault of ours or a worker that was stopped.
  Result<void> all_move() {
    const auto now = Clock::now();
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      Process& each = processes_[i];
      const std::uint64_t beat = work_->beats[i].load();
      if (beat != std::exchange(each.beat, beat)) each.moved = now;
      if (each.lines && now - each.moved > std::chrono::seconds(options_.pair_seconds))
        return internal_error("a worker did not come to the end of a pair within " +
                              std::to_string(options_.pair_seconds) + " s");
    }
    return {};
  }

  Result<void> read(Process& from, const std::vector<pollfd>& open,
                    const std::function<Result<void>(const std::string&)>& take) {
    const auto polled =
        std::find_if(open.begin(), open.end(), [&](const pollfd& each) { return each.fd == from.lines.get(); });
    if (!from.lines || polled == open.end() || polled->revents == 0) return {};
    char bytes[4096];
    const ssize_t got = ::read(from.lines.get(), bytes, sizeof bytes);
    if (got < 0 && errno != EINTR) return system_error(errno, "read() from a worker");
    if (got == 0) return from.lines.reset(), Result<void>();
    from.text.append(bytes, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    for (std::size_t end; (end = from.text.find('\n')) != std::string::npos;) {
      const std::string line = from.text.substr(0, end);
      from.text.erase(0, end + 1);
      LOCKSTEP_CHECK(take(line));
    }
    return {};
  }

  Result<void> finish() {
    bool ended = true;
    for (Process& each : processes_) ended = fuzz::came_to_its_end(std::exchange(each.pid, -1)) && ended;
    processes_.clear();
    return ended ? Result<void>() : Result<void>(internal_error("a worker was ended"));
  }

  void end() {
    for (Process& each : processes_) {
      if (each.pid <= 0) continue;
      ::kill(each.pid, SIGKILL);  // our own child, not waited for yet
      (void)fuzz::came_to_its_end(each.pid);
    }
    processes_.clear();
  }

  const Options& options_;
  KernelLandlock kernel_;
  Work* work_ = nullptr;
  std::vector<Process> processes_;
};

Result<Tally> take_line(const std::string& line) {
  const Json read = Json::parse_or_null(line);
  if (read.is_object() && read.contains("message"))
    return Error{static_cast<ErrorKind>(read.value("kind", 4)), 0, read.value("message", ""), {}, 0};
  return tally_from_json(line);
}

}  // namespace

Result<Report> prove(const Options& options) {
  Campaign campaign(options);
  LOCKSTEP_CHECK(campaign.open());
  const auto start = Clock::now();
  const std::uint64_t trees = (options.pairs + pairs_of_a_tree - 1) / pairs_of_a_tree;
  const auto job = [&](Worker& worker, int lines) -> Result<void> {
    while (campaign.work().stop.load() == 0) {
      const std::uint64_t index = campaign.work().next_tree.fetch_add(1);
      if (index >= trees) break;
      LOCKSTEP_ASSIGN(const Tally tally,
                      worker.run_tree(index, std::min(pairs_of_a_tree, options.pairs - index * pairs_of_a_tree)));
      if (!write_all(lines, to_json(tally) + "\n")) return internal_error("the driver is gone");
    }
    return {};
  };
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  for (int i = 0; i < std::min(options.workers > 0 ? options.workers : cores, most_workers); ++i)
    LOCKSTEP_CHECK(campaign.start(job));
  Report out;
  LOCKSTEP_CHECK(campaign.listen([&](const std::string& line) -> Result<void> {
    LOCKSTEP_ASSIGN(const Tally tally, take_line(line));
    out.add(tally);
    if (out.found.size() >= options.faults) campaign.work().stop.store(1);
    return {};
  }));
  out.kernel = campaign.kernel();
  out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return out;
}

Result<Replayed> replay(const fuzz::FuzzCase& pair, const Lie* lie) {
  Options options;
  options.lie = lie;
  Campaign campaign(options);
  LOCKSTEP_CHECK(campaign.open());
  LOCKSTEP_CHECK(campaign.start([&](Worker& worker, int lines) -> Result<void> {
    LOCKSTEP_ASSIGN(const Judged judged, worker.once(pair));
    Tally one;
    ++one.observed[static_cast<std::size_t>(judged.observed)];
    one.found.push_back(worker.describe(pair, judged));
    return write_all(lines, to_json(one) + "\n") ? Result<void>() : internal_error("the driver is gone");
  }));
  Tally all;
  LOCKSTEP_CHECK(campaign.listen([&](const std::string& line) -> Result<void> {
    LOCKSTEP_ASSIGN(const Tally tally, take_line(line));
    all.add(tally);
    return {};
  }));
  if (all.found.size() != 1) return internal_error("a worker said nothing");
  const auto seen = std::max_element(all.observed.begin(), all.observed.end()) - all.observed.begin();
  return Replayed{std::move(all.found[0]), static_cast<diff::Class>(seen)};
}

}  // namespace lockstep::conformance::prove
