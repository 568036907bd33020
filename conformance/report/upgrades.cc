#include "conformance/report/upgrades.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <lockstep/abi.h>

namespace lockstep::conformance::report {
namespace {

// One plan ABI of one case as one identity.
struct Stage {
  int abi = 0;
  bool predicted = false;
  const gpu::ReadinessVerdict* readiness = nullptr;
};

using Stages = std::map<wire::IdentityKind, std::vector<Stage>>;

// In the order of the rows, which is that of the cases; ABIs ascending.
std::vector<std::pair<const judge::CaseRun*, Stages>> stages_of(const Run& run) {
  std::vector<std::pair<const judge::CaseRun*, Stages>> out;
  for (const JudgedRow& judged : run.rows) {
    if (judged.verdict.cells.empty()) continue;  // refused or not run: nothing is known of it
    const auto same = [&](const auto& each) { return each.first == judged.row.run; };
    auto found = std::find_if(out.begin(), out.end(), same);
    if (found == out.end()) found = out.insert(out.end(), {judged.row.run, {}});
    std::vector<Stage>& stages = found->second[judged.row.identity];
    stages.push_back({judged.row.plan_abi, false, &judged.verdict.readiness});
    for (const gpu::PredictedReadiness& each : judged.verdict.beyond)
      stages.push_back({each.plan_abi, true, &each.verdict});
  }
  for (auto& [run_of, by_identity] : out)
    for (auto& [identity, stages] : by_identity)
      std::sort(stages.begin(), stages.end(), [](const Stage& a, const Stage& b) { return a.abi < b.abi; });
  return out;
}

std::vector<gpu::DeniedStep> lost_between(const gpu::ReadinessVerdict& before, const gpu::ReadinessVerdict& after) {
  std::vector<gpu::DeniedStep> out;
  for (const gpu::DeniedStep& step : after.denied) {
    const auto same = [&](const gpu::DeniedStep& other) { return other.id == step.id; };
    if (!step.elsewhere && std::none_of(before.denied.begin(), before.denied.end(), same)) out.push_back(step);
  }
  return out;
}

std::vector<Fix> fixes_of(const std::vector<gpu::DeniedStep>& lost) {
  std::vector<Fix> out;
  for (const gpu::DeniedStep& step : lost) {
    if (step.missing.empty()) continue;
    const auto same = std::find_if(out.begin(), out.end(), [&](const Fix& fix) { return fix.path == step.grant_path; });
    if (same != out.end())
      same->access |= step.missing;
    else
      out.push_back({step.grant_path, step.missing});
  }
  return out;
}

bool same_loss(const Upgrade& a, const Upgrade& b) {
  return a.from == b.from && a.to == b.to && a.before == b.before && a.after == b.after &&
         std::equal(
             a.lost.begin(), a.lost.end(), b.lost.begin(), b.lost.end(),
             [](const gpu::DeniedStep& x, const gpu::DeniedStep& y) { return x.id == y.id && x.what == y.what; });
}

std::string case_of(const judge::CaseRun& run) {
  return printable(run.source.own_policy ? run.source.file : run.source.name);
}

std::string class_of(const gpu::DeniedStep& step) {
  return " [" + std::string(gpu::name(step.importance)) + ", " + std::string(gpu::name(step.certainty)) + "]";
}

std::string words(const std::vector<wire::IdentityKind>& identities) {
  std::string out;
  for (const wire::IdentityKind each : identities) out += (out.empty() ? "" : ", ") + std::string(wire::name(each));
  return out;
}

// Steps that lack the same for the same reason stand in one line: "comm, comm-child needs write_file on ...".
std::vector<std::string> lines_of(const std::vector<gpu::DeniedStep>& steps, bool harmless_too) {
  std::vector<std::pair<std::string, std::string>> lines;  // ids, the rest
  for (const gpu::DeniedStep& step : steps) {
    if (step.importance == gpu::Importance::harmless && !harmless_too) continue;
    const std::string rest = step.what.substr(step.id.size()) + ": " + step.breaks + class_of(step);
    const auto same = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.second == rest; });
    if (same != lines.end())
      same->first += ", " + step.id;
    else
      lines.emplace_back(step.id, rest);
  }
  std::vector<std::string> out;
  out.reserve(lines.size());
  for (const auto& [ids, rest] : lines) out.push_back(printable(ids + rest));
  return out;
}

// "ioctl_dev is new at ABI 5": of the rights that the newer plan handles and the older did not.
std::string new_rights(const Upgrade& upgrade) {
  AccessSet missing;
  for (const gpu::DeniedStep& step : upgrade.lost) missing |= step.missing;
  std::string out;
  for (int abi = upgrade.from + 1; abi <= upgrade.to; ++abi) {
    const AccessSet added = (abi_info(abi)->fs - abi_info(abi - 1)->fs) & missing;
    if (!added.empty())
      out += (out.empty() ? "" : ", ") + join_names(added, ", ") + " is new at ABI " + std::to_string(abi);
  }
  return out;
}

