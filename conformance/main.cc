// lockstep-conformance: every case of the fixtures, each at every plan ABI this kernel can mask, as each identity: what a person
// expects, what the model predicts, what the kernel did.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/standard_fds.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/identity.h"
#include "conformance/harness/workers.h"
#include "conformance/judge/run_rows.h"
#include "conformance/report/jobs.h"
#include "conformance/report/options.h"
#include "conformance/report/report.h"
#include "conformance/report/reproduce.h"
#include "conformance/subjects/run_mutants.h"
#include "landlock/abi.h"

namespace lockstep::conformance {
namespace {

struct Suite {
  std::vector<CaseRun> runs;
  std::vector<Row> rows;
  KernelLandlock kernel;
};

// One line that is overwritten, on a terminal only.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total), shown_(::isatty(STDERR_FILENO) == 1) {}
  void step() {
    ++done_;
    if (shown_ && (done_ % 16 == 0 || done_ == total_)) std::fprintf(stderr, "\r%zu of %zu rows", done_, total_);
    if (shown_ && done_ == total_) std::fprintf(stderr, "\r\x1b[K");
  }

 private:
  std::size_t total_;
  std::size_t done_ = 0;
  bool shown_;
};

// Results by row name, filled at the start of a GoogleTest iteration; the test bodies only judge what is here.
std::map<std::string, const JudgedRow*>& results() {
  static std::map<std::string, const JudgedRow*> map;
  return map;
}

class RowTest : public testing::Test {
 public:
  explicit RowTest(std::string row) : row_(std::move(row)) {}
  void TestBody() override {
    const auto found = results().find(row_);
    ASSERT_NE(found, results().end()) << "this row was not run";
    const RowVerdict& verdict = found->second->verdict;
    switch (verdict.outcome) {
      case RowOutcome::agree: return;
      case RowOutcome::skip: GTEST_SKIP() << verdict.message;
      default: ADD_FAILURE() << name(verdict.outcome) << ": " << verdict.message << " (" << verdict.disagreed << " cells disagree)";
    }
  }

 private:
  std::string row_;
};

class ClaimsTest : public testing::Test {
 public:
  explicit ClaimsTest(const CaseRun* run) : run_(run) {}
  void TestBody() override {
    for (const std::string& difference : check_claims(*run_, Subject{})) ADD_FAILURE() << difference;
  }

 private:
  const CaseRun* run_;
};

// The GTEST_TOTAL_SHARDS protocol, taken over: GoogleTest deals rows out by their position, which moves when a row is added.
struct Shard {
  std::uint64_t total = 1;
  std::uint64_t index = 0;
  bool has(const std::string& test) const { return stable_hash(test) % total == index; }
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
    return Error{ErrorKind::input, 0, "GTEST_TOTAL_SHARDS and GTEST_SHARD_INDEX must be numbers, index below total", {}, 0};
  ::unsetenv("GTEST_TOTAL_SHARDS");
  ::unsetenv("GTEST_SHARD_INDEX");
  return out;
}

Result<AbiSet> selected_abis(const std::string& text, int native) {
  AbiSet possible;
  for (int abi = oldest_abi; abi <= native && abi <= newest_abi; ++abi) possible.add(abi);
  AbiSet wanted;
  if (text == "native") {
    wanted.add(native > newest_abi ? newest_abi : native);
  } else {
    wanted = *AbiSet::parse(text);
  }
  const AbiSet out = wanted & possible;
  if (out.empty())
    return unsupported_error(0, "this kernel has Landlock ABI " + std::to_string(native) + ": it cannot stand in for ABI " + text);
  return out;
}

Result<std::vector<CaseRun>> load_runs(const Options& options) {
  std::vector<Case> cases;
  if (options.policies.empty()) {
    LOCKSTEP_ASSIGN(cases, load_cases(options.fixtures));
  } else {
    for (const std::string& policy : options.policies) {
      LOCKSTEP_ASSIGN(Case each, case_for_policy(policy, options.host, options.cdi, options.gpu_devices, options.conflicts));
      cases.push_back(std::move(each));
    }
  }
  std::vector<CaseRun> runs;
  for (Case& each : cases) {
    LOCKSTEP_ASSIGN(CaseRun run, prepare_case(std::move(each)));
    runs.push_back(std::move(run));
  }
  return runs;
}

// Runs the rows GoogleTest selected before its bodies ask for them.
class RunBeforeIteration : public testing::EmptyTestEventListener {
 public:
  RunBeforeIteration(Workers& workers, const Suite& suite, Run& run) : workers_(workers), suite_(suite), run_(run) {}

