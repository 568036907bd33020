// Reads back as much of a lockstep.report/1 as is compared between kernels.
//
//   LOCKSTEP_ASSIGN(ReadReport report, read_report("out/6.12/out/tmpfs.json"));
//   report.rows.at({"rights-of-opening", 6, "user"}).cells.at("open-r /etc/passwd").observed;   // "allow"
//
// Cells are keyed by what they try, so that reports of two kernels can be laid side by side whatever their order.
#ifndef LOCKSTEP_CONFORMANCE_KERNELS_READ_REPORT_H_
#define LOCKSTEP_CONFORMANCE_KERNELS_READ_REPORT_H_

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <lockstep/error.h>

namespace lockstep::conformance::kernels {

struct ReadCell {
  std::string control, expected, predicted,
      observed;  // errno names, allow; expected and predicted may be empty
  std::string verdict;
  std::string decided;
  bool survey = false;  // counts files of procfs, which differ from kernel to kernel
  bool operator==(const ReadCell&) const = default;
};

struct RowKey {
  std::string name;  // of the case
  int plan_abi = 0;
  std::string identity;
  auto operator<=>(const RowKey&) const = default;
};

struct ReadRow {
  std::string outcome, message;
  std::string readiness, why;
  std::map<std::string, ReadCell> cells;
};

struct ReadReport {
  int kernel_abi = 0;
  std::uint32_t errata = 0;
  std::string release;
  std::map<RowKey, ReadRow> rows;
  std::vector<std::string> claims;  // "CASE: difference"
};

// Input errors: not JSON, another schema, a field missing, a row twice.
Result<ReadReport> read_report(const std::string& path);

}  // namespace lockstep::conformance::kernels

#endif  // LOCKSTEP_CONFORMANCE_KERNELS_READ_REPORT_H_
