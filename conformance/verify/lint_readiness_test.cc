// lint and readiness ask the same steps, one of the policy, the other of the model: neither may pass what the other blocks.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include <lockstep/abi.h>

#include "conformance/judge/by_model.h"
#include "lint/lint.h"
#include "testing/policy.h"

namespace lockstep::conformance::verify {
namespace {

std::vector<std::string> files_below(const std::string& directory) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file() && entry.path().extension() != ".md") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

// Of the fixtures, and those that take one thing from CUDA each.
std::vector<Policy> policies() {
  std::vector<Policy> out;
  for (const std::string& file : files_below(LOCKSTEP_SOURCE_DIR "/fixtures/policies"))
    if (Result<Policy> policy = load_policy(file); policy.ok()) out.push_back(std::move(policy).value());
  const std::string head = "version: 1\nfilesystem_policy:\n";
  const std::string keep = "\nruntime_baseline_conflicts: [{paths: ['/**', /proc], mode: keep}]\n";
  for (const char* lists :
       {"  read_only: [/usr]", "  read_only: [/proc]", "  read_write: [/proc]", "  read_only: [/, /dev]",
        "  read_write: [/proc, /dev]", "  read_only: [/usr, /sys]\n  read_write: [/proc, /dev]",
        "  read_only: [/usr, /opt]\n  read_write: [/proc, /dev]",
        "  read_only: [/usr, /sys, /opt, /dev/nvidia-caps]\n  read_write: [/proc, /dev/dri, /dev/kfd]",
        "  read_write: [/proc]\n  grants: [{path: /dev, access: [read_file, write_file]}]",
        "  grants: [{path: /proc, access: [read_file, read_dir, write_file]}]",
        "  read_only: [/dev/nvidia0, /sys]\n  read_write: [/proc]",
        "  read_only: [/dev/nvidiactl, /dev/nvidia-uvm, /sys]\n  read_write: [/proc]"})
    for (const std::string& conflicts : {std::string("\n"), keep})
      out.push_back(testing::policy(head + lists + conflicts));
  return out;
}

// Of a row's hundreds of cells those of the start-up.
void keep_steps(judge::CellPlan& plan) {
  judge::CellPlan kept;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (plan.info[i].step.empty()) continue;
    kept.cells.push_back(plan.cells[i]);
    kept.info.push_back(plan.info[i]);
  }
  plan.cells = std::move(kept.cells);
  plan.info = std::move(kept.info);
}

TEST(LintReadiness, LintFindsWhatReadinessBlocksAndNothingElse) {
  std::map<std::string, int> blocked, passed;
  for (const std::string& file : files_below(LOCKSTEP_SOURCE_DIR "/fixtures/hosts")) {
    Result<Host> host = load_host(file);
    ASSERT_TRUE(host.ok()) << host.error().to_string();
    if (host->real || host->gpu == GpuKind::none) continue;
    const std::string name = std::filesystem::path(file).stem();
    for (const Policy& policy : policies()) {
      judge::Case source;
      source.name = name;
      source.policy = policy;
      source.context.host = *host;
      Result<judge::CaseRun> run = judge::prepare_case(source);
      if (!run.ok()) continue;  // refused there
      keep_steps(run->cells);
      lint::LintOptions options;
      options.context = source.context;
      options.only = {"cuda-blocked"};
      const Result<std::vector<lint::Finding>> found = lint::lint(policy, options);
      ASSERT_TRUE(found.ok()) << found.error().to_string();
      // What is blocked at an older ABI is at the newest: nothing that an older one handles is left out of it.
      for (const int abi : {newest_abi, 2}) {
        if (abi != newest_abi && !found->empty()) continue;
        const judge::Row row{&*run, abi, wire::IdentityKind::user};
        const std::optional<gpu::ReadinessVerdict> said = judge::readiness_by_model(row, {newest_abi, 0xf});
        if (!said) continue;
        const bool blocks = said->is == gpu::Readiness::blocked;
        (blocks ? blocked : passed)[name] += abi == newest_abi ? 1 : 0;
        EXPECT_TRUE(!blocks || !found->empty()) << name << ", " << policy.file << ", plan " << abi << ": " << said->why;
        // Lint is of the newest ABI. What fails without the policy as well may be blocked by it besides.
        if (abi == newest_abi && (said->is == gpu::Readiness::ready || said->is == gpu::Readiness::degraded)) {
          EXPECT_TRUE(found->empty()) << name << ", " << policy.file << ": " << found->front().message;
        }
      }
    }
  }
  for (const char* host :
       {"nvidia-1", "nvidia-8", "mig", "fabric", "mps", "gh200", "jetson", "wsl2", "rocm", "intel"}) {
    EXPECT_GT(blocked[host], 0) << host;
    EXPECT_GT(passed[host], 0) << host;
  }
}

}  // namespace
}  // namespace lockstep::conformance::verify