  void OnTestIterationStart(const testing::UnitTest& unit, int /*iteration*/) override {
    // In GoogleTest's own order, so that --gtest_shuffle shuffles what the workers run.
    std::map<std::string, const Row*> by_name;
    for (const Row& row : suite_.rows) by_name[row.name()] = &row;
    std::vector<Row> rows;
    for (int s = 0; s < unit.total_test_suite_count(); ++s) {
      const testing::TestSuite* group = unit.GetTestSuite(s);
      for (int t = 0; t < group->total_test_count(); ++t) {
        const testing::TestInfo* test = group->GetTestInfo(t);
        const auto row = by_name.find(std::string(group->name()) + "." + test->name());
        if (test->should_run() && row != by_name.end()) rows.push_back(*row->second);
      }
    }
    run_.rows.clear();
    results().clear();
    Progress progress(rows.size());
    const auto start = std::chrono::steady_clock::now();
    Result<std::vector<RowVerdict>> verdicts = run_rows(workers_, rows, Subject{}, suite_.kernel, [&] { progress.step(); });
    run_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!verdicts.ok()) {
      failure_ = verdicts.error();
      return;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) run_.rows.push_back({rows[i], std::move((*verdicts)[i])});
    for (const JudgedRow& judged : run_.rows) results()[judged.row.name()] = &judged;
  }

  const std::optional<Error>& failure() const { return failure_; }

 private:
  Workers& workers_;
  const Suite& suite_;
  Run& run_;
  std::optional<Error> failure_;
};

bool meets(Readiness is, Readiness required) { return static_cast<int>(is) <= static_cast<int>(required); }

int exit_code_of(const Run& run, const Options& options) {
  const Totals sum = totals(run);
  bool disagree = sum.rows_disagree > 0;
  for (const JudgedClaims& claims : run.claims) disagree = disagree || !claims.differences.empty();
  if (sum.rows_error > 0) return 4;
  if (sum.rows_refused > 0) return 2;
  if (options.require) {
    for (const JudgedRow& judged : run.rows) {
      // A row that was skipped, or refused as its case claims, has shown nothing: it cannot be what is required.
      const RowVerdict& verdict = judged.verdict;
      if (verdict.outcome != RowOutcome::agree || verdict.cells.empty() || !meets(verdict.readiness.is, *options.require)) disagree = true;
    }
  }
  if (disagree) return 1;
  // A run in which nothing could fail is not green. What a refused row shows is the refusal itself.
  const bool shown = std::any_of(run.rows.begin(), run.rows.end(), [](const JudgedRow& judged) {
    return judged.verdict.outcome == RowOutcome::agree && (judged.verdict.cells.empty() || judged.verdict.agreed > 0);
  });
  if (!shown && (sum.rows > 0 || options.require)) return 3;
  return 0;
}

int show_mutants(Workers& workers, const Suite& suite) {
  const Result<std::vector<MutantVerdict>> verdicts = run_mutants(workers, suite.runs, suite.kernel);
  if (!verdicts.ok()) return complain(verdicts.error());
  std::size_t caught = 0, skipped = 0;
  for (const MutantVerdict& each : *verdicts) {
    std::printf("%s  %-20s  %s\n", each.caught ? "caught " : each.skipped ? "skipped" : "MISSED ", each.mutant.c_str(), each.text.c_str());
    caught += each.caught ? 1U : 0U;
    skipped += each.skipped ? 1U : 0U;
  }
  std::printf("%zu of %zu mutants caught, %zu skipped\n", caught, verdicts->size(), skipped);
  return caught + skipped == verdicts->size() && caught > 0 ? 0 : 1;
}

