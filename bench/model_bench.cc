// How many decisions a second does the model make on a loaded view? Floor: none; it calls no system, and the aim is a
// million. Walks of six objects, forty rules.
#include <benchmark/benchmark.h>

#include <lockstep/rights.h>

#include "model/model.h"

namespace {

using namespace lockstep;

void decide(benchmark::State& state) {
  model::Model model(model::Kernel{.abi = 7, .kernel_abi = 7, .errata = 7});
  std::vector<model::Rule> rules;
  for (std::uint64_t i = 0; i < 40; ++i)
    rules.push_back({{1, 100 + i, model::FileType::directory}, lockstep::access_read_only, -1});
  model.add_layer(model::rights_of_abi(7), rules);
  model::Walk walk;
  for (std::uint64_t i = 0; i < 6; ++i)
    walk.objects.push_back({1, 105 - i, i == 0 ? model::FileType::regular : model::FileType::directory});
  const lockstep::Operation operations[] = {lockstep::Operation::open_r, lockstep::Operation::open_w,
                                            lockstep::Operation::unlink};
  std::size_t next = 0;
  for (auto _ : state) {
    model::Query query;
    query.operation = operations[next++ % 3];
    query.first = &walk;
    benchmark::DoNotOptimize(model.decide(query));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide);

}  // namespace
