// lockstep-prove-diff: random pairs of policies over random trees, lockstep diff against the running kernel.
#include <csignal>
#include <cstdio>
#include <string_view>

#include "base/complain.h"
#include "base/flags.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "conformance/prove/prove.h"

namespace lockstep::conformance::prove {
namespace {

constexpr char usage[] =
    "usage: lockstep-prove-diff [--pairs N] [--seed N] [--workers N] [--faults N] [--lie NAME] [--list-lies] "
    "[--replay FILE]\n\n"
    "Makes random trees on disk (links, hard links, bind mounts, devices, sockets, dangling names, names by "
    "way of procfs) and random\n"
    "pairs of policies over them. Both policies of a pair are enforced in children, every operation is asked "
    "by every name, and what\n"
    "lockstep diff --host real says is held against the answers: what NEW allows and OLD does not is "
    "widening, always; and a right\n"
    "that the diff says changed is seen to change, or counted with the reason why nothing here can show it. "
    "What is wrong is cut down\n"
    "to the least that still is, and printed as a pair that --replay runs.\n\n"
    "  --pairs N      default 200\n"
    "  --seed N       default 1; the same seed asks the same on machines that can do the same\n"
    "  --workers N    default: one for each processor\n"
    "  --faults N     stop after N faults (default 1)\n"
    "  --lie NAME     a diff with one thing wrong: it must be found (then the exit code is 1); --list-lies "
    "names them\n"
    "  --replay FILE  one pair (lockstep.fuzz/1 with two policies, the old one and the new one)\n\n"
    "exit: 0 nothing is wrong; 1 something is; 2 bad input; 3 this host cannot run it; 4 the program "
    "failed\n";

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) {
  interrupted = 1;
}

struct Arguments {
  Options options;
  std::string replay;
  bool help = false, list = false;
};

Result<void> take(Arguments& out, const Flag& flag) {
  if (flag.name == "--replay") return out.replay = flag.value, Result<void>();
  if (flag.name == "--lie") {
    out.options.lie = find_lie(flag.value);
    if (out.options.lie == nullptr)
      return input_error("", 0, "there is no lie \"" + printable(flag.value) + "\" (see --list-lies)");
    return {};
  }
  LOCKSTEP_ASSIGN(const std::uint64_t given, read_number(flag, flag.name == "--seed" ? 0 : 1, UINT64_MAX));
  if (flag.name == "--seed") out.options.seed = given;
  if (flag.name == "--pairs") out.options.pairs = given;
  if (flag.name == "--faults") out.options.faults = given;
  if (flag.name == "--workers") out.options.workers = static_cast<int>(std::min<std::uint64_t>(given, 64));
  return {};
}

Result<Arguments> parse(int argc, char** argv) {
  Arguments out;
  FlagReader reader(argc, argv,
                    {"--pairs=*", "--seed=*", "--workers=*", "--faults=*", "--lie=*", "--replay=*", "--list-lies*"},
                    "argument");
  while (reader.more()) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    if (flag.name.empty()) return usage_error("unknown argument " + printable(flag.value));
    if (flag.has_value) LOCKSTEP_CHECK(take(out, flag));
    if (flag.name == "--help") out.help = true;
    if (flag.name == "--list-lies") out.list = true;
  }
  return out;
}

void print(const Found& found) {
  std::printf("%s: %s\n%s%s\n", std::string(name(found.fault)).c_str(), found.words.c_str(), found.text.c_str(),
              found.json.c_str());
}

int run(const Options& options) {
  const Result<Report> report = prove(options);
  if (!report.ok()) return complain(report.error());
  for (const Found& each : report->found) print(each);
  const auto count = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
  std::printf(
      "seed %llu, kernel ABI %d: %llu pairs over %llu trees, %llu attempts under both policies of each, %.1f "
      "s (%.0f pairs a second)\n",
      count(options.seed), report->kernel.abi, count(report->pairs), count(report->trees), count(report->attempts),
      report->seconds, static_cast<double>(report->pairs) / report->seconds);
  std::printf("by the kernel:");
  for (std::size_t i = 0; i < report->observed.size(); ++i)
    std::printf(" %s %llu", std::string(diff::name(static_cast<diff::Class>(i))).c_str(), count(report->observed[i]));
  std::printf("\nmade by:");
  for (std::size_t i = 0; i < report->changes.size(); ++i)
    std::printf(" %s %llu", std::string(name(static_cast<Change>(i))).c_str(), count(report->changes[i]));
  std::printf("\nrights claimed and seen to change: %llu; not to be seen here:\n", count(report->confirmed));
  for (const auto& [why, times] : report->unseen) std::printf("  %8llu  %s\n", count(times), why.c_str());
  for (const std::string& each : report->not_tried) std::printf("not tried here: %s\n", each.c_str());
  std::printf("wrong: %zu\n", report->found.size());
  if (!report->found.empty()) return 1;
  if (interrupted != 0) return complain(internal_error("interrupted"));
  if (report->observed[static_cast<std::size_t>(diff::Class::widening)] == 0)
    return complain(unsupported_error(0, "nothing was widened by any pair: such a run shows nothing"));
  return 0;
}

int asked_for(int argc, char** argv) {
  Result<Arguments> arguments = parse(argc, argv);
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help) return std::fputs(usage, stdout), 0;
  if (arguments->list) {
    for (const Lie& lie : all_lies())
      std::printf("%-12s %s\n", std::string(lie.name).c_str(), std::string(lie.what).c_str());
    return 0;
  }
  if (!arguments->replay.empty()) {
    const Result<fuzz::FuzzCase> pair = fuzz::read_fuzz_case(arguments->replay);
    if (!pair.ok()) return complain(pair.error());
    const Result<Replayed> replayed = replay(*pair, arguments->options.lie);
    if (!replayed.ok()) return complain(replayed.error());
    std::printf("by the kernel: %s\n", std::string(diff::name(replayed->observed)).c_str());
    if (replayed->found.fault == Fault::none) return std::printf("nothing is wrong\n"), 0;
    print(replayed->found);
    return 1;
  }
  for (const int each : {SIGINT, SIGTERM}) std::signal(each, interrupt);
  arguments->options.interrupted = &interrupted;
  return run(arguments->options);
}

int main_with(int argc, char** argv) {
  name_program("lockstep-prove-diff");
  const int code = asked_for(argc, argv);
  const Result<void> said = flush_output();
  return said.ok() ? code : complain(said.error());
}

}  // namespace
}  // namespace lockstep::conformance::prove

int main(int argc, char** argv) {
  if (lockstep::asks_version(argc, argv)) return lockstep::print_version("lockstep-prove-diff");
  if (!lockstep::fill_standard_descriptors()) return 4;
  lockstep::ignore_write_signals();
  return lockstep::conformance::prove::main_with(argc, argv);
}
