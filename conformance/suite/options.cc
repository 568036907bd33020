#include "conformance/suite/options.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include <lockstep/abi.h>

#include "base/complain.h"
#include "base/flags.h"

namespace lockstep::conformance::suite {

const char* usage() {
  return "usage: lockstep-conformance [--policy FILE]... [--host FILE] [--fixtures DIR] [--abi native|all|LIST]\n"
         "                            [--require ready|degraded] [--min-tried SHARE] [--report FILE.json] [--steps] "
         "[--mutants]\n"
         "                            [--golden DIR [--update]] [--reproduce ROW] [--surface FILE]\n"
         "                            [--reclaim FILE|-] [--workers N] [--gtest_...]\n"
         "\n"
         "Runs every case of the fixtures (or each policy given, on this machine): a child process is restricted by "
         "the\n"
         "policy and tries each operation; a second child does everything but the restriction. The kernel's answers "
         "are held\n"
         "against the model's and against what the case expects.\n"
         "\n"
         "  --policy FILE     a policy of your own instead of the fixtures: model against kernel, and readiness for "
         "CUDA;\n"
         "                    where libcuda.so.1 is found, the real cuInit(0) with and without it as well\n"
         "  --host FILE       with --policy: on this host file, simulated, instead of this machine\n"
         "  --conflicts FILE  with --policy: an administrator's runtime_baseline_conflicts, which come first\n"
         "  --cdi FILE|DIR    with --policy: CDI specs; --gpu-devices LIST chooses of them: all, 0,2, a UUID, "
         "vendor/class=name\n"
         "  --abi LIST        plan ABIs, as native, all, 7, 1-3 or 2,7 (default: all this kernel can mask)\n"
         "  --require LEVEL   exit 1 unless every row has run and is ready (or at least degraded)\n"
         "  --min-tried SHARE exit 3 where less of the rows planned could be tried here, as 0.5 (default: 0.9). As who "
         "cannot be had here,\n"
         "                    or for a plan that the policy itself refuses, no row is planned\n"
         "  --steps           show of every case each step that is denied and what breaks, and what each newer plan "
         "ABI takes\n"
         "                    (of a policy of your own that is shown anyway, but for what is harmless)\n"
         "  --report FILE     everything, cell by cell, as JSON (lockstep.report/1)\n"
         "  --golden DIR      hold every answer against the golden verdicts in DIR, a text file a case; what changed "
         "is a sentence\n"
         "                    and exit 1. --update writes them. Of simulated hosts: with --policy it goes with --host\n"
         "  --mutants         run the deliberately broken libraries and show which row caught each\n"
         "  --surface FILE    measure what each way to let CUDA name its threads opens besides, and write it as JSON\n"
         "                    (lockstep.surface/1; fixtures/observed/procfs-surface.json is made so)\n"
         "  --reclaim FILE    drop the dentry cache of the WHOLE MACHINE and see which of these ways survive it: a "
         "table, and\n"
         "                    JSON (lockstep.reclaim/1) in FILE unless it is -; needs root, runs alone\n"
         "  --soak SECONDS    every way at once, over and over, while entries of procfs are reclaimed by drop_caches "
         "(root), a limited\n"
         "                    cgroup (where one can be made) and lookups: the time to the first failure; --soak-report "
         "FILE: as JSON\n"
         "  --reproduce ROW   print a C program of bare system calls that shows the row's answers\n"
         "  --gtest_...       rows are GoogleTest tests: --gtest_filter, --gtest_list_tests, --gtest_output, "
         "--gtest_shuffle, ...\n"
         "\n"
         "exit: 0 all agree; 1 a disagreement, a golden difference or a missed --require; 2 bad input; 3 no Landlock "
         "here, or too little\n"
         "could be tried; 4 the harness failed, or something could not be written. XML and JSON of --gtest_output are "
         "red where it is not 0\n";
}

namespace {

Result<void> take_flag(const Flag& flag, Options* out) {
  const std::string& value = flag.value;
  for (const auto& [name, text] : {std::pair{"--soak-report", &out->soak_report},
                                   {"--fixtures", &out->fixtures},
                                   {"--surface", &out->surface},
                                   {"--reclaim", &out->reclaim},
                                   {"--golden", &out->golden},
                                   {"--report", &out->report},
                                   {"--reproduce", &out->reproduce}})
    if (flag.name == name) *text = value;
  for (const auto& [name, set] : {std::pair{"--help", &out->help},
                                  {"--update", &out->update},
                                  {"--steps", &out->steps},
                                  {"--mutants", &out->mutants}})
    if (flag.name == name) *set = true;
  if (flag.name == "--policy") {
    if (std::find(out->policies.begin(), out->policies.end(), value) != out->policies.end())
      return usage_error("--policy " + printable(value) + " is given twice");
    out->policies.push_back(value);
  } else if (flag.name == "--soak") {
    LOCKSTEP_ASSIGN(const std::uint64_t seconds, read_number(flag, 1, 86400, "seconds"));
    out->soak = static_cast<unsigned>(seconds);
  } else if (flag.name == "--workers") {
    LOCKSTEP_ASSIGN(const std::uint64_t workers, read_number(flag, 1, 64));
    out->workers = static_cast<unsigned>(workers);
  } else if (flag.name == "--require") {
    out->require = gpu::readiness_from_name(value);
    if (!out->require || *out->require > gpu::Readiness::degraded)
      return usage_error("--require takes ready or degraded, not " + printable(value));
  } else if (flag.name == "--min-tried") {
    double share = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), share);
    if (ec != std::errc() || end != value.data() + value.size() || !(share >= 0 && share <= 1))
      return usage_error("--min-tried takes a share from 0 to 1, as 0.9, not " + printable(value));
    out->min_tried = share;
  } else if (flag.name == "--abi") {
    if (value != "native" && !judge::AbiSet::parse(value))
      return usage_error("--abi takes native, all, or ABIs from 1 to " + std::to_string(newest_abi) +
                         " such as 7, 1-3 or 2,7, not " + printable(value));
    out->abis = value;
  } else {
    LOCKSTEP_CHECK(take_context_flag(flag, &out->context));
  }
  return {};
}

}  // namespace

