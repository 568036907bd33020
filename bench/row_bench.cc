// What does the harness add to a row of 20 probes? Floor: a bare child that makes the same system calls: own process group,
// limits, another user without capabilities, the same rule set, the restriction, the same 20 opens, and is waited for.
// Both are one restricted child; the harness's control child, which doubles its cost, is left out. And: does the row's cost
// depend on what the driver holds? (floor: the same row, driver small)
// Times are CPU time of every process that takes part: on a shared machine the clock on the wall tells what the others do.
// Does not measure: the judge, nor how long a process waits for its turn.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "conformance/harness/workers.h"
#include "landlock/abi.h"
#include "landlock/uapi.h"

namespace {

using namespace lockstep;
using namespace lockstep::conformance;

constexpr int abi = 2;  // on every kernel the suite supports
constexpr int probes = 20;
const char* const rule_paths[] = {"/usr", "/etc", "/dev", "/proc", "/var"};
const char* const probed[] = {"/etc/passwd", "/"};  // allowed, denied
std::unique_ptr<Workers> workers;

double cpu_seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

constexpr int batch = 50;  // rows an iteration: the kernel accounts in microseconds

[[noreturn]] void bare_child() {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit none{0, 0}, files{1U << 20, 1U << 20}, memory{1UL << 30, 1UL << 30};
  ::setrlimit(RLIMIT_CORE, &none);
  ::setrlimit(RLIMIT_FSIZE, &files);
  ::setrlimit(RLIMIT_AS, &memory);
  uapi::RulesetAttr attr;
  attr.handled_access_fs = abi_info(abi)->fs.bits();
  const auto ruleset = static_cast<int>(uapi::create_ruleset(&attr, 8, 0));
  for (const char* path : rule_paths) {
    uapi::PathBeneathAttr rule;
    rule.allowed_access = access_read_only.bits();
    rule.parent_fd = ::open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    ::fstat(rule.parent_fd, &st);
    uapi::add_rule(ruleset, uapi::rule_path_beneath, &rule, 0);
    ::close(rule.parent_fd);
  }
  if (::geteuid() == 0) {
    for (unsigned long cap = 0; ::prctl(PR_CAPBSET_READ, cap) >= 0; ++cap) ::prctl(PR_CAPBSET_DROP, cap);
    if (::setgroups(0, nullptr) != 0 || ::setresgid(64000, 64000, 64000) != 0 || ::setresuid(64000, 64000, 64000) != 0) ::_exit(1);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ::syscall(SYS_capset, &header, data);
  ::prctl(PR_SET_DUMPABLE, 1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || uapi::restrict_self(ruleset, 0) != 0) ::_exit(1);
  int opened = 0;
  for (int i = 0; i < probes; ++i) {
    const int fd = ::open(probed[i % 2], O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) continue;
    ++opened;
    ::close(fd);
  }
  ::_exit(opened == probes / 2 ? 42 : 1);
}

void floor_bare_child(benchmark::State& state) {
  for (auto _ : state) {
    const double before = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
    for (int i = 0; i < batch; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) bare_child();
      int status = 0;
      ::waitpid(pid, &status, 0);
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 42) state.SkipWithError("the bare child failed");
    }
    state.SetIterationTime((cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN) - before) / batch);
  }
}
BENCHMARK(floor_bare_child)->UseManualTime()->Iterations(10);

void run_row(benchmark::State& state) {
  RowRequest row;
  row.id = 1;
  row.name = "row_bench";
  row.identity = ::geteuid() == 0 ? IdentityKind::user : IdentityKind::self;
  row.plan_abi = abi;
  row.handled = abi_info(abi)->fs.bits();
  row.without_control = true;
  for (const char* path : rule_paths) row.rules.push_back({path, access_read_only.bits(), false});
  for (int i = 0; i < probes; ++i) {
    row.cells.emplace_back();
    row.cells.back().operation = Operation::open_r;
    row.cells.back().path = probed[i % 2];
  }
  const std::vector<RowRequest> rows(batch, row);
  for (auto _ : state) {
    int good = 0;
    const double before = cpu_seconds(RUSAGE_SELF);
    double in_worker = 0;
    const Result<void> ran = workers->run(rows, [&](std::size_t, const RowReply& reply) {
      in_worker += static_cast<double>(reply.cpu_us) / 1e6;
      good += reply.restricted.outcome == ChildOutcome::completed && reply.restricted.cells[0].err == 0 &&
             reply.restricted.cells[1].err == EACCES && reply.restricted.canary_after == EACCES;
    });
    if (!ran.ok() || good != batch) state.SkipWithError("a row failed");
    state.SetIterationTime((cpu_seconds(RUSAGE_SELF) - before + in_worker) / batch);
  }
}

void row(benchmark::State& state) { run_row(state); }
BENCHMARK(row)->UseManualTime()->Iterations(10);

void row_beside_512_mib(benchmark::State& state) {
  const std::vector<char> dirty(512U << 20, 1);
  benchmark::DoNotOptimize(dirty.data());
  run_row(state);
}
BENCHMARK(row_beside_512_mib)->UseManualTime()->Iterations(10);

}  // namespace

int main(int argc, char** argv) {
  // Before anything grows, as the suite does it.
  Workers::Options options;
  options.count = 1;
  options.helper_path = LOCKSTEP_PROBE_HELPER;
  Result<Workers> started = Workers::start(options);
  if (!started.ok()) {
    std::fprintf(stderr, "row_bench: %s\n", started.error().to_string().c_str());
    return 3;
  }
  workers = std::make_unique<Workers>(std::move(started).value());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  workers.reset();
  return 0;
}
