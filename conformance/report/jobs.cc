#include "conformance/report/jobs.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>

#include "conformance/report/golden.h"
#include "conformance/report/reclaim.h"
#include "conformance/report/soak.h"
#include "conformance/report/surface.h"

namespace lockstep::conformance {
namespace {

int write_text(const std::string& text, const std::string& path) {
  std::ofstream out(path, std::ios::trunc);
  out << text << std::flush;
  return out ? 0 : complain(system_error(errno, "write(\"" + printable(path) + "\")"));
}

}  // namespace

int complain(const Error& error) {
  std::fprintf(stderr, "lockstep-conformance: %s\n", error.to_string().c_str());
  return error.kind == ErrorKind::system ? 4 : error.exit_code();
}

int run_golden_job(const Run& run, const Options& options) {
  if (options.update) {
    const Result<std::size_t> updated = update_golden(run, options.golden);
    if (!updated.ok()) return complain(updated.error());
    std::printf("golden    %zu files written in %s%s\n", *updated, options.golden.c_str(),
                *updated == 0 ? ": cases on the real machine have none, --host FILE simulates one" : "");
    return *updated > 0 ? 0 : 3;
  }
  const Result<GoldenResult> result = check_golden(run, options.golden);
  if (!result.ok()) return complain(result.error());
  for (const std::string& difference : result->differences) std::printf("golden    %s\n", difference.c_str());
  std::printf("golden    %zu answers held against %s, %zu differ", result->compared, options.golden.c_str(), result->differences.size());
  if (result->unknown > 0) std::printf("; %zu of plan ABIs or identities that the files do not have: --update adds them", result->unknown);
  std::printf("\n");
  return !result->differences.empty() ? 1 : result->compared == 0 ? 3 : 0;
}

int run_surface_job(Workers& workers, const KernelLandlock& kernel, const Options& options) {
  if (Result<void> writable = check_report_path(options.surface); !writable.ok()) return complain(writable.error());
  const Result<std::string> text = measure_surface(workers, kernel, options.fixtures);
  if (!text.ok()) return complain(text.error());
  return write_text(*text, options.surface);
}

int run_reclaim_job(const KernelLandlock& kernel, const Options& options) {
  const bool to_file = options.reclaim != "-";
  if (to_file) {
    if (Result<void> writable = check_report_path(options.reclaim); !writable.ok()) return complain(writable.error());
  }
  const Result<std::vector<ReclaimRow>> rows = measure_reclaim(kernel, options.fixtures);
  if (!rows.ok()) return complain(rows.error());
  std::fputs(render(*rows).c_str(), stdout);
  if (std::fflush(stdout) != 0) return complain(system_error(errno, "write(stdout)"));
  const int code = to_file ? write_text(to_json(*rows, kernel), options.reclaim) : 0;
  // Where the kernel took no entry back, nothing was shown.
  const bool shown = std::any_of(rows->begin(), rows->end(), [](const ReclaimRow& row) { return row.achieved(); });
  return code != 0 ? code : shown ? 0 : 3;
}

int run_soak_job(const KernelLandlock& kernel, const Options& options) {
  if (!options.soak_report.empty()) {
    if (Result<void> writable = check_report_path(options.soak_report); !writable.ok()) return complain(writable.error());
  }
  const Result<Soak> soak = run_soak(kernel, options.fixtures, options.soak);
  if (!soak.ok()) return complain(soak.error());
  std::fputs(render(*soak).c_str(), stdout);
  if (std::fflush(stdout) != 0) return complain(system_error(errno, "write(stdout)"));
  const int code = options.soak_report.empty() ? 0 : write_text(to_json(*soak), options.soak_report);
  return code != 0 ? code : soak->shown() ? 0 : 3;
}

}  // namespace lockstep::conformance