Result<Options> parse_options(int* argc, char** argv, const std::string& default_fixtures) {
  Options out;
  out.fixtures = default_fixtures;
  // GoogleTest's come first and stay; ours come behind them.
  const int kept = static_cast<int>(
      std::stable_partition(argv + std::min(*argc, 1), argv + *argc,
                            [](const char* word) { return std::string_view(word).starts_with("--gtest_"); }) -
      argv);
  FlagReader reader(
      *argc - kept + 1, argv + kept - 1,
      {"--policy=*",   "--host=",    "--fixtures=",    "--abi=",     "--require=", "--report=", "--min-tried=",
       "--reproduce=", "--workers=", "--surface=",     "--reclaim=", "--golden=",  "--cdi=*",   "--gpu-devices=",
       "--conflicts=", "--soak=",    "--soak-report=", "--update*",  "--steps*",   "--mutants*"},
      "argument");
  while (reader.more()) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    if (flag.name.empty()) return usage_error("unknown argument " + printable(flag.value));
    if (flag.has_value && flag.value.empty()) return usage_error(flag.name + " needs a value");
    LOCKSTEP_CHECK(take_flag(flag, &out));
  }
  if (out.policies.empty())
    for (const auto& [flag, is_given] : {std::pair{"--host", !out.context.host.empty()},
                                         {"--cdi", !out.context.cdi.empty()},
                                         {"--gpu-devices", !out.context.gpu_devices.empty()},
                                         {"--conflicts", !out.context.conflicts.empty()}})
      if (is_given) return usage_error(std::string(flag) + " goes with --policy");
  if (!out.soak_report.empty() && out.soak == 0) return usage_error("--soak-report goes with --soak");
  if (out.update && out.golden.empty()) return usage_error("--update goes with --golden");
  if (!out.golden.empty() && !out.policies.empty() && out.context.host.empty())
    return usage_error(
        "--golden goes with --host FILE where --policy is given: what this machine answers is the machine's; `lockstep "
        "host --format json` writes one");
  // One job at a time, and nothing that was asked for is left undone without a word.
  std::vector<const char*> jobs;
  if (out.mutants) jobs.push_back("--mutants");
  if (!out.surface.empty()) jobs.push_back("--surface");
  if (!out.reclaim.empty()) jobs.push_back("--reclaim");
  if (out.soak > 0) jobs.push_back("--soak");
  if (!out.reproduce.empty()) jobs.push_back("--reproduce");
  const char* other = jobs.size() > 1                                  ? jobs[1]
                      : !out.report.empty()                            ? "--report"
                      : !out.golden.empty()                            ? "--golden"
                      : out.require                                    ? "--require"
                      : out.min_tried && !out.mutants                  ? "--min-tried"
                      : out.steps                                      ? "--steps"
                      : !out.policies.empty() && out.reproduce.empty() ? "--policy"
                      : kept > 1                                       ? argv[1]
                                                                       : nullptr;
  if (!jobs.empty() && other != nullptr && !out.help)
    return usage_error(printable(other) + " does not go with " + jobs[0]);
  *argc = kept;
  argv[kept] = nullptr;
  return out;
}

}  // namespace lockstep::conformance::suite
