// lockstep-verify: lockstep diff --verify, with the harness. The same arguments; lockstep becomes it.
#include <csignal>
#include <cstdio>

#include <lockstep/kernel.h>

#include "base/complain.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "cli/cli.h"
#include "conformance/harness/workers.h"
#include "conformance/verify/verify.h"

int main(int argc, char** argv) {
  using namespace lockstep;
  using namespace lockstep::conformance;
  using namespace lockstep::conformance::verify;
  if (!fill_standard_descriptors()) return 4;
  if (asks_version(argc, argv)) return print_version("lockstep-verify");
  ignore_write_signals();
  // Before anything grows: what the workers fork stays small.
  Result<harness::Workers> started = harness::Workers::start({});
  if (!started.ok()) return complain(started.error());
  harness::Workers& workers = *started;
  const cli::Verifier verifier = [&](const Policy& before, const Policy& after, const diff::Diff& diff, bool quiet) {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) return complain(kernel.error());
    const Result<Verification> proof = verify::verify(workers, *kernel, before, after, diff);
    if (!proof.ok()) return complain(proof.error());
    std::fputs(render(*proof).c_str(), quiet ? stderr : stdout);
    std::fflush(quiet ? stderr : stdout);
    return exit_code(*proof);
  };
  return cli::run_diff(argc, argv, verifier);
}