std::string headline(const Upgrade& upgrade, int kernel_abi) {
  std::string out = "upgrade   " + case_of(*upgrade.run) + ": plan " + std::to_string(upgrade.from) + " -> " +
                    std::to_string(upgrade.to);
  if (upgrade.predicted) out += " (predicted: this kernel has ABI " + std::to_string(kernel_abi) + ")";
  if (upgrade.after == upgrade.before) return out + ": stays " + std::string(gpu::name(upgrade.after));
  return out + ": " + std::string(gpu::name(upgrade.before)) + " -> " + std::string(gpu::name(upgrade.after));
}

}  // namespace

std::vector<Upgrade> find_upgrades(const Run& run) {
  std::vector<Upgrade> out;
  for (const auto& [run_of, by_identity] : stages_of(run)) {
    std::vector<Upgrade> of_case;
    for (const auto& [identity, stages] : by_identity) {
      for (std::size_t i = 1; i < stages.size(); ++i) {
        const Stage &before = stages[i - 1], &after = stages[i];
        Upgrade each{run_of,
                     {identity},
                     before.abi,
                     after.abi,
                     before.readiness->is,
                     after.readiness->is,
                     after.predicted,
                     lost_between(*before.readiness, *after.readiness),
                     {}};
        if (each.lost.empty()) continue;
        each.fixes = fixes_of(each.lost);
        const auto same =
            std::find_if(of_case.begin(), of_case.end(), [&](const Upgrade& other) { return same_loss(each, other); });
        if (same != of_case.end())
          same->identities.push_back(identity);
        else
          of_case.push_back(std::move(each));
      }
    }
    std::stable_sort(of_case.begin(), of_case.end(), [](const Upgrade& a, const Upgrade& b) { return a.to < b.to; });
    std::move(of_case.begin(), of_case.end(), std::back_inserter(out));
  }
  return out;
}

std::string grant_line(const Fix& fix) {
  return "- {path: " + printable(fix.path) + ", access: [" + join_names(fix.access, ", ") + "]}";
}

std::string render_steps(const Run& run, bool all) {
  std::map<const judge::CaseRun*, int> newest;
  for (const JudgedRow& judged : run.rows)
    if (!judged.verdict.cells.empty()) newest[judged.row.run] = std::max(newest[judged.row.run], judged.row.plan_abi);
  // A line once, with whom it concerns where that is not everybody.
  std::vector<std::pair<std::string, std::vector<wire::IdentityKind>>> lines;
  std::map<const judge::CaseRun*, std::size_t> identities;
  std::map<std::string, const judge::CaseRun*> source;
  for (const JudgedRow& judged : run.rows) {
    const judge::CaseRun* run_of = judged.row.run;
    const judge::Case& each = run_of->source;
    const auto at = newest.find(run_of);
    if (at == newest.end() || judged.row.plan_abi != at->second || !(all || each.own_policy)) continue;
    ++identities[run_of];
    std::vector<gpu::DeniedStep> steps = judged.verdict.readiness.denied;
    // Where there is no GPU, what is missing is that: the table says so.
    if (each.context.host.gpu == GpuKind::none && !all)
      std::erase_if(steps, [](const gpu::DeniedStep& step) { return step.elsewhere; });
    for (const std::string& line : lines_of(steps, all)) {
      const std::string text = "denied    " + case_of(*run_of) + ", plan " + std::to_string(at->second) + ": " + line;
      source[text] = run_of;
      const auto same =
          std::find_if(lines.begin(), lines.end(), [&](const auto& known) { return known.first == text; });
      if (same != lines.end())
        same->second.push_back(judged.row.identity);
      else
        lines.push_back({text, {judged.row.identity}});
    }
  }
  std::string out;
  for (const auto& [text, whom] : lines)
    out += text + (whom.size() == identities[source[text]] ? "" : " (as " + words(whom) + ")") + "\n";
  return out;
}

std::string render_upgrades(const Run& run, bool all) {
  std::string out;
  for (const Upgrade& upgrade : find_upgrades(run)) {
    const bool full = all || upgrade.run->source.own_policy;
    const std::vector<std::string> steps = lines_of(upgrade.lost, full);
    if (!full && (upgrade.before == upgrade.after || steps.empty())) continue;
    out += headline(upgrade, run.kernel.abi);
    if (!full) {
      out += ": " + steps.front() + (steps.size() > 1 ? ", and more" : "") + "\n";
      continue;
    }
    if (upgrade.identities.size() < upgrade.run->source.identities.size())
      out += " (as " + words(upgrade.identities) + ")";
    if (const std::string rights = new_rights(upgrade); !rights.empty()) out += "; " + rights;
    out += "\n";
    for (const std::string& line : steps) out += "          " + line + "\n";
    for (const Fix& fix : upgrade.fixes) out += "          fix, below grants: " + grant_line(fix) + "\n";
  }
  return out;
}

}  // namespace lockstep::conformance::report
