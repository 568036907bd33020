#include "conformance/kernels/matrix.h"

#include <algorithm>
#include <set>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep::conformance::kernels {
namespace {

constexpr char main_run[] = "tmpfs", fuzz_run[] = "fuzz";

// The suite's, with a report; unit tests, those of review and of orders, and the fuzzer have none, or another.
bool is_suite(const GuestRun& run) {
  return run.name != "unit" && run.name != "review" && run.name != "order" && run.name != fuzz_run;
}

// What two answers to one cell are held against: the kernels they come from.
struct Side {
  int plan_abi = 0;
  std::uint32_t errata = 0;
  const ReadCell* cell = nullptr;
};

bool same(const ReadCell& a, const ReadCell& b) {
  return a.observed == b.observed && a.verdict == b.verdict;
}

// What the model's words name ("layer 1 lacks write_file+truncate; ...", "layer 1 has the scope signal, ...").
std::vector<const FeatureInfo*> features_in(const std::string& decided) {
  std::vector<const FeatureInfo*> out;
  std::string word;
  for (const char c : decided + ";") {
    if ((c >= 'a' && c <= 'z') || c == '_') {
      word += c;
      continue;
    }
    if (const std::optional<Right> right = right_from_name(word)) out.push_back(&feature_info(*right));
    if (const std::optional<NetRight> right = net_right_from_name(word)) out.push_back(&feature_info(*right));
    if (const std::optional<Scope> scope = scope_from_name(word)) out.push_back(&feature_info(*scope));
    word.clear();
    if (c == ';') break;  // what follows names the rule, and a path can be called anything
  }
  return out;
}

// Empty: unexplained.
std::string explain(const Side& from, const Side& to) {
  if (from.cell->control != to.cell->control)
    return "the kernel itself, without Landlock: " + from.cell->control + " -> " + to.cell->control;
  const int low = std::min(from.plan_abi, to.plan_abi), high = std::max(from.plan_abi, to.plan_abi);
  std::string out;
  for (const Side& side : {from, to}) {
    for (const FeatureInfo* feature : features_in(side.cell->decided)) {
      if (feature->first_abi <= low || feature->first_abi > high) continue;
      const std::string text = std::string(feature->name) + " (ABI " + std::to_string(feature->first_abi) + ")";
      if (out.find(text) == std::string::npos) out += (out.empty() ? "" : ", ") + text;
    }
  }
  if (!out.empty()) return out;
  for (int bit = 0; bit < 32; ++bit)
    if (((from.errata ^ to.errata) >> bit & 1) != 0) out += (out.empty() ? "erratum " : ", ") + std::to_string(bit + 1);
  return out;
}

int severity(const std::string& readiness) {
  return readiness == "blocked"             ? 4
         : readiness == "blocked-elsewhere" ? 3
         : readiness == "unknown"           ? 2
         : readiness == "degraded"          ? 1
                                            : 0;
}

void add(Mark& mark, const ReadRow& row) {
  ++mark.rows;
  mark.cells += row.cells.size();
  const auto worse = [](const std::string& verdict) {
    return verdict == "error" ? 3 : verdict == "disagree" ? 2 : verdict == "agree" ? 1 : 0;
  };
  // One row that agrees does not speak for those that were skipped, but shows something: skip is only where
  // all are.
  if (mark.verdict.empty() || worse(row.outcome) > worse(mark.verdict)) mark.verdict = row.outcome;
  if (row.outcome != "skip" && (mark.readiness.empty() || severity(row.readiness) > severity(mark.readiness))) {
    mark.readiness = row.readiness;
    mark.why = row.why;
  }
  if (row.outcome == "skip" && mark.why.empty()) mark.why = row.message;
}

std::string cell_line(const RowKey& row, const std::string& cell, const ReadCell& from, const ReadCell& to) {
  std::string out = row.name + "/" + row.identity + "  " + cell + ": " + from.observed + " (" + from.verdict + ") -> " +
                    to.observed + " (" + to.verdict + ")";
  if (from.control != to.control) out += ", as without Landlock: " + from.control + " -> " + to.control;
  return out;
}

// The rows of one case at one plan ABI, by identity.
std::map<std::string, const ReadRow*> rows_of(const ReadReport& report, const std::string& name, int plan_abi) {
  std::map<std::string, const ReadRow*> out;
  for (const auto& [key, row] : report.rows)
    if (key.name == name && key.plan_abi == plan_abi) out[key.identity] = &row;
  return out;
}

// Counts into `masking` where there is one.
Difference compare_case(const std::string& name, const ReadReport& from, int from_abi, const ReadReport& to, int to_abi,
                        Masking* masking) {
  Difference out;
  out.name = name;
  const auto before = rows_of(from, name, from_abi), after = rows_of(to, name, to_abi);
  for (const auto& [identity, row] : before) {
    const auto other = after.find(identity);
    if (other == after.end()) continue;
    if (masking != nullptr) ++masking->rows;
    if (row->outcome != other->second->outcome && (row->outcome == "skip" || other->second->outcome == "skip"))
      ++out.reasons["not run: " + (row->outcome == "skip" ? row->message : other->second->message)];
    if (row->readiness != other->second->readiness && row->outcome != "skip" && other->second->outcome != "skip")
      out.readiness = row->readiness + " -> " + other->second->readiness + " as " + identity + ": " +
                      (other->second->why.empty() ? row->why : other->second->why);
    for (const auto& [key, cell] : row->cells) {
      const auto found = other->second->cells.find(key);
      if (found == other->second->cells.end()) continue;
      if (masking != nullptr) ++masking->cells;
      if (same(cell, found->second)) {
        if (masking != nullptr) ++masking->same;
        continue;
      }
      std::string why = explain({from_abi, from.errata, &cell}, {to_abi, to.errata, &found->second});
      if (why.empty()) {
        why = "unexplained";
        out.unexplained.push_back(cell_line({name, from_abi, identity}, key, cell, found->second));
      }
      ++out.reasons[why];
    }
  }
  return out;
}

bool empty(const Difference& difference) {
  return difference.reasons.empty() && difference.readiness.empty();
}

// What the boot says against what fixtures/kernels.txt expects.
void judge_kernel(Kernel& kernel) {
  const Boot& boot = kernel.boot;
  // The worst stays: 4, then 1, then 3.
  const auto rank = [](int code) { return code == 4 ? 3 : code == 1 ? 2 : code == 3 ? 1 : 0; };
  const auto problem = [&](int code, const std::string& text) {
    if (rank(code) > rank(kernel.code)) kernel.code = code;
    kernel.problem += (kernel.problem.empty() ? "" : "; ") + text;
  };
  if (boot.outcome == BootOutcome::unavailable) return problem(3, "not booted: " + boot.reason);
  if (boot.outcome != BootOutcome::finished) return problem(4, std::string(name(boot.outcome)) + ": " + boot.reason);
  const ReadReport* report = kernel.main();
  const std::string found = report != nullptr ? std::to_string(report->kernel_abi) : boot.landlock;
  if (boot.expected != "any" && found != boot.expected)
    problem(1,
            "expected Landlock " + boot.expected + ", found " + (found.empty() ? "nothing that can be read" : found));
  for (const GuestRun& run : boot.runs) {
    const int code = run.exit_code.value_or(0);
    if (code == 0 || (code == 3 && (boot.landlock == "none" || boot.landlock == "disabled"))) continue;
    // A program of the guest that ends as none of ours does (a signal, a missing loader) is a failed harness.
    problem(code == 1 || code == 3 ? code : 4, run.name + " ended with " + std::to_string(code));
  }
  if (report == nullptr && boot.landlock.empty()) problem(4, "it finished, and there is no report");
  for (const GuestRun& run : boot.runs) {
    if (run.name != fuzz_run) continue;
    if (!run.exit_code) problem(3, "the model was not fuzzed: " + run.reason);
    const bool ended = run.exit_code == 0 || run.exit_code == 1;
    const bool disagrees = boot.fuzzed && boot.fuzzed->disagreements > 0;
    if (ended && (!boot.fuzzed || boot.fuzzed->operations == 0 || disagrees != (run.exit_code == 1)))
      problem(4, "the fuzzer's report is missing, or says other than its exit code");
  }
}

void compare_file_systems(const Kernel& kernel, Matrix& out) {
  for (const GuestRun& run : kernel.boot.runs) {
    if (run.name == main_run || !is_suite(run) || !kernel.boot.landlock.empty()) continue;
    FileSystem each;
    each.kernel = kernel.boot.label;
    each.name = run.name;
    each.reason = run.reason;
    const auto report = kernel.reports.find(run.name);
    if (report != kernel.reports.end()) {
      for (const auto& [key, row] : report->second.rows) {
        ++each.rows;
        each.cells += row.cells.size();
        const auto other =
            kernel.main() == nullptr ? std::map<RowKey, ReadRow>::const_iterator() : kernel.main()->rows.find(key);
        for (const auto& [name, cell] : row.cells) {
          each.disagree += cell.verdict == "disagree" ? 1 : 0;
          if (kernel.main() == nullptr || other == kernel.main()->rows.end()) continue;
          const auto found = other->second.cells.find(name);
          if (found != other->second.cells.end() && !same(found->second, cell))
            each.differences.push_back(cell_line(key, name, found->second, cell));
        }
      }
    }
    out.file_systems.push_back(std::move(each));
  }
}

void list_disagreements(const Kernel& kernel, Matrix& out) {
  if (kernel.boot.fuzzed && kernel.boot.fuzzed->disagreements > 0)
    out.disagreements.push_back(kernel.boot.label + " fuzz  " + kernel.boot.fuzzed->words);
  for (const auto& [run, report] : kernel.reports) {
    const std::string where = kernel.boot.label + " " + run + "  ";
    for (const std::string& claim : report.claims) out.disagreements.push_back(where + claim);
    for (const auto& [key, row] : report.rows) {
      const std::string name = where + key.name + ".abi" + std::to_string(key.plan_abi) + "/" + key.identity + "  ";
      if (row.outcome == "error" || (row.outcome == "disagree" && !row.message.empty()))
        out.disagreements.push_back(name + row.message);
      for (const auto& [cell_name, cell] : row.cells)
        if (cell.verdict == "disagree" || cell.verdict == "error")
          out.disagreements.push_back(name + cell_name + "  expected " + (cell.expected.empty() ? "-" : cell.expected) +
                                      ", predicted " + (cell.predicted.empty() ? "-" : cell.predicted) + ", observed " +
                                      cell.observed + " (control " + cell.control + ")  " + cell.decided);
    }
  }
}

}  // namespace

