// lockstep-conformance: every case of the fixtures, each at every plan ABI this kernel can mask, as each identity: what
// a person expects, what the model predicts, what the kernel did.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include <lockstep/abi.h>

#include "base/installation.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/identity.h"
#include "conformance/harness/workers.h"
#include "conformance/report/findings.h"
#include "conformance/report/gtest_output.h"
#include "conformance/report/report.h"
#include "conformance/report/untried.h"
#include "conformance/report/wrap.h"
#include "conformance/report/write_file.h"
#include "conformance/reproduce/reproduce.h"
#include "conformance/subjects/run_mutants.h"
#include "conformance/suite/jobs.h"
#include "conformance/suite/options.h"
#include "conformance/suite/suite_tests.h"
#include "host/own_procfs.h"
#include "landlock/ladder.h"

namespace lockstep::conformance::suite {
namespace {

// The GTEST_TOTAL_SHARDS protocol, taken over: GoogleTest deals rows out by their position, which moves when a row is
// added.
struct Shard {
  std::uint64_t total = 1;
  std::uint64_t index = 0;
  bool has(const std::string& test) const { return judge::stable_hash(test) % total == index; }
};

Result<Shard> take_over_sharding() {
  Shard out;
  if (const char* file = std::getenv("GTEST_SHARD_STATUS_FILE")) std::ofstream(file, std::ios::app).flush();
  const char* total = std::getenv("GTEST_TOTAL_SHARDS");
  const char* index = std::getenv("GTEST_SHARD_INDEX");
  if (total == nullptr && index == nullptr) return out;
  const auto number = [](const char* text, std::uint64_t* value) {
    char* end = nullptr;
    errno = 0;
    *value = text == nullptr ? 0 : std::strtoull(text, &end, 10);
    return text != nullptr && *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
  };
  if (!number(total, &out.total) || !number(index, &out.index) || out.total == 0 || out.index >= out.total)
    return Error{
        ErrorKind::input, 0, "GTEST_TOTAL_SHARDS and GTEST_SHARD_INDEX must be numbers, index below total", {}, 0};
  ::unsetenv("GTEST_TOTAL_SHARDS");
  ::unsetenv("GTEST_SHARD_INDEX");
  return out;
}

Result<judge::AbiSet> selected_abis(const std::string& text, int native) {
  judge::AbiSet possible;
  for (int abi = oldest_abi; abi <= native && abi <= newest_abi; ++abi) possible.add(abi);
  judge::AbiSet wanted;
  if (text == "native") {
    wanted.add(native > newest_abi ? newest_abi : native);
  } else {
    wanted = *judge::AbiSet::parse(text);
  }
  const judge::AbiSet out = wanted & possible;
  if (out.empty())
    return unsupported_error(
        0, "this kernel has Landlock ABI " + std::to_string(native) + ": it cannot stand in for ABI " + text);
  return out;
}

Result<std::vector<judge::CaseRun>> load_runs(const Options& options) {
  std::vector<judge::Case> cases;
  if (options.policies.empty()) {
    LOCKSTEP_ASSIGN(cases, judge::load_cases(options.fixtures));
  } else {
    for (const std::string& policy : options.policies) {
      LOCKSTEP_ASSIGN(judge::Case each, judge::case_for_policy(policy, options.context));
      cases.push_back(std::move(each));
    }
  }
  std::vector<judge::CaseRun> runs;
  for (judge::Case& each : cases) {
    LOCKSTEP_ASSIGN(judge::CaseRun run, judge::prepare_case(std::move(each)));
    runs.push_back(std::move(run));
  }
  return runs;
}

int show_mutants(harness::Workers& workers, const Suite& suite, double min_tried) {
  const Result<std::vector<subjects::MutantVerdict>> verdicts =
      subjects::run_mutants(workers, suite.runs, suite.kernel);
  if (!verdicts.ok()) return complain(verdicts.error());
  std::size_t caught = 0, skipped = 0, untried = 0;
  for (const subjects::MutantVerdict& each : *verdicts) {
    std::printf("%s  %-20s  %s\n",
                each.caught    ? "caught "
                : each.skipped ? "skipped"
                               : "MISSED ",
                each.mutant.c_str(), each.text.c_str());
    caught += each.caught ? 1U : 0U;
    skipped += each.skipped ? 1U : 0U;
    untried += each.skipped && !each.for_want_of_abi ? 1U : 0U;
  }
  std::printf("%zu of %zu mutants caught, %zu skipped\n", caught, verdicts->size(), skipped);
  if (Result<void> written = flush_output(); !written.ok()) return complain(written.error());
  if (caught + skipped != verdicts->size() || caught == 0) return 1;
  const report::Tried share{caught + untried, caught, 0, 0};
  return share.enough(min_tried)
             ? 0
             : complain(unsupported_error(0, "too few mutants could be tried here: --min-tried says how many must be"));
}

// Once the rows are judged and before GoogleTest's tests tell it: what is printed and written, and what goes wrong with
// that.
void finish(const Options& options, const golden::GoldenScope& scope, const report::Required& required,
            unsigned workers, report::Run& run, bool last) {
  std::string golden;
  if (!options.golden.empty()) golden = run_golden_job(options, scope, run);
  const auto fails = [&run](const Error& error) {
    complain(error);
    run.findings.push_back({report::output_test, 4, error.to_string()});
  };
  if (!options.report.empty()) {
    if (Result<void> written = report::write_report(run, options.report); !written.ok()) fails(written.error());
  }
  if (!last) return;
  const std::size_t width = report::terminal_width();
  std::fputs(
      report::wrap(report::render(run, ::isatty(STDOUT_FILENO) == 1, options.steps, width) + golden, width).c_str(),
      stdout);
  std::printf("%.2f s, %u workers\n%s\n", run.seconds, workers,
              report::wrap(report::conclusion(run, required, run.findings), width).c_str());
  if (Result<void> written = flush_output(); !written.ok()) fails(written.error());
}

int run_tests(harness::Workers& workers, const Suite& suite, const Options& options,
              const std::function<bool(const std::string&)>& misses) {
  report::Run run;
  run.kernel = suite.kernel;
  if (const int err = workers.hello().mount_namespace; err != 0)
    run.no_namespace = report::why_no_namespace(err, report::read_surroundings(workers.hello().identities.privileged));
  const report::Required required{options.require, options.min_tried.value_or(report::Required().tried)};
  const golden::GoldenScope scope{options.golden, &suite.runs, misses};
  SuiteRun rows(workers, suite, run, required, [&](report::Run& judged, bool last) {
    finish(options, scope, required, workers.count(), judged, last);
  });
  const Result<int> told = rows.run_all();
  if (!told.ok()) return complain(told.error());
  const int code = report::exit_code(run.findings);
  return code != 0 ? code : *told;
}

Error bad_usage(const std::string& message) {
  return {ErrorKind::input, 0, message, {}, 0};
}

// What is printed is a list, and no run: what only a run has does not go with it.
int list_tests(const Options& options) {
  const char* other = !options.report.empty()   ? "--report"
                      : !options.golden.empty() ? "--golden"
                      : options.require         ? "--require"
                      : options.min_tried       ? "--min-tried"
                                                : nullptr;
  if (other != nullptr) return complain(bad_usage(std::string(other) + " does not go with --gtest_list_tests"));
  const int code = RUN_ALL_TESTS();
  if (Result<void> written = flush_output(); !written.ok()) return complain(written.error());
  return testing::UnitTest::GetInstance()->test_to_run_count() == 0 ? complain(no_row_selected()) : code;
}

// What GoogleTest's flags ask for, once they are read.
struct Asked {
  report::GtestOutput output;
  bool listing = false;
  bool filtered = false;
};

Result<Asked> read_gtest_flags(int argc, char** argv) {
  Asked out;
  LOCKSTEP_ASSIGN(out.output, report::GtestOutput::take_over(testing::GTEST_FLAG(output), &argc, argv));
  testing::GTEST_FLAG(output) = out.output.flag();
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1) return bad_usage("unknown argument " + printable(argv[1]));
  if (testing::GTEST_FLAG(output) != out.output.flag())
    return bad_usage("--gtest_output stands on the command line or in GTEST_OUTPUT, not in a file of flags");
  out.filtered = testing::GTEST_FLAG(filter) != "*";
  LOCKSTEP_CHECK(check_gtest_flags());
  out.listing = testing::GTEST_FLAG(list_tests);
  return out;
}

// Asked before anything runs.
Result<void> check_places(const Options& options) {
  if (!options.report.empty()) LOCKSTEP_CHECK(report::check_report_path(options.report));
  if (std::error_code ignored;
      !options.golden.empty() && !options.update && !std::filesystem::is_directory(options.golden, ignored))
    return input_error(options.golden, 0, "there is no such directory of golden verdicts: --update makes it");
  return {};
}

Result<void> fill(const Options& options, const Shard& shard, const wire::Identities& identities, Suite* suite) {
  LOCKSTEP_ASSIGN(suite->runs, load_runs(options));
  const auto is_real = [](const judge::CaseRun& run) { return run.source.context.host.real; };
  if (!options.golden.empty() && std::all_of(suite->runs.begin(), suite->runs.end(), is_real))
    return input_error(
        options.context.host, 0,
        "golden verdicts are of simulated hosts, and this one is the real machine (present: real): list its paths");
  LOCKSTEP_ASSIGN(const judge::AbiSet abis, selected_abis(options.abis, suite->kernel.abi));
  for (const judge::CaseRun& run : suite->runs) {
    for (const judge::Row& row : judge::rows_of(run, abis, identities))
      if (shard.has(row.name())) suite->rows.push_back(row);
    if (options.policies.empty() && shard.has(judge::claims_test(run))) suite->claims.push_back(&run);
  }
  return {};
}

int show_reproduction(const Suite& suite, const std::string& name) {
  const auto row =
      std::find_if(suite.rows.begin(), suite.rows.end(), [&](const judge::Row& each) { return each.name() == name; });
  if (row == suite.rows.end())
    return complain(bad_usage("no row is called " + printable(name) + ": see --gtest_list_tests"));
  const Result<std::string> program = reproduce::reproduce(*row);
  return program.ok() ? print(*program) : complain(program.error());
}

int conformance_main(int argc, char** argv) {
  name_program("lockstep-conformance");
  harness::keep_ended_children();
  const Result<Options> options = parse_options(&argc, argv, fixture_path(""));
  if (!options.ok()) return complain(options.error());
  if (options->help) return print(usage());
  if (Result<void> places = check_places(*options); !places.ok()) return complain(places.error());
  const Result<Asked> asked = read_gtest_flags(argc, argv);
  if (!asked.ok()) return complain(asked.error());

  if (!asked->listing) {
    if (const Result<OwnProcfs> procfs = OwnProcfs::prove_for_children(); !procfs.ok()) return complain(procfs.error());
  }
  Suite suite;
  suite.kernel.abi = newest_abi;  // a list of what could run needs no kernel that can
  const Result<KernelLandlock> kernel = query_honest_kernel();
  if (kernel.ok()) suite.kernel = *kernel;
  if (!kernel.ok() && !asked->listing) return complain(kernel.error());
  if (!options->reclaim.empty()) return run_reclaim_job(suite.kernel, *options);
  if (options->soak > 0) return run_soak_job(suite.kernel, *options);
  const Result<Shard> shard = take_over_sharding();
  if (!shard.ok()) return complain(shard.error());

  // The workers are forked before the fixtures are read: what they fork stays small.
  harness::Workers::Options worker_options;
  worker_options.count = options->workers;
  std::optional<harness::Workers> workers;
  if (!asked->listing) {
    Result<harness::Workers> started = harness::Workers::start(worker_options);
    if (!started.ok()) return complain(started.error());
    workers.emplace(std::move(started).value());
  }
  if (!options->surface.empty() && workers) return run_surface_job(*workers, suite.kernel, *options);
  const wire::Identities identities =
      workers ? workers->hello().identities : harness::identities_here(harness::first_user);
  if (Result<void> filled = fill(*options, *shard, identities, &suite); !filled.ok()) return complain(filled.error());
  if (!options->reproduce.empty()) return show_reproduction(suite, options->reproduce);
  if (options->mutants) return show_mutants(*workers, suite, options->min_tried.value_or(report::Required().tried));

  std::vector<std::string> of_the_run = {report::tried_test, report::output_test};
  if (!options->golden.empty()) of_the_run.emplace_back(report::golden_test);
  register_tests(suite, asked->listing ? std::vector<std::string>() : of_the_run);
  std::function<bool(const std::string&)> misses;
  if (options->policies.empty() && !asked->filtered) misses = [&](const std::string& name) { return shard->has(name); };
  const int code = asked->listing ? list_tests(*options) : run_tests(*workers, suite, *options, misses);
  const bool told = code == 0 || asked->listing || testing::UnitTest::GetInstance()->failed_test_count() > 0;
  const Result<void> delivered = asked->output.deliver(
      told ? "" : "exit " + std::to_string(code) + ", and no test ran that could say why: see what was printed");
  if (delivered.ok()) return code;
  if (!asked->listing) std::puts("verdict   not green, exit 4: what --gtest_output asks for could not be written");
  return complain(delivered.error());
}

}  // namespace
}  // namespace lockstep::conformance::suite

int main(int argc, char** argv) {
  if (!lockstep::fill_standard_descriptors()) return 4;
  if (lockstep::asks_version(argc, argv)) return lockstep::print_version("lockstep-conformance");
  lockstep::ignore_write_signals();
  return lockstep::conformance::suite::conformance_main(argc, argv);
}
