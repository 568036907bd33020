#include "conformance/fuzz/report.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "syntax/json.h"

namespace lockstep::conformance::fuzz {
namespace {

double tenths(double value) {
  return static_cast<double>(static_cast<std::int64_t>(value * 10 + 0.5)) / 10;
}

}  // namespace

std::string to_json(const Options& options, const Report& report) {
  Json out = {{"schema", "lockstep.fuzz-report/1"},
              {"seed", options.seed},
              {"abi", report.kernel.abi},
              {"errata", report.kernel.errata},
              {"tier", options.tier == Tier::thread ? "thread" : "process"},
              {"operations", report.operations},
              {"cases", report.cases},
              {"denied", report.denied()},
              {"executed", report.kinds.executed},
              {"stacked", report.kinds.stacked},
              {"reclaimed", report.kinds.reclaimed},
              {"not_reclaimed", report.kinds.not_reclaimed},
              {"seconds", tenths(report.seconds)},
              {"disagreements", report.found ? 1 : 0},
              {"counts", Json::object()}};
  for (std::size_t i = 0; i < report.counts.size(); ++i) {
    const Count& each = report.counts[i];
    out["counts"][std::string(name(static_cast<Operation>(i)))] = {each.allowed, each.denied, each.elsewhere};
  }
  if (report.found) {
    out["words"] = report.found->words;
    out["case"] = Json::parse_or_null(report.found->json);
  }
  return out.dump(1) + "\n";
}

std::string to_json(const Options& options, const std::vector<Planted>& planted) {
  Json out = {{"schema", "lockstep.faults/1"},
              {"seed", options.seed},
              {"bound", options.operations},
              {"abi", planted.empty() ? 0 : planted.front().report.kernel.abi},
              {"faults", Json::array()}};
  for (const Planted& each : planted) {
    Json one = {{"name", each.fault->name}, {"breaks", each.fault->what}, {"first_abi", each.fault->first_abi}};
    if (each.report.found) {
      one["operations"] = each.report.found->after;
      one["found"] = each.report.found->words;
    } else {
      one["not_found"] = each.shown() ? "within the bound" : each.why_not();
    }
    out["faults"].push_back(std::move(one));
  }
  return out.dump(1) + "\n";
}

Result<void> write_file(const std::string& path, const std::string& text) {
  std::error_code error;
  if (const auto there = std::filesystem::status(path, error);
      std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))
    return input_error(path, 0, "is no regular file");
  std::ofstream out(path, std::ios::trunc);
  out << text << std::flush;
  if (!out) return input_error(path, 0, "cannot be written: " + errno_name(errno));
  return {};
}

}  // namespace lockstep::conformance::fuzz
