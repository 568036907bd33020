// How long until /bin/true has run under a policy? Floor: posix_spawn of it, unrestricted. Beside it bubblewrap, where
// installed, which makes namespaces and mounts instead. Does not measure: a policy that takes a second process (a rule
// below /proc/self).
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

extern char** environ;

namespace {

// Ends with 0 or the benchmark is void.
void run(benchmark::State& state, const std::vector<std::string>& words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  for (auto _ : state) {
    pid_t pid = 0;
    int status = 1;
    if (::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0 ||
        ::waitpid(pid, &status, 0) != pid || status != 0) {
      state.SkipWithError((words[0] + " failed").c_str());
      return;
    }
  }
}

void floor_spawn(benchmark::State& state) {
  run(state, {"/bin/true"});
}
BENCHMARK(floor_spawn)->UseRealTime();

void lockstep_exec(benchmark::State& state) {
  char policy[] = "/tmp/lockstep-bench.XXXXXX";
  const int fd = ::mkstemp(policy);
  if (fd < 0) return state.SkipWithError("mkstemp failed");
  ::close(fd);
  std::ofstream(policy) << "version: 1\nfilesystem_policy:\n  read_only: [/usr, /lib, /bin, /etc, /proc]\n  "
                           "read_write: [/tmp, /dev/null]\n";
  run(state, {LOCKSTEP_CLI, "exec", "--gpu", "off", policy, "--", "/bin/true"});
  ::unlink(policy);
}
BENCHMARK(lockstep_exec)->UseRealTime();

void bubblewrap(benchmark::State& state) {
  const char* program = "/usr/bin/bwrap";
  if (::access(program, X_OK) != 0) return state.SkipWithError("bubblewrap is not installed");
  run(state, {program, "--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true"});
}
BENCHMARK(bubblewrap)->UseRealTime();

}  // namespace
