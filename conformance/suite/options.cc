#include "conformance/suite/options.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <vector>

#include <lockstep/abi.h>

#include "syntax/suggest.h"

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

Result<Options> parse_options(int* argc, char** argv, const std::string& default_fixtures) {
  Options out;
  out.fixtures = default_fixtures;
  const auto bad = [](const std::string& message) {
    return Error{ErrorKind::input, 0, message + " (see --help)", {}, 0};
  };
  int kept = 1;
  std::set<std::string> given;
  for (int i = 1; i < *argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with("--gtest_")) {
      argv[kept++] = argv[i];
      continue;
    }
    if (word == "--help" || word == "-h") {
      out.help = true;
      continue;
    }
    if (word == "--update" || word == "--steps") {
      (word == "--update" ? out.update : out.steps) = true;
      continue;
    }
    if (word == "--mutants") {
      out.mutants = true;
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string flag(word.substr(0, equals));
    std::string value;
    static const std::vector<std::string_view> known = {
        "--policy",    "--host",        "--fixtures",  "--abi",     "--require",    "--report",
        "--min-tried", "--reproduce",   "--workers",   "--surface", "--reclaim",    "--golden",
        "--cdi",       "--gpu-devices", "--conflicts", "--soak",    "--soak-report"};
    if (std::find(known.begin(), known.end(), flag) == known.end())
      return bad("unknown argument " + printable(word) + did_you_mean(suggestion(flag, known)));
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (i + 1 < *argc) {
      value = argv[++i];
    } else {
      return bad(flag + " needs a value");
    }
    if (value.empty()) return bad(flag + " needs a value");
    if (flag != "--policy" && flag != "--cdi" && !given.insert(flag).second) return bad(flag + " is given twice");
    if (flag == "--policy") {
      if (std::find(out.policies.begin(), out.policies.end(), value) != out.policies.end())
        return bad("--policy " + printable(value) + " is given twice");
      out.policies.push_back(value);
    } else if (flag == "--host") {
      out.host = value;
    } else if (flag == "--soak") {
      const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), out.soak);
      if (ec != std::errc() || end != value.data() + value.size() || out.soak < 1 || out.soak > 86400)
        return bad("--soak takes seconds, from 1 to 86400");
    } else if (flag == "--soak-report") {
      out.soak_report = value;
    } else if (flag == "--cdi") {
      out.cdi.push_back(value);
    } else if (flag == "--gpu-devices") {
      out.gpu_devices = value;
    } else if (flag == "--conflicts") {
      out.conflicts = value;
    } else if (flag == "--fixtures") {
      out.fixtures = value;
    } else if (flag == "--surface") {
      out.surface = value;
    } else if (flag == "--reclaim") {
      out.reclaim = value;
    } else if (flag == "--golden") {
      out.golden = value;
    } else if (flag == "--report") {
      out.report = value;
    } else if (flag == "--reproduce") {
      out.reproduce = value;
    } else if (flag == "--require") {
      out.require = gpu::readiness_from_name(value);
      if (!out.require || *out.require > gpu::Readiness::degraded)
        return bad("--require takes ready or degraded, not " + printable(value));
    } else if (flag == "--min-tried") {
      double share = 0;
      const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), share);
      if (ec != std::errc() || end != value.data() + value.size() || !(share >= 0 && share <= 1))
        return bad("--min-tried takes a share from 0 to 1, as 0.9, not " + printable(value));
      out.min_tried = share;
    } else if (flag == "--abi") {
      if (value != "native" && !judge::AbiSet::parse(value))
        return bad("--abi takes native, all, or ABIs from 1 to " + std::to_string(newest_abi) +
                   " such as 7, 1-3 or 2,7, not " + printable(value));
      out.abis = value;
    } else {
      const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), out.workers);
      if (ec != std::errc() || end != value.data() + value.size() || out.workers < 1 || out.workers > 64)
        return bad("--workers takes a number from 1 to 64");
    }
  }
  if (out.policies.empty())
    for (const auto& [flag, is_given] : {std::pair{"--host", !out.host.empty()},
                                         {"--cdi", !out.cdi.empty()},
                                         {"--gpu-devices", !out.gpu_devices.empty()},
                                         {"--conflicts", !out.conflicts.empty()}})
      if (is_given) return bad(std::string(flag) + " goes with --policy");
  if (!out.soak_report.empty() && out.soak == 0) return bad("--soak-report goes with --soak");
  if (out.update && out.golden.empty()) return bad("--update goes with --golden");
  if (!out.golden.empty() && !out.policies.empty() && out.host.empty())
    return bad(
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
  if (!jobs.empty() && other != nullptr && !out.help) return bad(printable(other) + " does not go with " + jobs[0]);
  *argc = kept;
  argv[kept] = nullptr;
  return out;
}

}  // namespace lockstep::conformance::suite
