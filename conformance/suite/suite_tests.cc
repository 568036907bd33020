#include "conformance/suite/suite_tests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "conformance/judge/run_rows.h"
#include "conformance/report/progress.h"

namespace lockstep::conformance::suite {
namespace {

// What the bodies tell, by test; filled at the start of an iteration.
struct Told {
  std::map<std::string, std::vector<std::string>> failures;
  std::map<std::string, std::string> skips;
  std::set<std::string> known;
  std::vector<std::string> of_others;  // findings of tests that the filter leaves out: the first body tells them
};
Told& told() {
  static Told all;
  return all;
}

class TellingTest : public testing::Test {
 public:
  explicit TellingTest(std::string name) : name_(std::move(name)) {}
  void TestBody() override {
    Told& all = told();
    for (const std::string& each : std::exchange(all.of_others, {})) ADD_FAILURE() << each;
    ASSERT_TRUE(all.known.contains(name_)) << "this row was not run";
    const auto failures = all.failures.find(name_);
    if (failures != all.failures.end()) {
      for (const std::string& each : failures->second) ADD_FAILURE() << each;
    } else if (const auto skip = all.skips.find(name_); skip != all.skips.end()) {
      GTEST_SKIP() << skip->second;
    }
  }

 private:
  std::string name_;
};

// The dot that GoogleTest's names are split at is the last one before the row: a case may have a file's name.
void register_test(const std::string& suite, const std::string& test) {
  const std::string name = suite + "." + test;
  testing::RegisterTest(suite.c_str(), test.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                        [name]() -> testing::Test* { return new TellingTest(name); });
}

void register_test(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  register_test(name.substr(0, dot), name.substr(dot + 1));
}

// In GoogleTest's own order, so that --gtest_shuffle shuffles what the workers run.
std::vector<std::string> selected(const testing::UnitTest& unit) {
  std::vector<std::string> out;
  for (int s = 0; s < unit.total_test_suite_count(); ++s) {
    const testing::TestSuite* group = unit.GetTestSuite(s);
    for (int t = 0; t < group->total_test_count(); ++t) {
      const testing::TestInfo* test = group->GetTestInfo(t);
      if (test->should_run()) out.push_back(std::string(group->name()) + "." + test->name());
    }
  }
  return out;
}

int badness(judge::RowOutcome outcome) {
  switch (outcome) {
    case judge::RowOutcome::agree:
      return 0;
    case judge::RowOutcome::skip:
      return 1;
    case judge::RowOutcome::refused:
      return 2;
    case judge::RowOutcome::disagree:
      return 3;
    case judge::RowOutcome::error:
      break;
  }
  return 4;
}

}  // namespace

Error no_row_selected() {
  return {ErrorKind::input, 0, "no row was selected: see --gtest_list_tests", {}, 0};
}

Result<void> check_gtest_flags() {
  const auto refuse = [](ErrorKind kind, const char* message) { return Error{kind, 0, message, {}, 0}; };
  const int repeat = testing::GTEST_FLAG(repeat);
  if (repeat == 0)
    return refuse(ErrorKind::unsupported,
                  "repeated 0 times (--gtest_repeat, GTEST_REPEAT), nothing is run and nothing shown");
  if (repeat < 0)
    return refuse(ErrorKind::input,
                  "--gtest_repeat (GTEST_REPEAT) takes a number from 1: a run that repeats for ever has no verdict");
  testing::GTEST_FLAG(also_run_disabled_tests) = true;  // no row is left out because of how its case is called
  std::string& filter = testing::GTEST_FLAG(filter);
  const std::size_t minus = filter.find('-');
  std::string wanted = filter.substr(0, minus);
  if (wanted.empty() && minus != std::string::npos) wanted = "*";  // as GoogleTest reads it
  filter = wanted + ":" + report::run_suite + ".*" + (minus == std::string::npos ? "" : filter.substr(minus));
  return {};
}

void register_tests(const Suite& suite, const std::vector<std::string>& of_the_run) {
  for (const judge::Row& row : suite.rows) register_test(row.name());
  for (const judge::CaseRun* run : suite.claims) register_test(judge::claims_test(*run));
  for (const std::string& each : of_the_run) register_test(each);
}

class SuiteRun::Listener : public testing::EmptyTestEventListener {
 public:
  explicit Listener(SuiteRun& all) : all_(all) {
    for (const judge::Row& row : all_.suite_.rows) rows_[row.name()] = &row;
  }
  void OnTestIterationStart(const testing::UnitTest& unit, int iteration) override {
    const bool first = iteration == 0, last = iteration + 1 == testing::GTEST_FLAG(repeat);
    tests_ = selected(unit);
    std::vector<judge::Row> rows;
    for (const std::string& test : tests_)
      if (const auto row = rows_.find(test); row != rows_.end()) rows.push_back(*row->second);
    if (first) choose_claims(!rows.empty());
    if (rows.empty() && all_.run_.claims.empty()) {
      failure_ = no_row_selected();
      return tell();
    }
    report::Progress progress(rows.size(), "rows", report::Progress::to_standard_error());
    const auto start = std::chrono::steady_clock::now();
    Result<std::vector<judge::RowVerdict>> verdicts =
        judge::run_rows(all_.workers_, rows, judge::Subject{}, all_.suite_.kernel, [&] { progress.step(); });
    all_.run_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!verdicts.ok()) {
      failure_ = verdicts.error();
      return tell();
    }
    all_.run_.seed = static_cast<std::uint32_t>(unit.random_seed());
    keep_worst(rows, *verdicts);
    all_.run_.findings = report::findings_of(all_.run_, all_.required_);
    all_.finish_(all_.run_, last);
    tell();
  }
  // Where no test runs that could tell.
  void OnTestIterationEnd(const testing::UnitTest& /*unit*/, int /*iteration*/) override {
    for (const std::string& each : std::exchange(told().of_others, {})) ADD_FAILURE() << each;
  }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  // Those of a user's own policy are no tests, and go with its rows.
  void choose_claims(bool any_rows) {
    const std::set<std::string> chosen(tests_.begin(), tests_.end());
    for (const judge::CaseRun& each : all_.suite_.runs) {
      const bool is_test =
          std::find(all_.suite_.claims.begin(), all_.suite_.claims.end(), &each) != all_.suite_.claims.end();
      if ((each.source.own_policy && any_rows) || (is_test && chosen.contains(judge::claims_test(each))))
        all_.run_.claims.push_back({&each, judge::check_claims(each, judge::Subject{})});
    }
  }

