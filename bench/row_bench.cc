// What does the harness add to a row of 20 probes? Floor: a bare fork server of the same system calls (by strace): the
// request read and the answer sent, shared memory and a scratch directory, a child with its own process group and
// limits, another user without capabilities and the proofs of it, the same rule set, canary, restriction, the same 20
// opens, and the wait with what is looked for after it. Both are one restricted child; the harness's control child,
// which doubles its cost, is left out. And: does the row's cost depend on what the driver holds? (floor: the same row,
// driver small.) Times are CPU time of every process that takes part: on a shared machine the clock on the wall tells
// what the others do. Does not measure: the judge, nor how long a process waits for its turn.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "conformance/harness/workers.h"
#include "landlock/uapi.h"

namespace {

using namespace lockstep;
using namespace lockstep::conformance;

constexpr int abi = 2;  // on every kernel the suite supports
constexpr int probes = 20;
const char* const rule_paths[] = {"/usr", "/etc", "/dev", "/proc", "/var"};
const char* const probed[] = {"/etc/passwd", "/"};  // allowed, denied
std::unique_ptr<harness::Workers> workers;

double cpu_seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

constexpr int batch = 50;  // rows an iteration: the kernel accounts in microseconds

// What both sides of the floor share: as much as the kernel is asked for by the row protocol, and nothing around it.
struct Bare {
  int slot = -1, output = -1;
  pid_t sibling = 0, parent = 0;
};

void bare_rules(int ruleset) {
  for (const char* path : rule_paths) {
    uapi::PathBeneathAttr rule;
    rule.allowed_access = access_read_only.bits();
    rule.parent_fd = ::open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    ::fstat(rule.parent_fd, &st);
    uapi::add_rule(ruleset, uapi::rule_path_beneath, &rule, 0);
    ::close(rule.parent_fd);
  }
}

bool bare_drop() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ::syscall(SYS_capget, &header, data);
  if (::geteuid() == 0) {
    for (unsigned long cap = 0; ::prctl(PR_CAPBSET_DROP, cap) == 0; ++cap) {
    }
    ::prctl(PR_GET_SECUREBITS);
    if (::getgroups(0, nullptr) > 0 && ::setgroups(0, nullptr) != 0) return false;
    if (::setresgid(64000, 64000, 64000) != 0 || ::setresuid(64000, 64000, 64000) != 0) return false;
  }
  data[0] = data[1] = {};
  ::syscall(SYS_capset, &header, data);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  uid_t uid[3];
  gid_t gid[3];
  bool proved = ::getresuid(&uid[0], &uid[1], &uid[2]) == 0 && ::getresgid(&gid[0], &gid[1], &gid[2]) == 0 &&
                uid[2] == ::getuid();
  proved =
      proved && ::getgroups(0, nullptr) >= 0 && ::syscall(SYS_capget, &header, data) == 0 && data[0].permitted == 0;
  for (unsigned long cap = 0; ::prctl(PR_CAPBSET_READ, cap) >= 0; ++cap) {
  }
  return proved;
}

