#include "enforce/count_layers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "base/fork.h"
#include "enforce/restrict.h"
#include "landlock/ruleset.h"

namespace lockstep {
namespace {

constexpr int no_ruleset = 100, refused = 101;  // and child_threw

int stack_all() {
  const Result<Ruleset> rules = Ruleset::create({.fs = Right::make_block}, 1);
  if (!rules.ok()) return no_ruleset;
  for (int more = 0; more <= most_layers; ++more) {
    const Result<void> stacked = restrict_self(rules->fd());
    if (!stacked.ok()) return stacked.error().err == E2BIG ? more : refused;
  }
  return refused;
}

}  // namespace

LayerCount count_layers() {
  const auto unknown = [](const std::string& why) { return LayerCount{std::nullopt, "not known: " + why}; };
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) return unknown(kernel.error().message);
  if (kernel->abi < 2) return unknown("ABI 1 has another limit");
  const pid_t pid = fork_process();
  if (pid < 0) return unknown("no child can be made (" + errno_name(errno) + ")");
  if (pid == 0) run_child(stack_all);
  int status = 0;
  if (!wait_for(pid, &status)) return unknown("somebody else reaped the child that counts");
  if (!WIFEXITED(status))
    return unknown("the child that counts was ended by signal " + std::to_string(WTERMSIG(status)));
  const int taken = WEXITSTATUS(status);
  if (taken > most_layers) return unknown("the child that counts could not restrict itself");
  return {most_layers - taken, "a child could stack " + std::to_string(taken) + " of " + std::to_string(most_layers)};
}

}  // namespace lockstep
