// The matrix as a person reads it, and as JSON.
#include <algorithm>

#include "conformance/kernels/matrix.h"
#include "syntax/json.h"

namespace lockstep::conformance::kernels {
namespace {

constexpr std::size_t lines_shown = 20;

std::string pad(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string found_in(const Kernel& kernel) {
  if (kernel.main() != nullptr) return "ABI " + std::to_string(kernel.main()->kernel_abi);
  if (!kernel.boot.landlock.empty()) return kernel.boot.landlock;
  return std::string(name(kernel.boot.outcome));
}

std::string word(const Mark& mark) {
  if (mark.verdict == "error") return "ERROR";
  if (mark.verdict == "disagree") return "DISAGREE";
  if (mark.verdict == "skip") return "skip";
  return mark.readiness == "blocked-elsewhere" ? "no GPU" : mark.readiness;
}

std::string errata_words(std::uint32_t errata) {
  std::string out;
  for (int bit = 0; bit < 32; ++bit)
    if ((errata >> bit & 1) != 0) out += (out.empty() ? "" : " ") + std::to_string(bit + 1);
  return out.empty() ? "none" : out;
}

void render_kernels(const Matrix& matrix, std::string& out) {
  for (const Kernel& kernel : matrix.kernels) {
    const Boot& boot = kernel.boot;
    out += pad(boot.label, 15) + pad(boot.release.empty() ? "-" : boot.release, 26) +
           pad(boot.version.empty() ? "-" : boot.version, 24) + pad(found_in(kernel), 12);
    if (const ReadReport* report = kernel.main()) {
      std::size_t cells = 0;
      for (const auto& [key, row] : report->rows) cells += row.cells.size();
      out += "errata " + pad(errata_words(report->errata), 10) + std::to_string(report->rows.size()) + " rows, " +
             std::to_string(cells) + " cells";
    }
    if (!boot.accelerator.empty() && boot.outcome != BootOutcome::unavailable) {
      char seconds[48];
      std::snprintf(seconds, sizeof(seconds), "  %.0f s (%s)", boot.seconds, boot.accelerator.c_str());
      out += seconds;
    }
    // No Landlock where none is expected is as it should be, and shows nothing green.
    out += kernel.problem.empty() ? kernel.main() == nullptr ? "  as expected: the suite says 3, cannot run here" : ""
                                  : "  " + kernel.problem;
    out += "\n";
    for (const std::string& line : boot.complaints) out += "    kernel: " + line + "\n";
    for (const std::string& line : boot.console_tail) out += "    | " + line + "\n";
  }
}

void render_cases(const Matrix& matrix, std::string& out) {
  std::size_t width = 4;
  for (const auto& [name, marks] : matrix.cases) width = std::max(width, name.size());
  out += pad("case, at the kernel's own ABI", width) + "  ";
  for (const Kernel& kernel : matrix.kernels) out += pad(kernel.boot.label, 10) + " ";
  out += "\n" + pad("", width) + "  ";
  for (const Kernel& kernel : matrix.kernels) out += pad(found_in(kernel), 10) + " ";
  out += "\n";
  for (const auto& [name, marks] : matrix.cases) {
    out += pad(name, width) + "  ";
    std::string why;
    for (const Kernel& kernel : matrix.kernels) {
      const auto found = marks.find(kernel.boot.label);
      out += pad(found == marks.end() ? kernel.main() == nullptr ? "." : "-" : word(found->second), 10) + " ";
      if (found != marks.end() && !found->second.why.empty()) why = found->second.why;
    }
    out += why + "\n";
  }
  out += "(-: the case is not for that ABI; .: nothing was run)\n";
}

void render_changes(const Matrix& matrix, std::string& out) {
  // Reason by reason between two kernels; the cases behind each are in the JSON.
  std::vector<std::pair<std::string, std::string>> pairs;  // in the order of the kernels
  for (const Kernel& to : matrix.kernels)
    for (const Kernel& from : matrix.kernels)
      if (std::any_of(matrix.changes.begin(), matrix.changes.end(), [&](const Difference& change) {
            return change.from == from.boot.label && change.to == to.boot.label;
          }))
        pairs.emplace_back(from.boot.label, to.boot.label);
  for (const auto& [from, to] : pairs) {
    out += "  " + from + " -> " + to + "\n";
    std::map<std::string, std::pair<std::size_t, std::size_t>> reasons;
    for (const Difference& change : matrix.changes) {
      if (change.from != from || change.to != to) continue;
      for (const auto& [reason, cells] : change.reasons) {
        reasons[reason].first += cells;
        ++reasons[reason].second;
      }
    }
    for (const auto& [reason, count] : reasons)
      out += "    " + reason + ": " + std::to_string(count.first) + " cells in " + std::to_string(count.second) +
             " cases\n";
    for (const Difference& change : matrix.changes) {
      if (change.from != from || change.to != to) continue;
      if (!change.readiness.empty()) out += "    " + change.name + ": " + change.readiness + "\n";
      for (std::size_t i = 0; i < change.unexplained.size() && i < lines_shown; ++i)
        out += "    unexplained: " + change.unexplained[i] + "\n";
    }
  }
  if (pairs.empty()) out += "  none\n";
}

void render_masking(const Matrix& matrix, std::string& out) {
  for (const Masking& masking : matrix.masking) {
    out += "  plan " + std::to_string(masking.plan_abi) + " on " + masking.masked + " as on " + masking.real + ": " +
           std::to_string(masking.same) + " of " + std::to_string(masking.cells) + " cells (" +
           std::to_string(masking.rows) + " rows)\n";
    for (const Difference& each : masking.differences) {
      for (const auto& [reason, cells] : each.reasons)
        out += "    " + each.name + ": " + std::to_string(cells) + " cells: " + reason + "\n";
      for (std::size_t i = 0; i < each.unexplained.size() && i < lines_shown; ++i)
        out += "    unexplained: " + each.unexplained[i] + "\n";
    }
  }
  if (matrix.masking.empty()) out += "  nothing was compared\n";
}

std::string grouped(std::uint64_t value) {
  std::string out = std::to_string(value);
  for (std::size_t i = out.size(); i > 3;) out.insert(i -= 3, 1, ',');
  return out;
}

void render_fuzzing(const Matrix& matrix, std::string& out) {
  std::size_t kernels = 0;
  for (const Kernel& kernel : matrix.kernels) {
    if (!kernel.boot.fuzzed) continue;
    const Fuzzed& fuzzed = *kernel.boot.fuzzed;
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%.1f s, ", fuzzed.seconds);
    out += (kernels++ == 0 ? "\nthe model, fuzzed against each kernel\n  " : "  ") + pad(kernel.boot.label, 15) +
           grouped(fuzzed.operations) + " operations, " + grouped(fuzzed.denied) + " denied, " +
           std::to_string(fuzzed.disagreements) + " disagree, " + seconds +
           grouped(static_cast<std::uint64_t>(fuzzed.rate())) + " a second, seed " + std::to_string(fuzzed.seed) + "\n";
    if (fuzzed.disagreements > 0) out += "    " + fuzzed.words + "\n" + fuzzed.found + "\n";
  }
}

Json to_json(const Difference& difference) {
  Json out = {{"case", difference.name}, {"from", difference.from}, {"to", difference.to}, {"cells", Json::object()}};
  for (const auto& [reason, cells] : difference.reasons) out["cells"][reason] = cells;
  if (!difference.readiness.empty()) out["readiness"] = difference.readiness;
  if (!difference.unexplained.empty()) out["unexplained"] = difference.unexplained;
  return out;
}

Json to_json(const Kernel& kernel) {
  Json out = {{"label", kernel.boot.label},         {"suite", kernel.boot.suite},
              {"package", kernel.boot.package},     {"version", kernel.boot.version},
              {"release", kernel.boot.release},     {"lsm", kernel.boot.lsm},
              {"arguments", kernel.boot.arguments}, {"expected", kernel.boot.expected},
              {"found", found_in(kernel)},          {"outcome", name(kernel.boot.outcome)}};
  if (!kernel.problem.empty()) out["problem"] = kernel.problem;
  if (const ReadReport* report = kernel.main()) {
    out["errata"] = report->errata;
    std::size_t cells = 0;
    for (const auto& [key, row] : report->rows) cells += row.cells.size();
    out["rows"] = report->rows.size();
    out["cells"] = cells;
  }
  out["runs"] = Json::object();
  for (const GuestRun& run : kernel.boot.runs)
    out["runs"][run.name] = run.exit_code ? Json(*run.exit_code) : Json("not run: " + run.reason);
  if (kernel.boot.fuzzed) {
    const Fuzzed& fuzzed = *kernel.boot.fuzzed;
    out["fuzz"] = {{"seed", fuzzed.seed},       {"operations", fuzzed.operations},
                   {"denied", fuzzed.denied},   {"disagreements", fuzzed.disagreements},
                   {"seconds", fuzzed.seconds}, {"rate", static_cast<std::uint64_t>(fuzzed.rate())}};
    if (fuzzed.disagreements > 0) out["fuzz"]["words"] = fuzzed.words, out["fuzz"]["found"] = fuzzed.found;
  }
  if (!kernel.boot.complaints.empty()) out["complaints"] = kernel.boot.complaints;
  return out;
}

}  // namespace

std::string render(const Matrix& matrix) {
  std::string out;
  render_kernels(matrix, out);
  if (!matrix.cases.empty()) {
    out += "\n";
    render_cases(matrix, out);
    out += "\nchanges between kernels, at their own ABI\n";
    render_changes(matrix, out);
    out += "\na plan for an older ABI, masked on a newer kernel\n";
    render_masking(matrix, out);
  }
  if (!matrix.file_systems.empty()) out += "\nthe scratch directory on another file system, against tmpfs\n";
  for (const FileSystem& each : matrix.file_systems) {
    out += "  " + pad(each.kernel, 15) + pad(each.name, 8) + " ";
    out += each.reason.empty() ? std::to_string(each.rows) + " rows, " + std::to_string(each.cells) + " cells, " +
                                     std::to_string(each.disagree) + " disagree, " +
                                     std::to_string(each.differences.size()) + " other than on tmpfs\n"
                               : "not run: " + each.reason + "\n";
    for (std::size_t i = 0; i < each.differences.size() && i < lines_shown; ++i)
      out += "    " + each.differences[i] + "\n";
  }
  render_fuzzing(matrix, out);
  if (!matrix.disagreements.empty()) out += "\n";
  for (std::size_t i = 0; i < matrix.disagreements.size() && i < lines_shown; ++i)
    out += "disagree  " + matrix.disagreements[i] + "\n";
  if (matrix.disagreements.size() > lines_shown)
    out += "... and " + std::to_string(matrix.disagreements.size() - lines_shown) + " more: see --output\n";
  std::size_t green = 0;
  for (const Kernel& kernel : matrix.kernels) green += kernel.code == 0 && kernel.main() != nullptr ? 1 : 0;
  out += "\n" + std::to_string(matrix.kernels.size()) + " kernels: " + std::to_string(green) + " green";
  for (const Kernel& kernel : matrix.kernels)
    if (kernel.code != 0 || kernel.main() == nullptr) out += ", " + kernel.boot.label + " " + found_in(kernel);
  return out + "\n";
}

std::string to_json(const Matrix& matrix) {
  Json out = {{"schema", "lockstep.matrix/1"},
              {"kernels", Json::array()},
              {"cases", Json::object()},
              {"changes", Json::array()},
              {"masking", Json::array()},
              {"file_systems", Json::array()},
              {"disagreements", matrix.disagreements}};
  for (const Kernel& kernel : matrix.kernels) out["kernels"].push_back(to_json(kernel));
  for (const auto& [name, marks] : matrix.cases)
    for (const auto& [label, mark] : marks)
      out["cases"][name][label] = {{"verdict", mark.verdict},
                                   {"readiness", mark.readiness},
                                   {"why", mark.why},
                                   {"rows", mark.rows},
                                   {"cells", mark.cells}};
  for (const Difference& change : matrix.changes) out["changes"].push_back(to_json(change));
  for (const Masking& masking : matrix.masking) {
    Json each = {{"plan_abi", masking.plan_abi}, {"real", masking.real},   {"masked", masking.masked},
                 {"rows", masking.rows},         {"cells", masking.cells}, {"same", masking.same},
                 {"differences", Json::array()}};
    for (const Difference& difference : masking.differences) each["differences"].push_back(to_json(difference));
    out["masking"].push_back(std::move(each));
  }
  for (const FileSystem& each : matrix.file_systems)
    out["file_systems"].push_back({{"kernel", each.kernel},
                                   {"name", each.name},
                                   {"rows", each.rows},
                                   {"cells", each.cells},
                                   {"disagree", each.disagree},
                                   {"reason", each.reason},
                                   {"differences", each.differences}});
  return out.dump(1) + "\n";
}

}  // namespace lockstep::conformance::kernels