[[noreturn]] void bare_child(const Bare& bare) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != bare.parent) ::_exit(1);
  for (int number : {SIGINT, SIGTERM, SIGQUIT, SIGPIPE}) ::signal(number, SIG_DFL);
  sigset_t none_blocked;
  ::sigemptyset(&none_blocked);
  ::sigprocmask(SIG_SETMASK, &none_blocked, nullptr);
  ::umask(0);
  const rlimit none{0, 0}, files{1U << 20, 1U << 20}, memory{1UL << 30, 1UL << 30};
  ::setrlimit(RLIMIT_CORE, &none);
  ::setrlimit(RLIMIT_FSIZE, &files);
  ::setrlimit(RLIMIT_AS, &memory);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, 0);
  ::dup2(bare.output, 1);
  ::dup2(bare.output, 2);
  uapi::RulesetAttr attr;
  attr.handled_access_fs = abi_info(abi)->fs.bits();
  const auto ruleset = static_cast<int>(uapi::create_ruleset(&attr, 8, 0));
  bare_rules(ruleset);
  ::syscall(SYS_close_range, ruleset + 1, ~0U, 0);
  if (!bare_drop()) ::_exit(1);
  ::prctl(PR_SET_DUMPABLE, 1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != bare.parent) ::_exit(1);
  char canary[40], target[256];
  std::snprintf(canary, sizeof(canary), "/proc/%d/exe", bare.sibling);
  bool ok = ::readlink(canary, target, sizeof(target)) > 0;
  ok = ok && uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_version) > 0;
  struct stat st;
  ok = ok && ::stat("/proc/self/task", &st) == 0;
  ok = ok && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && uapi::restrict_self(ruleset, 0) == 0;
  ok = ok && ::readlink(canary, target, sizeof(target)) < 0;
  int opened = 0;
  for (int i = 0; i < probes; ++i) {
    const int fd = ::open(probed[i % 2], O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) continue;
    ++opened;
    ::close(fd);
  }
  ::_exit(ok && opened == probes / 2 ? 42 : 1);
}

// A process of the child's identity that waits, for the canary.
// Back once it is who it will be; -1 where it could not become that.
pid_t bare_sibling() {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) return -1;
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!bare_drop() || ::prctl(PR_SET_DUMPABLE, 1) != 0 || ::write(ready[1], "r", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  ::close(ready[1]);
  char byte = 0;
  const bool started = pid > 0 && ::read(ready[0], &byte, 1) == 1;
  ::close(ready[0]);
  return started ? pid : -1;
}