int conformance_main(int argc, char** argv) {
  keep_ended_children();
  Result<Options> options = parse_options(&argc, argv, LOCKSTEP_FIXTURES);
  if (!options.ok()) return complain(options.error());
  if (options->help) {
    std::fputs(usage(), stdout);
    return 0;
  }
  bool listing = false;
  for (int i = 1; i < argc; ++i) listing = listing || std::string_view(argv[i]).starts_with("--gtest_list_tests");

  Suite suite;
  const Result<KernelLandlock> kernel = query_honest_kernel();
  if (kernel.ok()) suite.kernel = *kernel;
  if (!kernel.ok() && !listing) return complain(kernel.error());
  if (!kernel.ok()) suite.kernel.abi = newest_abi;  // a list of what could run needs no kernel that can
  if (!options->report.empty()) {
    if (Result<void> writable = check_report_path(options->report); !writable.ok()) return complain(writable.error());
  }
  if (std::error_code ignored; !options->golden.empty() && !options->update && !std::filesystem::is_directory(options->golden, ignored))
    return complain(input_error(options->golden, 0, "there is no such directory of golden verdicts: --update makes it"));
  if (!options->reclaim.empty()) return run_reclaim_job(suite.kernel, *options);
  if (options->soak > 0) return run_soak_job(suite.kernel, *options);
  const Result<Shard> shard = take_over_sharding();
  if (!shard.ok()) return complain(shard.error());

  // The workers are forked before the fixtures are read: what they fork stays small.
  Workers::Options worker_options;
  worker_options.count = options->workers;
  std::optional<Workers> workers;
  Identities identities;
  if (!listing) {
    Result<Workers> started = Workers::start(worker_options);
    if (!started.ok()) return complain(started.error());
    workers.emplace(std::move(started).value());
    identities = workers->hello().identities;
  } else {
    identities = identities_here(first_user);
  }

  if (!options->surface.empty() && workers) return run_surface_job(*workers, suite.kernel, *options);
  Result<std::vector<CaseRun>> runs = load_runs(*options);
  if (!runs.ok()) return complain(runs.error());
  suite.runs = std::move(runs).value();
  const Result<AbiSet> abis = selected_abis(options->abis, suite.kernel.abi);
  if (!abis.ok()) return complain(abis.error());
  for (const CaseRun& run : suite.runs)
    for (const Row& row : rows_of(run, *abis, identities))
      if (shard->has(row.name())) suite.rows.push_back(row);
  if (!options->reproduce.empty()) {
    for (const Row& row : suite.rows)
      if (row.name() == options->reproduce) {
        const Result<std::string> program = reproduce(row);
        if (!program.ok()) return complain(program.error());
        std::fputs(program->c_str(), stdout);
        return 0;
      }
    return complain(Error{ErrorKind::input, 0, "no row is called " + printable(options->reproduce) + ": see --gtest_list_tests", {}, 0});
  }
  if (options->mutants) return show_mutants(*workers, suite);

  testing::InitGoogleTest(&argc, argv);
  if (argc > 1) return complain(Error{ErrorKind::input, 0, "unknown argument " + printable(argv[1]), {}, 0});
  for (const Row& row : suite.rows) {
    const std::string full = row.name();
    const std::size_t dot = full.find('.');
    testing::RegisterTest(full.substr(0, dot).c_str(), full.substr(dot + 1).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [full]() -> testing::Test* { return new RowTest(full); });
  }
  for (const CaseRun& run : suite.runs) {
    const CaseRun* each = &run;
    if (options->policies.empty() && shard->has(test_name(run.source.name) + ".claims"))
      testing::RegisterTest(test_name(run.source.name).c_str(), "claims", nullptr, nullptr, __FILE__, __LINE__,
                            [each]() -> testing::Test* { return new ClaimsTest(each); });
  }
  if (listing) return RUN_ALL_TESTS();

  Run run;
  run.kernel = suite.kernel;
  auto* before = new RunBeforeIteration(*workers, suite, run);
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());  // a thousand OK lines say less than the table
  listeners.Append(before);
  const int gtest_result = RUN_ALL_TESTS();
  if (before->failure()) return complain(*before->failure());
  run.seed = static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed());

  const testing::UnitTest& unit = *testing::UnitTest::GetInstance();
  if (unit.test_to_run_count() == 0)
    return complain(Error{ErrorKind::input, 0, "no row was selected: see --gtest_list_tests", {}, 0});
  for (const CaseRun& each : suite.runs) run.claims.push_back({&each, check_claims(each, Subject{})});

  std::fputs(render(run, ::isatty(STDOUT_FILENO) == 1, options->steps).c_str(), stdout);
  std::printf("%.2f s, %u workers\n", run.seconds, workers->count());
  if (std::fflush(stdout) != 0) return complain(system_error(errno, "write(stdout)"));
  if (!options->report.empty()) {
    if (Result<void> written = write_report(run, options->report); !written.ok()) return complain(written.error());
  }
  const int golden = options->golden.empty() ? 0 : run_golden_job(run, *options);
  const int code = exit_code_of(run, *options);
  if (options->require && (code == 1 || code == 3))
    std::printf("required  %s: not every row is (a plan that is skipped is not; --abi native asks about this kernel's own)\n",
                std::string(name(*options->require)).c_str());
  return code != 0 ? code : golden != 0 ? golden : gtest_result;
}

}  // namespace
}  // namespace lockstep::conformance

int main(int argc, char** argv) { return lockstep::fill_standard_descriptors() ? lockstep::conformance::conformance_main(argc, argv) : 4; }
