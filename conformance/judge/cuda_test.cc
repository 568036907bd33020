#include "conformance/judge/cuda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace lockstep::conformance {
namespace {

Host host_of(GpuKind gpu, std::vector<std::string> nodes = {}) {
  Host host;
  host.gpu = gpu;
  host.gpu_nodes = nodes;
  for (const std::string& node : nodes) host.present.push_back({node, NodeKind::character});
  return host;
}

const CudaStep* find(const std::vector<CudaStep>& steps, const std::string& id) {
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const CudaStep& step) { return step.id == id; });
  return found == steps.end() ? nullptr : &*found;
}

TEST(CudaSteps, EachSaysWhatBreaksUnderANameOfItsOwn) {
  for (GpuKind gpu : {GpuKind::none, GpuKind::nvidia, GpuKind::wsl2}) {
    std::set<std::string> ids;
    for (const CudaStep& step : cuda_steps(host_of(gpu, {"/dev/nvidia0"}))) {
      EXPECT_TRUE(ids.insert(step.id).second) << step.id << " twice";
      EXPECT_FALSE(step.breaks.empty()) << step.id;
    }
  }
}

TEST(CudaSteps, EveryGpuOfTheHostIsAStep) {
  const auto steps = cuda_steps(host_of(GpuKind::nvidia, {"/dev/nvidia0", "/dev/nvidia7"}));
  for (const char* id :
       {"node /dev/nvidiactl", "node /dev/nvidia-uvm", "node /dev/nvidia0", "node /dev/nvidia7"}) {
    ASSERT_NE(find(steps, id), nullptr) << id;
    EXPECT_EQ(find(steps, id)->cell.operation, Operation::ioctl)
        << "opening alone does not show that ioctl_dev is granted";
    EXPECT_EQ(find(steps, id)->importance, CudaImportance::fatal);
  }
}

TEST(CudaSteps, Wsl2HasOneNode) {
  const auto steps = cuda_steps(host_of(GpuKind::wsl2));
  EXPECT_NE(find(steps, "node /dev/dxg"), nullptr);
  EXPECT_EQ(find(steps, "node /dev/nvidiactl"), nullptr);
}

TEST(CudaSteps, AJetsonBoardNeedsItsOwnNode) {
  Host host = host_of(GpuKind::nvidia, {"/dev/nvidia0"});
  EXPECT_EQ(find(cuda_steps(host), "node /dev/nvmap"), nullptr);
  host.present.push_back({"/dev/nvmap", NodeKind::character});
  ASSERT_NE(find(cuda_steps(host), "node /dev/nvmap"), nullptr);
  EXPECT_EQ(find(cuda_steps(host), "node /dev/nvmap")->importance, CudaImportance::fatal);
}

TEST(CudaSteps, NamingAThreadIsFatalAsGlibcDoesItAndAsDriversWereSeenToDoIt) {
  for (const CudaStep& step : cuda_steps(host_of(GpuKind::nvidia))) {
    if (step.cell.operation != Operation::comm_open) continue;
    const bool known = step.cell.mode == Mode::rdwr || step.cell.mode == Mode::setname || step.cell.mode == Mode::trunc;
    EXPECT_EQ(step.importance == CudaImportance::fatal, known) << step.id;
    EXPECT_EQ(step.certainty == Certainty::measured, step.cell.mode == Mode::trunc) << step.id;
  }
}

}  // namespace
}  // namespace lockstep::conformance