  void keep_worst(const std::vector<judge::Row>& rows, std::vector<judge::RowVerdict>& verdicts) {
    std::vector<report::JudgedRow>& kept = all_.run_.rows;
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < kept.size(); ++i) places[kept[i].row.name()] = i;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto place = places.find(rows[i].name());
      if (place == places.end()) {
        kept.push_back({rows[i], std::move(verdicts[i])});
      } else if (badness(verdicts[i].outcome) > badness(kept[place->second].verdict.outcome)) {
        kept[place->second].verdict = std::move(verdicts[i]);
      }
    }
  }

  void tell() {
    Told& all = told();
    all = {};
    all.known.insert(tests_.begin(), tests_.end());
    if (failure_) all.of_others.push_back(failure_->to_string());
    for (const report::Finding& each : all_.run_.findings) {
      if (all.known.contains(each.test)) {
        all.failures[each.test].push_back(each.message);
      } else {
        all.of_others.push_back(each.test + ": " + each.message);
      }
    }
    for (const report::JudgedRow& judged : all_.run_.rows)
      if (judged.verdict.outcome == judge::RowOutcome::skip) all.skips[judged.row.name()] = judged.verdict.message;
  }

  SuiteRun& all_;
  std::map<std::string, const judge::Row*> rows_;
  std::vector<std::string> tests_;
  std::optional<Error> failure_;
};

SuiteRun::SuiteRun(harness::Workers& workers, const Suite& suite, report::Run& run, report::Required required,
                   Finish finish)
    : workers_(workers), suite_(suite), run_(run), required_(required), finish_(std::move(finish)) {}

Result<int> SuiteRun::run_all() {
  auto* listener = new Listener(*this);
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());  // a thousand OK lines say less than the table
  listeners.Append(listener);
  const int code = RUN_ALL_TESTS();
  if (listener->failure()) return *listener->failure();
  return code;
}

}  // namespace lockstep::conformance::suite
