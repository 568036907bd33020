#include "conformance/kernels/read_report.h"

#include <fstream>

#include "syntax/json.h"

namespace lockstep::conformance::kernels {
namespace {

std::string key_of(const Json& cell) {
  std::string out = cell.at("op").get<std::string>();
  for (const char* part : {"mode", "target", "path", "path2"})
    if (cell.contains(part)) out += " " + cell.at(part).get<std::string>();
  if (cell.contains("port")) out += " " + std::to_string(cell.at("port").get<int>());
  if (const std::string actor = cell.at("actor"); actor != "self") out += " by " + actor;
  return out;
}

ReadRow row_of(const Json& json) {
  ReadRow row;
  row.outcome = json.at("outcome");
  row.message = json.value("message", "");
  row.readiness = json.at("readiness").at("is");
  row.why = json.at("readiness").at("why");
  for (const Json& each : json.at("cells")) {
    ReadCell cell;
    cell.control = each.at("control");
    cell.expected = each.value("expected", "");
    cell.predicted = each.value("predicted", "");
    cell.observed = each.at("observed");
    cell.verdict = each.at("verdict");
    cell.decided = each.value("decided", "");
    cell.survey = each.at("op") == "survey";
    // The same operation twice in a row is two cells: the second is told apart by its place.
    std::string key = key_of(each);
    for (int again = 2; row.cells.contains(key); ++again) key = key_of(each) + " #" + std::to_string(again);
    row.cells.emplace(std::move(key), std::move(cell));
  }
  return row;
}

}  // namespace

Result<ReadReport> read_report(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return input_error(path, 0, "the report cannot be read");
  const Json json = Json::parse_or_null(std::string(std::istreambuf_iterator<char>(in), {}));
  if (!json.is_object() || json.value("schema", "") != "lockstep.report/1")
    return input_error(path, 0, "not a report of lockstep.report/1");
  try {
    ReadReport out;
    out.kernel_abi = json.at("host").at("kernel_abi");
    out.errata = json.at("host").at("errata");
    out.release = json.at("host").at("kernel");
    for (const Json& claims : json.at("claims"))
      for (const Json& difference : claims.at("differences"))
        out.claims.push_back(claims.at("case").get<std::string>() + ": " + difference.get<std::string>());
    for (const Json& row : json.at("rows")) {
      RowKey key{row.at("case"), row.at("plan_abi"), row.at("identity")};
      if (!out.rows.emplace(key, row_of(row)).second)
        return input_error(path, 0, "the row " + printable(row.at("row").get<std::string>()) + " stands there twice");
    }
    return out;
  } catch (const JsonError& error) {
    return input_error(path, 0, printable(error.what()));
  }
}

}  // namespace lockstep::conformance::kernels
