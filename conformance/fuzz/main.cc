// lockstep-fuzz: random trees, rules and operations, the model against the running kernel.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/complain.h"
#include "base/flags.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "conformance/fuzz/fuzz.h"
#include "conformance/fuzz/reclaim.h"
#include "conformance/fuzz/report.h"

namespace lockstep::conformance::fuzz {
namespace {

constexpr char usage[] =
    "usage: lockstep-fuzz [--seed N] [--operations N] [--seconds S] [--layers N] [--workers N]\n"
    "                     [--process-tier | --thread-tier] [--reclaim] [--plant FAULT] [--save FILE]\n"
    "                     [--replay FILE] [--list-faults]\n"
    "\n"
    "Makes random trees, layers of random rules and random operations; a restricted process tries each, "
    "another does in an\n"
    "identical tree without the restriction, and both are held against what the model said. A disagreement "
    "is cut down to the\n"
    "least that still disagrees and printed as a case (lockstep.fuzz/1) that --replay runs.\n"
    "\n"
    "  --seed N         default 1; the same seed tries the same on machines that can do the same\n"
    "  --operations N   stop after (default 200000)\n"
    "  --seconds S      stop after, whichever comes first (default: no limit)\n"
    "  --layers N       at most so many layers, 1 to 16 (default 16)\n"
    "  --workers N      default: one for each processor\n"
    "  --thread-tier    restrict a thread instead of a child process\n"
    "  --reclaim        cases with rules on entries of procfs, which the kernel is made to take back: root, and it "
    "drops\n"
    "                   the dentry cache of the machine\n"
    "  --plant FAULT    break the model: it must be found (then the exit code is 1). --list-faults names "
    "them; `all` plants each\n"
    "                   in its turn and fails where one is not found\n"
    "  --save FILE      the figures as JSON (lockstep.fuzz-report/1); with --plant all what became of each "
    "fault\n"
    "                   (lockstep.faults/1)\n"
    "  --replay FILE    run one case; with --plant, under that fault\n"
    "\n"
    "exit: 0 no disagreement; 1 a disagreement; 2 bad input; 3 this host cannot run it; 4 the fuzzer "
    "failed\n";

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) {
  interrupted = 1;
}

struct Arguments {
  Options options;
  std::string replay, plant, save;
  bool list = false, help = false;
};

Result<void> take_value(Arguments& out, const Flag& flag) {
  constexpr std::uint64_t most = 1'000'000'000'000;
  if (flag.name == "--seed") {
    LOCKSTEP_ASSIGN(out.options.seed, read_number(flag, 0, UINT64_MAX));
  } else if (flag.name == "--operations") {
    LOCKSTEP_ASSIGN(out.options.operations, read_number(flag, 1, most));
  } else if (flag.name == "--seconds") {
    LOCKSTEP_ASSIGN(const std::uint64_t seconds, read_number(flag, 1, 1'000'000));
    out.options.seconds = static_cast<double>(seconds);
    if (out.options.operations == Options{}.operations) out.options.operations = most;
  } else if (flag.name == "--layers") {
    LOCKSTEP_ASSIGN(out.options.most_layers, read_number(flag, 1, 16));
  } else if (flag.name == "--workers") {
    LOCKSTEP_ASSIGN(const std::uint64_t workers, read_number(flag, 1, 64));
    out.options.workers = static_cast<int>(workers);
  } else {
    (flag.name == "--replay" ? out.replay : flag.name == "--save" ? out.save : out.plant) = flag.value;
  }
  return {};
}

Result<Arguments> parse(int argc, char** argv) {
  Arguments out;
  FlagReader reader(argc, argv,
                    {"--seed=*", "--operations=*", "--seconds=*", "--layers=*", "--workers=*", "--replay=*",
                     "--plant=*", "--save=*", "--list-faults*", "--reclaim*", "--thread-tier*", "--process-tier*"},
                    "argument");
  while (reader.more()) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    if (flag.name.empty()) return usage_error("unknown argument " + printable(flag.value));
    if (flag.has_value) LOCKSTEP_CHECK(take_value(out, flag));
    if (flag.name == "--help") out.help = true;
    if (flag.name == "--list-faults") out.list = true;
    if (flag.name == "--reclaim") out.options.reclaim = true;
    if (flag.name == "--thread-tier") out.options.tier = Tier::thread;
    if (flag.name == "--process-tier") out.options.tier = Tier::process;
  }
  if (!out.plant.empty() && out.plant != "all" && find_fault(out.plant) == nullptr)
    return input_error("", 0, "there is no fault " + printable(out.plant) + " (see --list-faults)");
  if (out.plant == "all" && !out.replay.empty()) return input_error("", 0, "--replay takes one fault, not all");
  if (out.plant != "all" && !out.plant.empty()) out.options.fault = find_fault(out.plant);
  return out;
}

