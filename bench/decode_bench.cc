// How long does it take to read a policy? Floor: yaml-cpp's own load of the same text, which checks nothing.
// Does not measure: reading the file.
#include <benchmark/benchmark.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include <lockstep/policy.h>

namespace {

std::string policy_text(long paths) {
  std::string text = "version: 1\nfilesystem_policy:\n  read_only:\n";
  for (long i = 0; i < paths; ++i) text += "    - /srv/data/set-" + std::to_string(i) + "\n";
  return text;
}

void floor_yaml_load(benchmark::State& state) {
  const std::string text = policy_text(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(YAML::Load(text));
}
BENCHMARK(floor_yaml_load)->Arg(16)->Arg(256);

void decode_policy(benchmark::State& state) {
  const std::string text = policy_text(state.range(0));
  for (auto _ : state) {
    auto policy = lockstep::decode_policy(text, "bench.yaml");
    if (!policy.ok()) state.SkipWithError("the policy does not decode");
    benchmark::DoNotOptimize(policy);
  }
}
BENCHMARK(decode_policy)->Arg(16)->Arg(256);

}  // namespace