bool bare_row(Bare& bare, const std::string& scratch, const std::string& request) {
  const auto request_fd = static_cast<int>(::syscall(SYS_memfd_create, "request", MFD_CLOEXEC));
  if (::write(request_fd, request.data(), request.size()) < 0) return false;
  bare.slot = static_cast<int>(::syscall(SYS_memfd_create, "slot", MFD_CLOEXEC));
  bare.output = static_cast<int>(::syscall(SYS_memfd_create, "output", MFD_CLOEXEC));
  constexpr std::size_t bytes = 2048;
  if (::ftruncate(bare.slot, bytes) != 0) return false;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bare.slot, 0);
  *static_cast<volatile int*>(memory) = 1;
  ::mkdir(scratch.c_str(), 0777);
  ::chmod(scratch.c_str(), 0777);
  const pid_t pid = ::fork();
  if (pid == 0) bare_child(bare);
  const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  pollfd wait{pidfd, POLLIN, 0};
  ::poll(&wait, 1, 15000);
  int status = 0;
  ::kill(-pid, SIGKILL);  // before the number is free again
  ::waitpid(pid, &status, 0);
  char children[256];
  const int list =
      ::open(("/proc/self/task/" + std::to_string(::getpid()) + "/children").c_str(), O_RDONLY | O_CLOEXEC);
  const bool listed = ::read(list, children, sizeof(children)) > 0;
  const int directory = ::open(scratch.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (::syscall(SYS_getdents64, directory, children, sizeof(children)) > 0) {
  }
  ::rmdir(scratch.c_str());
  for (int fd : {request_fd, list, directory, pidfd, bare.slot}) ::close(fd);
  ::munmap(memory, bytes);
  const bool read = ::pread(bare.output, children, sizeof(children), 0) == 0;
  ::close(bare.output);
  return listed && read && WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

bool send_bytes(int socket, const std::string& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return ::send(socket, &size, sizeof(size), 0) == sizeof(size) &&
         ::send(socket, bytes.data(), size, 0) == static_cast<ssize_t>(size);
}

bool receive_bytes(int socket, std::string* bytes) {
  std::uint32_t size = 0;
  if (::recv(socket, &size, sizeof(size), MSG_WAITALL) != sizeof(size)) return false;
  bytes->resize(size);
  return ::recv(socket, bytes->data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

// The fork server: reads a request, runs the row, answers; with what it cost, as a process that lives on cannot be
// asked.
[[noreturn]] void bare_server(int socket, const std::string& scratch) {
  Bare bare;
  bare.parent = ::getpid();
  bare.sibling = bare_sibling();
  if (bare.sibling < 0) ::_exit(1);
  std::string request, reply(1024, '.');
  while (receive_bytes(socket, &request)) {
    const double before = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
    const bool ok = bare_row(bare, scratch, request);
    const double cost = ok ? cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN) - before : -1;
    std::memcpy(reply.data(), &cost, sizeof(cost));
    if (!send_bytes(socket, reply)) break;
  }
  ::kill(bare.sibling, SIGKILL);
  ::waitpid(bare.sibling, nullptr, 0);
  ::_exit(0);
}

void floor_bare_child(benchmark::State& state) {
  char base[] = "/tmp/lockstep-bench.XXXXXX";
  const std::string scratch = std::string(::mkdtemp(base)) + "/row";
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return state.SkipWithError("socketpair()");
  const pid_t server = ::fork();
  if (server == 0) {
    ::close(sockets[0]);
    bare_server(sockets[1], scratch);
  }
  ::close(sockets[1]);
  const std::string request(626, '.');
  std::string reply;
  for (auto _ : state) {
    const double before = cpu_seconds(RUSAGE_SELF);
    double in_server = 0;
    for (int i = 0; i < batch; ++i) {
      pollfd wait{sockets[0], POLLIN, 0};
      double cost = -1;
      if (send_bytes(sockets[0], request) && ::poll(&wait, 1, 15000) > 0 && receive_bytes(sockets[0], &reply))
        std::memcpy(&cost, reply.data(), sizeof(cost));
      if (cost < 0) state.SkipWithError("the bare child failed");
      in_server += cost;
    }
    state.SetIterationTime((cpu_seconds(RUSAGE_SELF) - before + in_server) / batch);
  }
  ::close(sockets[0]);
  ::waitpid(server, nullptr, 0);
  ::rmdir(base);
}
BENCHMARK(floor_bare_child)->UseManualTime()->Iterations(10);

void run_row(benchmark::State& state) {
  wire::RowRequest row;
  row.id = 1;
  row.name = "row_bench";
  row.identity = ::geteuid() == 0 ? wire::IdentityKind::user : wire::IdentityKind::self;
  Plan& plan = row.plans.emplace_back();
  plan.abi = abi;
  plan.handled = abi_info(abi)->fs;
  row.without_control = true;
  for (const char* path : rule_paths) plan.rules.push_back({path, access_read_only});
  for (int i = 0; i < probes; ++i) {
    row.cells.emplace_back();
    row.cells.back().operation = Operation::open_r;
    row.cells.back().path = probed[i % 2];
  }
  const std::vector<wire::RowRequest> rows(batch, row);
  for (auto _ : state) {
    int good = 0;
    const double before = cpu_seconds(RUSAGE_SELF);
    double in_worker = 0;
    const Result<void> ran = workers->run(rows, [&](std::size_t, const wire::RowReply& reply) {
      in_worker += static_cast<double>(reply.cpu_us) / 1e6;
      good += reply.restricted.outcome == wire::ChildOutcome::completed && reply.restricted.cells[0].err == 0 &&
              reply.restricted.cells[1].err == EACCES && reply.restricted.canary_after == EACCES;
    });
    if (!ran.ok() || good != batch) state.SkipWithError("a row failed");
    state.SetIterationTime((cpu_seconds(RUSAGE_SELF) - before + in_worker) / batch);
  }
}

void row(benchmark::State& state) {
  run_row(state);
}
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
  harness::Workers::Options options;
  options.count = 1;
  options.helper_path = LOCKSTEP_PROBE_HELPER;
  options.cuda_helper_path = LOCKSTEP_CUDA_HELPER;
  Result<harness::Workers> started = harness::Workers::start(options);
  if (!started.ok()) {
    std::fprintf(stderr, "row_bench: %s\n", started.error().to_string().c_str());
    return 3;
  }
  workers = std::make_unique<harness::Workers>(std::move(started).value());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  workers.reset();
  return 0;
}
