#include "conformance/suite/jobs.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/standard_fds.h"
#include "conformance/measure/reclaim.h"
#include "conformance/measure/soak.h"
#include "conformance/measure/surface.h"
#include "conformance/report/findings.h"
#include "conformance/report/write_file.h"

namespace lockstep::conformance::suite {
namespace {

int write_text(const std::string& text, const std::string& path) {
  const Result<void> written = report::write_file(path, text);
  return written.ok() ? 0 : complain(written.error());
}

}  // namespace

std::string run_golden_job(const Options& options, const golden::GoldenScope& scope, report::Run& run) {
  const auto found = [&run](int code, std::string message) {
    run.findings.push_back({report::golden_test, code, std::move(message)});
  };
  const auto failed = [&found](const Error& error) {
    found(complain(error), "golden: " + error.to_string());
    return std::string();
  };
  if (options.update) {
    const Result<golden::GoldenUpdate> updated = golden::update_golden(run, scope);
    if (!updated.ok()) return failed(updated.error());
    if (updated->written == 0) found(3, "no golden file is written: no row of a simulated host could be tried");
    std::string out =
        "golden    " + std::to_string(updated->written) + " files written in " + printable(scope.directory) + "\n";
    for (const std::string& file : updated->removed)
      out += "golden    " + printable(file) + " removed: no case is called so\n";
    return out;
  }
  const Result<golden::GoldenResult> result = golden::check_golden(run, scope);
  if (!result.ok()) return failed(result.error());
  for (const golden::GoldenDifference& each : result->differences)
    if (each.test != report::golden_test) run.findings.push_back({each.test, 1, "golden: " + each.sentence});
  if (!result->differences.empty()) {
    found(1,
          "golden: " + std::to_string(result->differences.size()) + " differences from " + printable(scope.directory));
    for (const golden::GoldenDifference& each : result->differences)
      if (each.test == report::golden_test) found(1, "golden: " + each.sentence);
  } else if (result->compared == 0) {
    found(3, "golden: no answer could be held against " + printable(scope.directory));
  }
  return golden::golden_text(*result, scope);
}

int run_surface_job(harness::Workers& workers, const KernelLandlock& kernel, const Options& options) {
  if (Result<void> writable = report::check_report_path(options.surface); !writable.ok())
    return complain(writable.error());
  const Result<std::string> text = measure::measure_surface(workers, kernel, options.fixtures);
  if (!text.ok()) return complain(text.error());
  return write_text(*text, options.surface);
}

int run_reclaim_job(const KernelLandlock& kernel, const Options& options) {
  const bool to_file = options.reclaim != "-";
  if (to_file) {
    if (Result<void> writable = report::check_report_path(options.reclaim); !writable.ok())
      return complain(writable.error());
  }
  const Result<std::vector<measure::ReclaimRow>> rows = measure::measure_reclaim(kernel, options.fixtures);
  if (!rows.ok()) return complain(rows.error());
  std::fputs(measure::render(*rows).c_str(), stdout);
  if (Result<void> written = flush_output(); !written.ok()) return complain(written.error());
  const int code = to_file ? write_text(measure::to_json(*rows, kernel), options.reclaim) : 0;
  // Where the kernel took no entry back, nothing was shown.
  const bool shown =
      std::any_of(rows->begin(), rows->end(), [](const measure::ReclaimRow& row) { return row.achieved(); });
  return code != 0 ? code : shown ? 0 : 3;
}

int run_soak_job(const KernelLandlock& kernel, const Options& options) {
  if (!options.soak_report.empty()) {
    if (Result<void> writable = report::check_report_path(options.soak_report); !writable.ok())
      return complain(writable.error());
  }
  const Result<measure::Soak> soak = measure::run_soak(kernel, options.fixtures, options.soak);
  if (!soak.ok()) return complain(soak.error());
  std::fputs(measure::render(*soak).c_str(), stdout);
  if (Result<void> written = flush_output(); !written.ok()) return complain(written.error());
  const int code = options.soak_report.empty() ? 0 : write_text(measure::to_json(*soak), options.soak_report);
  return code != 0 ? code : soak->shown() ? 0 : 3;
}

}  // namespace lockstep::conformance::suite
