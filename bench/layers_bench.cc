// What does one open and close of a file cost under 0, 1, 4 and 16 layers? Floor: 0 layers. Each in a child of its own,
// for layers are never taken off; the child measures its own CPU time. Does not measure: how the cost grows with the
// depth of the path (here: 3).
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <string>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "base/unique_fd.h"
#include "landlock/uapi.h"

namespace {

using namespace lockstep;

constexpr int opens = 2000;  // a child

bool add_layer(const char* directory) {
  uapi::RulesetAttr attr;
  attr.handled_access_fs = abi_info(1)->fs.bits();
  const UniqueFd ruleset(static_cast<int>(uapi::create_ruleset(&attr, 8, 0)));
  const UniqueFd parent(::open(directory, O_PATH | O_CLOEXEC));
  uapi::PathBeneathAttr rule;
  rule.allowed_access = access_read_only.bits();
  rule.parent_fd = parent.get();
  return uapi::add_rule(ruleset.get(), uapi::rule_path_beneath, &rule, 0) == 0 &&
         ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && uapi::restrict_self(ruleset.get(), 0) == 0;
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Seconds of CPU time for one open and close; negative where one failed.
double measure(const char* directory, const char* file, long layers) {
  for (long i = 0; i < layers; ++i)
    if (!add_layer(directory)) return -1;
  const double start = cpu_seconds();
  for (int i = 0; i < opens; ++i) {
    const int fd = ::open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ::close(fd);
  }
  return (cpu_seconds() - start) / opens;
}

void open_under_layers(benchmark::State& state) {
  char directory[] = "/tmp/lockstep-bench.XXXXXX";
  if (::mkdtemp(directory) == nullptr) return state.SkipWithError("mkdtemp failed");
  const std::string file = std::string(directory) + "/file";
  UniqueFd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).reset();
  for (auto _ : state) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) state.SkipWithError("pipe2 failed");
    const pid_t pid = ::fork();
    if (pid == 0) {
      const double took = measure(directory, file.c_str(), state.range(0));
      ::_exit(::write(ends[1], &took, sizeof(took)) == sizeof(took) ? 0 : 1);
    }
    ::close(ends[1]);
    double took = -1;
    if (::read(ends[0], &took, sizeof(took)) != sizeof(took) || took < 0)
      state.SkipWithError("the child failed: no Landlock?");
    ::close(ends[0]);
    ::waitpid(pid, nullptr, 0);
    state.SetIterationTime(took < 0 ? 1 : took);
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(open_under_layers)->Arg(0)->Arg(1)->Arg(4)->Arg(16)->UseManualTime()->Iterations(20);

}  // namespace