const ReadReport* Kernel::main() const {
  const auto found = reports.find(main_run);
  return found == reports.end() ? nullptr : &found->second;
}

Result<Matrix> join_boots(const std::vector<std::string>& directories) {
  Matrix out;
  std::set<std::string> labels;
  for (const std::string& directory : directories) {
    Kernel kernel;
    LOCKSTEP_ASSIGN(kernel.boot, read_boot(directory));
    if (!labels.insert(kernel.boot.label).second)
      return input_error(directory, 0, "a second boot is called " + kernel.boot.label);
    for (const GuestRun& run : kernel.boot.runs) {
      // A run that ended well or in disagreement has left a report.
      if (!is_suite(run) || (run.exit_code != 0 && run.exit_code != 1)) continue;
      LOCKSTEP_ASSIGN(ReadReport report, read_report(directory + "/out/" + run.name + ".json"));
      kernel.reports.emplace(run.name, std::move(report));
    }
    judge_kernel(kernel);
    out.kernels.push_back(std::move(kernel));
  }
  std::set<std::string> cases;
  for (const Kernel& kernel : out.kernels) {
    list_disagreements(kernel, out);
    compare_file_systems(kernel, out);
    if (kernel.main() == nullptr) continue;
    for (const auto& [key, row] : kernel.main()->rows) {
      cases.insert(key.name);
      if (key.plan_abi == kernel.main()->kernel_abi) add(out.cases[key.name][kernel.boot.label], row);
    }
  }

  // From one kernel to the next that ran the case at its own ABI: a case may be for some ABIs alone.
  for (const std::string& name : cases) {
    const Kernel* before = nullptr;
    for (const Kernel& kernel : out.kernels) {
      const ReadReport* report = kernel.main();
      if (report == nullptr || rows_of(*report, name, report->kernel_abi).empty()) continue;
      if (before != nullptr) {
        const ReadReport& from = *before->main();
        Difference change = compare_case(name, from, from.kernel_abi, *report, report->kernel_abi, nullptr);
        change.from = before->boot.label;
        change.to = kernel.boot.label;
        if (!empty(change)) out.changes.push_back(std::move(change));
      }
      before = &kernel;
    }
  }

  for (const Kernel& real : out.kernels) {
    for (const Kernel& masked : out.kernels) {
      if (real.main() == nullptr || masked.main() == nullptr || masked.main()->kernel_abi <= real.main()->kernel_abi)
        continue;
      Masking masking;
      masking.plan_abi = real.main()->kernel_abi;
      masking.real = real.boot.label;
      masking.masked = masked.boot.label;
      for (const std::string& name : cases) {
        Difference each =
            compare_case(name, *real.main(), masking.plan_abi, *masked.main(), masking.plan_abi, &masking);
        each.from = real.boot.label;
        each.to = masked.boot.label;
        if (!empty(each)) masking.differences.push_back(std::move(each));
      }
      if (masking.rows > 0) out.masking.push_back(std::move(masking));
    }
  }
  return out;
}

int exit_code(const Matrix& matrix) {
  bool failed = false, disagree = !matrix.disagreements.empty(), missing = false, green = false;
  for (const Kernel& kernel : matrix.kernels) {
    failed = failed || kernel.code == 4;
    disagree = disagree || kernel.code == 1;
    missing = missing || kernel.code == 3;
    green = green || (kernel.code == 0 && kernel.main() != nullptr);
  }
  for (const Difference& change : matrix.changes) disagree = disagree || !change.unexplained.empty();
  for (const Masking& masking : matrix.masking)
    for (const Difference& each : masking.differences) disagree = disagree || !each.unexplained.empty();
  return failed ? 4 : disagree ? 1 : missing || !green ? 3 : 0;
}

}  // namespace lockstep::conformance::kernels