void print(const Options& options, const Report& report) {
  std::printf("%-14s %12s %12s %12s\n", "operation", "allowed", "denied", "elsewhere");
  for (int i = 0; i < fuzzed_operation_count; ++i) {
    const Count& each = report.counts[static_cast<std::size_t>(i)];
    std::printf("%-14s %12llu %12llu %12llu\n", std::string(name(static_cast<Operation>(i))).c_str(),
                static_cast<unsigned long long>(each.allowed), static_cast<unsigned long long>(each.denied),
                static_cast<unsigned long long>(each.elsewhere));
  }
  std::printf(
      "seed %llu: %llu operations in %llu cases on ABI %d (errata %#x), %llu denied, %.1f s, %.0f operations "
      "a second (%s tier)%s\n",
      static_cast<unsigned long long>(options.seed), static_cast<unsigned long long>(report.operations),
      static_cast<unsigned long long>(report.cases), report.kernel.abi, report.kernel.errata,
      static_cast<unsigned long long>(report.denied()), report.seconds,
      static_cast<double>(report.operations) / report.seconds, options.tier == Tier::thread ? "thread" : "process",
      report.features.mknod ? "" : "; no device nodes of its own");
  std::printf("%llu operations by a freshly executed program, %llu under a compiled policy\n",
              static_cast<unsigned long long>(report.kinds.executed),
              static_cast<unsigned long long>(report.kinds.stacked));
  if (report.features.reclaim)
    std::printf("%llu operations after procfs entries were reclaimed; %llu rules not reclaimed: skipped\n",
                static_cast<unsigned long long>(report.kinds.reclaimed),
                static_cast<unsigned long long>(report.kinds.not_reclaimed));
  else
    std::printf("not fuzzed here: reclaim of procfs entries (%s)\n",
                options.reclaim ? "no procfs" : "--reclaim, as root");
  if (!report.features.network) std::printf("not fuzzed here: ports, scopes and signals (no network namespace)\n");
  if (!report.features.proc) std::printf("not fuzzed here: another procfs (it cannot be mounted)\n");
  if (!report.features.overlay) std::printf("not fuzzed here: overlayfs (it cannot be mounted)\n");
}

int run(const Options& options, const std::string& save) {
  const Result<Report> report = fuzz(options);
  if (!report) return complain(report.error());
  print(options, *report);
  if (!save.empty())
    if (const Result<void> saved = write_file(save, to_json(options, *report)); !saved) return complain(saved.error());
  if (interrupted != 0) return complain(internal_error("interrupted"));
  if (!report->found && report->denied() == 0)
    return complain(unsupported_error(0, "nothing was denied: such a run shows nothing"));
  if (!report->found) return 0;
  std::printf("disagrees, after %llu operations: %s\n%s", static_cast<unsigned long long>(report->found->after),
              report->found->words.c_str(), report->found->json.c_str());
  return 1;
}

bool can_show(const Fault& fault) {
  return !fault.needs_reclaim || open_drop_caches().ok();
}

int run_faults(Options options, const std::string& save) {
  bool all = true;
  std::vector<Planted> planted;
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel) return complain(kernel.error());
  for (const Fault& fault : all_faults()) {
    options.fault = &fault;
    Result<Report> report = Report{};
    report->kernel = *kernel;
    if (kernel->abi >= fault.first_abi && can_show(fault)) report = fuzz(options);
    if (!report) return complain(report.error());
    if (interrupted != 0) return complain(internal_error("interrupted"));
    planted.push_back({&fault, *report, can_show(fault)});
    const bool shown = planted.back().shown();
    all = all && (report->found || !shown);
    if (report->found)
      std::printf("%-24s found after %8llu operations  %s\n", std::string(fault.name).c_str(),
                  static_cast<unsigned long long>(report->found->after), report->found->words.c_str());
    else
      std::printf("%-24s %s\n", std::string(fault.name).c_str(),
                  shown ? "NOT FOUND" : ("skipped: " + planted.back().why_not()).c_str());
    std::fflush(stdout);
  }
  if (!save.empty())
    if (const Result<void> saved = write_file(save, to_json(options, planted)); !saved) return complain(saved.error());
  return all ? 0 : 1;
}

int asked_for(int argc, char** argv) {
  Result<Arguments> arguments = parse(argc, argv);
  if (!arguments) return complain(arguments.error());
  if (arguments->help) return std::fputs(usage, stdout), 0;
  if (arguments->list) {
    for (const Fault& fault : all_faults())
      std::printf("%-24s %s\n", std::string(fault.name).c_str(), std::string(fault.what).c_str());
    return 0;
  }
  if (!arguments->replay.empty()) {
    const Result<FuzzCase> fuzz_case = read_fuzz_case(arguments->replay);
    if (!fuzz_case) return complain(fuzz_case.error());
    const Result<std::string> words = replay(*fuzz_case, arguments->options.tier, arguments->options.fault);
    if (!words) return complain(words.error());
    std::printf("%s\n", words->empty() ? "agrees" : words->c_str());
    return words->empty() ? 0 : 1;
  }
  for (const int each : {SIGINT, SIGTERM}) std::signal(each, interrupt);
  arguments->options.interrupted = &interrupted;
  if (!arguments->save.empty())  // a name that cannot be written is said before the work
    if (const Result<void> writable = write_file(arguments->save, ""); !writable) return complain(writable.error());
  return arguments->plant == "all" ? run_faults(arguments->options, arguments->save)
                                   : run(arguments->options, arguments->save);
}

int main_with(int argc, char** argv) {
  name_program("lockstep-fuzz");
  const int code = asked_for(argc, argv);
  const Result<void> said = flush_output();
  return said.ok() ? code : complain(said.error());
}

}  // namespace
}  // namespace lockstep::conformance::fuzz

int main(int argc, char** argv) {
  if (!lockstep::fill_standard_descriptors()) return 4;
  if (lockstep::asks_version(argc, argv)) return lockstep::print_version("lockstep-fuzz");
  lockstep::ignore_write_signals();
  return lockstep::conformance::fuzz::main_with(argc, argv);
}
