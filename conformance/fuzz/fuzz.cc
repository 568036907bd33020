#include "conformance/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/fork.h"
#include "base/installation.h"
#include "conformance/fuzz/executed.h"
#include "conformance/fuzz/reclaim.h"
#include "conformance/fuzz/worker.h"
#include "conformance/harness/descendants.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/helpers.h"
#include "conformance/harness/memory_file.h"
#include "landlock/ladder.h"

namespace lockstep::conformance::fuzz {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int silence_ms = 60000;  // of a worker that is taken for stuck
constexpr auto silence = std::chrono::milliseconds(silence_ms);

// Asks for the trees below to be laid far from one another. ext4 gives the inode of a removed file out again only
// minutes later, and looks at each of them for every new file of the neighbourhood: a quarter of all time.
void spread_below(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  if (!fd || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_TOPDIR_FL;
  (void)::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags);  // a hint: where there is none, it is slower
}

// The directory and the memory of a campaign, and the workers' ends.
class Campaign {
 public:
  explicit Campaign(Options options) : options_(std::move(options)) {}
  Campaign(const Campaign&) = delete;
  Campaign& operator=(const Campaign&) = delete;
  ~Campaign() {
    if (procfs_) ::prctl(PR_SET_CHILD_SUBREAPER, was_subreaper_);
    if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
    // What a worker that was ended left: its mounts went with its namespace.
    const auto remove_one = [](const char* path, const struct stat*, int, FTW*) { return ::remove(path); };
    if (!base_.empty()) ::nftw(base_.c_str(), remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  }

  Result<void> open() {
    harness::keep_ended_children();
    LOCKSTEP_CHECK(harness::check_waitid());
    LOCKSTEP_ASSIGN(OwnProcfs procfs, OwnProcfs::prove_for_children());
    LOCKSTEP_ASSIGN(kernel_, query_honest_kernel());
    procfs_.emplace(std::move(procfs));
    before_ = harness::children_of_this_process(*procfs_);
    // What a worker that is ended leaves comes to this process, and ends too.
    if (::prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper_) != 0 || ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
      return system_error(errno, "prctl(PR_SET_CHILD_SUBREAPER)");
    LOCKSTEP_ASSIGN(helper_, harness::load_helper(companion_program(harness::probe_helper), harness::probe_helper));
    if (!harness::is_in_memory(helper_.get()))
      return unsupported_error(
          0, "memfd_create is denied here: a program that is executed would have to ask the layers for its file");
    options_.helper = helper_.get();
    if (options_.reclaim) LOCKSTEP_CHECK(open_drop_caches());
    const std::string root = harness::temporary_directory();
    LOCKSTEP_ASSIGN(base_, harness::make_scratch(root, "lockstep-fuzz-"));
    for (const char* directory : {"", "/disk", "/memory"}) {
      const std::string path = base_ + directory;
      if ((*directory != '\0' && ::mkdir(path.c_str(), 0755) != 0) || ::chmod(path.c_str(), 0755) != 0)
        return system_error(errno, "mkdir, chmod(\"" + path + "\")");
    }
    spread_below(base_ + "/disk");
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return system_error(errno, "mmap");
    shared_ = new (memory) Shared{};
    return {};
  }

  // Runs `work` in a child of its own, which has entered its namespaces.
  template <typename Work>
  Result<pid_t> start(Work work) {
    const pid_t pid = fork_process();
    if (pid < 0) return call_error();
    if (pid > 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int each : {SIGINT, SIGTERM}) std::signal(each, SIG_IGN);  // the driver's business: it says stop
    Worker worker(options_, base_, kernel_, shared_);
    Result<void> ran = worker.start();
    if (ran) ran = work(worker);
    if (!ran) {
      shared_->failed_kind = static_cast<int>(ran.error().kind);
      copy_text(shared_->failed, sizeof shared_->failed, ran.error().message);
      shared_->stop.store(1);
    }
    ::_exit(ran ? 42 : 1);
  }

  // Ends what is still running; an error where a worker did not come to its own end.
  Result<void> finish(std::vector<pid_t>& pids) {
    bool ended = true;
    for (const pid_t pid : pids) ended = ended_well(pid) && ended;
    pids.clear();
    harness::end_children(*procfs_,
                          [&](pid_t pid) { return std::find(before_.begin(), before_.end(), pid) != before_.end(); });
    if (shared_->failed[0] != '\0')
      return Error{static_cast<ErrorKind>(shared_->failed_kind), 0, shared_->failed, {}, 0};
    if (!ended) return internal_error("a worker was ended");
    return {};
  }

  // Said to stop, it still cuts down what it found: for as long as it moves.
  bool ended_well(pid_t pid) {
    std::uint64_t last = shared_->beats.load() + 1;
    while (!harness::ends_within(pid, silence_ms) && shared_->beats.load() != last) last = shared_->beats.load();
    const harness::Ending end = harness::await_end(pid, 0);
    return end.in_time && WIFEXITED(end.status) && WEXITSTATUS(end.status) == 42;
  }

  Shared& shared() { return *shared_; }
  const KernelLandlock& kernel() const { return kernel_; }

 private:
  Options options_;
  UniqueFd helper_;
  std::optional<OwnProcfs> procfs_;
  std::vector<pid_t> before_;  // the children this process had
  int was_subreaper_ = 0;
  KernelLandlock kernel_;
  std::string base_;
  Shared* shared_ = nullptr;
};

// Until enough was done, someone stopped, or nobody moved for too long.
Result<void> watch(const Options& options, Shared& shared, Clock::time_point start) {
  std::uint64_t last = 0;
  Clock::time_point moved = Clock::now();
  while (shared.stop.load() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::uint64_t done = shared.operations.load();
    const auto now = Clock::now();
    if (done != last) last = done, moved = now;
    const bool late = options.seconds > 0 && std::chrono::duration<double>(now - start).count() >= options.seconds;
    if (late || done >= options.operations || (options.interrupted != nullptr && *options.interrupted != 0))
      shared.stop.store(1);
    if (now - moved > silence) return internal_error("no operation came to its end for a minute");
  }
  return {};
}

}  // namespace

std::uint64_t Report::denied() const {
  std::uint64_t out = 0;
  for (const Count& each : counts) out += each.denied;
  return out;
}

Result<Report> fuzz(const Options& options) {
  Campaign campaign(options);
  LOCKSTEP_CHECK(campaign.open());
  const auto start = Clock::now();
  std::vector<pid_t> pids;
  const int workers =
      options.workers > 0 ? options.workers : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  for (int i = 0; i < workers; ++i) {
    const Result<pid_t> started = campaign.start([](Worker& worker) { return worker.run(); });
    if (!started) {  // those that run already are not left behind
      for (const pid_t pid : pids) harness::await_end(pid, 0);
      (void)campaign.finish(pids);
      return started.error();
    }
    pids.push_back(*started);
  }
  const Result<void> watched = watch(options, campaign.shared(), start);
  if (!watched)
    for (const pid_t pid : pids) harness::await_end(pid, 0);
  const Result<void> finished = campaign.finish(pids);
  LOCKSTEP_CHECK(watched);
  LOCKSTEP_CHECK(finished);
  const Shared& shared = campaign.shared();
  Report out;
  out.kernel = campaign.kernel();
  out.features = shared.features;
  out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  out.operations = shared.operations.load();
  out.cases = shared.cases.load();
  out.kinds = shared.kinds;
  std::copy(std::begin(shared.counts), std::end(shared.counts), out.counts.begin());
  if (shared.json[0] != '\0') out.found = Report::Found{shared.json, shared.words, shared.after};
  return out;
}

Result<std::string> replay(const FuzzCase& fuzz_case, Tier tier, const Fault* fault) {
  Options options;
  options.tier = tier;
  options.fault = fault;
  options.batch = fuzz_case.operations.size();
  options.reclaim = fuzz_case.reclaim;
  Campaign campaign(options);
  LOCKSTEP_CHECK(campaign.open());
  const int needed = needs_abi(fuzz_case);
  if (campaign.kernel().abi < needed)
    return unsupported_error(0, "the case needs Landlock ABI " + std::to_string(needed));
  std::vector<pid_t> pids;
  LOCKSTEP_ASSIGN(const pid_t pid, campaign.start([&](Worker& worker) -> Result<void> {
    LOCKSTEP_ASSIGN(const std::string words, worker.once(fuzz_case));
    copy_text(campaign.shared().words, sizeof campaign.shared().words, words);
    return {};
  }));
  pids.push_back(pid);
  LOCKSTEP_CHECK(campaign.finish(pids));
  return std::string(campaign.shared().words);
}

}  // namespace lockstep::conformance::fuzz
