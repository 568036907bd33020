// What does prepare() add to the system calls it cannot do without? Floor: create, then open, fstat, add_rule, close
// for each path. Does not measure: the restriction itself, nor the cost of an access under it.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "enforce/prepare.h"
#include "landlock/uapi.h"

namespace {

// Directories made for the run and removed after it.
class Paths {
 public:
  explicit Paths(long count) {
    char base[] = "/tmp/lockstep-bench.XXXXXX";
    base_ = ::mkdtemp(base);
    for (long i = 0; i < count; ++i) {
      all.push_back(base_ + "/" + std::to_string(i));
      ::mkdir(all.back().c_str(), 0700);
    }
  }
  ~Paths() { std::filesystem::remove_all(base_); }
  std::vector<std::string> all;

 private:
  std::string base_;
};

constexpr int abi = 2;  // on every kernel the suite supports

void floor_system_calls(benchmark::State& state) {
  const Paths paths(state.range(0));
  for (auto _ : state) {
    const std::uint64_t handled = lockstep::abi_info(abi)->fs.bits();
    lockstep::uapi::RulesetAttr attr;
    attr.handled_access_fs = handled;
    const auto ruleset = static_cast<int>(lockstep::uapi::create_ruleset(&attr, 8, 0));
    for (const std::string& path : paths.all) {
      lockstep::uapi::PathBeneathAttr rule;
      rule.allowed_access = lockstep::access_read_only.bits();
      rule.parent_fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
      struct stat st;
      if (::fstat(rule.parent_fd, &st) != 0 ||
          lockstep::uapi::add_rule(ruleset, lockstep::uapi::rule_path_beneath, &rule, 0) != 0)
        state.SkipWithError("Landlock does not answer");
      ::close(rule.parent_fd);
    }
    ::close(ruleset);
  }
}
BENCHMARK(floor_system_calls)->Arg(7)->Arg(64)->Arg(256);

void prepare(benchmark::State& state) {
  const Paths paths(state.range(0));
  lockstep::Plan plan;
  plan.abi = abi;
  plan.handled = lockstep::abi_info(abi)->fs;
  for (const std::string& path : paths.all) plan.rules.push_back({path, lockstep::access_read_only, false, 0});
  for (auto _ : state) {
    auto prepared = lockstep::prepare(plan, {});
    if (!prepared.ok()) state.SkipWithError("prepare failed");
    benchmark::DoNotOptimize(prepared);
  }
}
BENCHMARK(prepare)->Arg(7)->Arg(64)->Arg(256);

}  // namespace
