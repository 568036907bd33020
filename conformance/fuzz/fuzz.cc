#include "conformance/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "conformance/fuzz/shrink.h"

namespace lockstep::conformance::fuzz {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t cases_of_a_tree = 6;
constexpr std::uint64_t trees_of_a_disk_tree = 24;  // a tree on the machine's own file system is slow: one in so many
constexpr auto silence = std::chrono::seconds(60);  // of a worker that is taken for stuck

// Written by the workers, read by the driver.
struct Shared {
  std::atomic<std::uint64_t> operations, cases, next_tree;
  std::atomic<int> stop;
  std::atomic<int> finder;  // 1: someone is writing what was found
  std::uint64_t after;
  Features features;
  Count counts[operation_count];  // of one worker: see Worker::flush
  std::atomic_flag lock;
  char words[1024];
  char json[1 << 18];
  char failed[1024];
  int failed_kind;
};

void copy_text(char* out, std::size_t size, const std::string& text) {
  const std::size_t length = std::min(size - 1, text.size());
  std::memcpy(out, text.data(), length);
  out[length] = '\0';
}

bool write_line(const char* file, const std::string& line) {
  const UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

// A mount namespace of the worker's own.
Result<void> enter_namespace() {
  const unsigned uid = ::geteuid(), gid = ::getegid();
  if (::unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
    return unsupported_error(errno, "no mount namespace to be had: " + errno_name(errno));
  if (uid != 0) {
    write_line("/proc/self/setgroups", "deny");
    if (!write_line("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") ||
        !write_line("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1"))
      return unsupported_error(errno, "no user namespace to be had: " + errno_name(errno));
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return unsupported_error(errno, "no private mounts to be had: " + errno_name(errno));
  return {};
}

class Worker {
 public:
  Worker(const Options& options, std::string base, KernelLandlock kernel, Shared* shared)
      : options_(options), base_(std::move(base)), shared_(shared), board_(std::max<std::size_t>(options.batch, 1024)) {
    setting_.kernel = kernel;
    setting_.real_root = ::geteuid() == 0;
    setting_.tier = options.tier;
    setting_.fault = options.fault;
  }

  Result<void> start() {
    ::umask(0);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) limit.rlim_cur = limit.rlim_max, ::setrlimit(RLIMIT_NOFILE, &limit);
    LOCKSTEP_CHECK(enter_namespace());
    if (::access("/proc/self/fd", F_OK) != 0) return unsupported_error(errno, "needs /proc");
    return find_features();
  }

  Result<void> run() {
    while (shared_->stop.load() == 0) {
      const std::uint64_t index = shared_->next_tree.fetch_add(1);
      const bool disk = index % trees_of_a_disk_tree == trees_of_a_disk_tree - 1;
      Generator generator(options_.seed, index, features_, disk);
      Pair trees(base_ + (disk ? "/disk/" : "/memory/") + std::to_string(index));
      Result<void> ran = run_tree(generator, trees, index);
      if (Result<void> cleared = trees.clear(); ran && !cleared) ran = cleared;
      LOCKSTEP_CHECK(ran);
    }
    return {};
  }

  // What disagrees in a case built from nothing; empty: nothing.
  Result<std::string> once(const FuzzCase& fuzz_case) {
    const bool disk = std::any_of(fuzz_case.items.begin(), fuzz_case.items.end(), [](const Item& item) { return item.path == "p"; });
    Pair trees(base_ + (disk ? "/disk/" : "/memory/") + std::to_string(::getpid()));
    setting_.explain = true;
    Result<void> ran = trees.make(fuzz_case.items);
    if (ran) ran = execute(fuzz_case, trees, setting_, board_);
    setting_.explain = false;
    LOCKSTEP_CHECK(trees.clear());
    LOCKSTEP_CHECK(ran);
    for (std::size_t i = 0; i < fuzz_case.operations.size(); ++i)
      if (!judge(fuzz_case.operations[i], board_.cells[i]).agrees) return describe(fuzz_case.operations[i], board_.cells[i]);
    return std::string();
  }

 private:
  Result<void> find_features() {
    Features found;
    found.abi = setting_.kernel.abi;
    found.most_layers = options_.most_layers;
    if (::mount("tmpfs", (base_ + "/memory").c_str(), "tmpfs", 0, "mode=0777") != 0)
      return unsupported_error(errno, "no tmpfs can be mounted here: " + errno_name(errno));
    Pair trees(base_ + "/disk/" + std::to_string(::getpid()));
    const auto works = [&](const std::vector<Item>& items) { return trees.make(items).ok(); };
    if (!works({{ItemKind::tmpfs, "t", {}, {}, {}}, {ItemKind::chr, "t/own", {}, {}, {}}}))
      return unsupported_error(0, "no device is to be had here");
    const std::string block = trees.restricted.anywhere("t/block");
    found.mknod = ::mknod(block.c_str(), S_IFBLK | 0600, 7 << 8) == 0;
    found.proc = works({{ItemKind::proc, "t/proc", {}, {}, {}}});
    found.overlay = works({{ItemKind::dir, "t/lower", {}, {}, {}}, {ItemKind::overlay, "t/o", "t/lower", {}, {}}});
    LOCKSTEP_CHECK(trees.clear());
    features_ = shared_->features = found;
    return {};
  }

  Result<void> run_tree(Generator& generator, Pair& trees, std::uint64_t index) {
    LOCKSTEP_CHECK(trees.make(generator.skeleton()));
    for (std::size_t i = 0; i < cases_of_a_tree && shared_->stop.load() == 0; ++i) {
      FuzzCase next = generator.next(options_.batch);
      LOCKSTEP_CHECK(trees.make(next.items));
      LOCKSTEP_CHECK(execute(next, trees, setting_, board_));
      const std::uint64_t before = shared_->operations.load();
      for (std::size_t each = 0; each < next.operations.size(); ++each) {
        if (count(next.operations[each], board_.cells[each])) continue;
        if (shared_->finder.exchange(1) != 0) return {};
        const std::string words = describe(next.operations[each], board_.cells[each]);
        shared_->after = before + each + 1;
        shared_->stop.store(1);
        next.items.insert(next.items.begin(), generator.skeleton().begin(), generator.skeleton().end());
        return found(std::move(next), each, words, index);
      }
      flush();
      shared_->operations.fetch_add(next.operations.size());
      shared_->cases.fetch_add(1);
    }
    return {};
  }

  // Whether the cell agrees.
  bool count(const OperationSpec& operation, const Cell& cell) {
    const Judged judged = judge(operation, cell);
    Count& counts = counts_[static_cast<std::size_t>(operation.operation)];
    if (judged.tried) ++(judged.allowed ? counts.allowed : judged.denied ? counts.denied : counts.elsewhere);
    return judged.agrees;
  }

  void flush() {
    while (shared_->lock.test_and_set()) std::this_thread::yield();
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      shared_->counts[i].allowed += counts_[i].allowed;
      shared_->counts[i].denied += counts_[i].denied;
      shared_->counts[i].elsewhere += counts_[i].elsewhere;
    }
    shared_->lock.clear();
    counts_ = {};
  }

  Result<void> found(FuzzCase whole, std::size_t cell, const std::string& words, std::uint64_t index) {
    const auto fails = [&](const FuzzCase& each) {
      const Result<std::string> said = once(each);
      return said.ok() && !said->empty();
    };
    FuzzCase alone = whole;
    alone.operations = {whole.operations[cell]};
    if (fails(alone)) whole = std::move(alone);
    const bool again = fails(whole);
    FuzzCase small = again ? shrink(std::move(whole), fails) : std::move(whole);
    std::string said = again ? once(small).value() : words + "; not again in a tree of its own";
    small.why = "seed " + std::to_string(options_.seed) + ", tree " + std::to_string(index) + ": " + said;
    copy_text(shared_->words, sizeof shared_->words, said);
    copy_text(shared_->json, sizeof shared_->json, to_json(small));
    return {};
  }

  const Options& options_;
  std::string base_;
  Shared* shared_;
  Setting setting_;
  Features features_;
  Board board_;
  std::array<Count, operation_count> counts_{};
};

// The directory and the memory of a campaign, and the workers' ends.
class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options) {}
  Campaign(const Campaign&) = delete;
  Campaign& operator=(const Campaign&) = delete;
  ~Campaign() {
    if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
    // What a worker that was ended left: its mounts went with its namespace.
    const auto remove_one = [](const char* path, const struct stat*, int, FTW*) { return ::remove(path); };
    if (!base_.empty()) ::nftw(base_.c_str(), remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  }

  Result<void> open() {
    LOCKSTEP_ASSIGN(kernel_, query_kernel());
    ::mkdir("/tmp", 01777);
    char base[] = "/tmp/lockstep-fuzz-XXXXXX";
    if (::mkdtemp(base) == nullptr) return system_error(errno, "mkdtemp(\"/tmp/lockstep-fuzz-XXXXXX\")");
    base_ = base;
    for (const char* directory : {"", "/disk", "/memory"}) {
      const std::string path = base_ + directory;
      if ((*directory != '\0' && ::mkdir(path.c_str(), 0755) != 0) || ::chmod(path.c_str(), 0755) != 0)
        return system_error(errno, "mkdir, chmod(\"" + path + "\")");
    }
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return system_error(errno, "mmap");
    shared_ = new (memory) Shared{};
    return {};
  }

  // Runs `work` in a child of its own, which has entered its namespaces.
  template <typename Work>
  Result<pid_t> start(Work work) {
    const pid_t pid = ::fork();
    if (pid < 0) return system_error(errno, "fork()");
    if (pid > 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
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
    for (const pid_t pid : pids) {
      int status = 0;
      while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
      }
      ended = ended && WIFEXITED(status) && WEXITSTATUS(status) == 42;
    }
    pids.clear();
    if (shared_->failed[0] != '\0') return Error{static_cast<ErrorKind>(shared_->failed_kind), 0, shared_->failed, {}, 0};
    if (!ended) return internal_error("a worker was ended");
    return {};
  }

  Shared& shared() { return *shared_; }
  const KernelLandlock& kernel() const { return kernel_; }

 private:
  const Options& options_;
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
    if (late || done >= options.operations) shared.stop.store(1);
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
  const int workers = options.workers > 0 ? options.workers : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  for (int i = 0; i < workers; ++i) {
    LOCKSTEP_ASSIGN(const pid_t pid, campaign.start([](Worker& worker) { return worker.run(); }));
    pids.push_back(pid);
  }
  const Result<void> watched = watch(options, campaign.shared(), start);
  if (!watched)
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
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
  std::copy(std::begin(shared.counts), std::end(shared.counts), out.counts.begin());
  if (shared.json[0] != '\0') out.found = Report::Found{shared.json, shared.words, shared.after};
  return out;
}

Result<std::string> replay(const FuzzCase& fuzz_case, Tier tier, const Fault* fault) {
  Options options;
  options.tier = tier;
  options.fault = fault;
  options.batch = fuzz_case.operations.size();
  Campaign campaign(options);
  LOCKSTEP_CHECK(campaign.open());
  const int needed = needs_abi(fuzz_case);
  if (campaign.kernel().abi < needed) return unsupported_error(0, "the case needs Landlock ABI " + std::to_string(needed));
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
