// Findings, said: on a terminal, to a program, to a code scanner.
#include "render/render_lint.h"

#include <algorithm>
#include <array>

#include "render/sarif.h"
#include "syntax/json.h"
#include "syntax/json_text.h"

namespace lockstep::render {
namespace {

std::array<std::size_t, 3> count(const std::vector<Linted>& all) {
  std::array<std::size_t, 3> out{};
  for (const Linted& each : all)
    for (const lint::Finding& finding : each.findings) ++out[static_cast<std::size_t>(finding.severity)];
  return out;
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::string plural(std::size_t count, const char* word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

}  // namespace

bool counts(const std::vector<Linted>& all) {
  const auto counted = count(all);
  return counted[1] + counted[2] > 0;
}

std::string lint_text(const std::vector<Linted>& all) {
  std::string out;
  for (const Linted& each : all)
    for (const lint::Finding& finding : each.findings)
      out += printable(each.file) + ":" + (finding.line > 0 ? std::to_string(finding.line) + ":" : "") + " " +
             std::string(lint::name(finding.severity)) + ": " + finding.message + " [" + finding.id +
             "]\n    fix: " + finding.fix + (finding.fixable ? " (--fix does)" : "") + "\n";
  const auto counted = count(all);
  return out + (all.size() == 1 ? "1 policy: " : std::to_string(all.size()) + " policies: ") +
         plural(counted[2], "error") + ", " + plural(counted[1], "warning") + ", " + plural(counted[0], "note") + "\n";
}

std::string lint_json(const std::vector<Linted>& all) {
  const auto counted = count(all);
  Json out;
  out["schema"] = "lockstep.lint/1";
  out["errors"] = counted[2];
  out["warnings"] = counted[1];
  out["notes"] = counted[0];
  out["policies"] = Json::array();
  for (const Linted& each : all) {
    Json findings = Json::array();
    for (const lint::Finding& finding : each.findings)
      findings.push_back({{"id", finding.id},
                          {"severity", lint::name(finding.severity)},
                          {"line", finding.line > 0 ? Json(finding.line) : Json(nullptr)},
                          {"path", or_null(json_text(finding.path))},
                          {"message", finding.message},
                          {"fix", finding.fix},
                          {"fixable", finding.fixable}});
    out["policies"].push_back({{"policy", json_text(each.file)}, {"findings", std::move(findings)}});
  }
  return json_document(out);
}

std::string lint_sarif(const std::vector<Linted>& all) {
  Sarif sarif;
  for (const Linted& each : all)
    for (const lint::Finding& finding : each.findings) {
      const auto trap = std::find_if(lint::traps().begin(), lint::traps().end(),
                                     [&](const lint::Trap& one) { return one.id == finding.id; });
      sarif.add(finding.id, std::string(trap->about), std::string(lint::name(finding.severity)), each.file,
                finding.line, finding.message + ". Fix: " + finding.fix);
    }
  return sarif.document("lockstep lint");
}

std::string trap_list(bool json) {
  std::string text;
  Json list = Json::array();
  for (const lint::Trap& trap : lint::traps()) {
    list.push_back({{"id", trap.id},
                    {"severity", lint::name(trap.severity)},
                    {"fixable", trap.fixable},
                    {"about", trap.about},
                    {"fix", trap.fix}});
    std::string id(trap.id), severity(lint::name(trap.severity));
    id.resize(std::max<std::size_t>(id.size(), 22), ' ');
    severity.resize(8, ' ');
    text += id + " " + severity + (trap.fixable ? " --fix  " : "        ") + std::string(trap.about) + "\n";
  }
  return json ? json_document({{"schema", "lockstep.traps/1"}, {"traps", std::move(list)}}) : text;
}

}  // namespace lockstep::render
