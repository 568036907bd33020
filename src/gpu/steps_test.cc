#include "gpu/steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "gpu/platforms.h"

namespace lockstep::gpu {
namespace {

Host host_of(GpuKind gpu, std::vector<std::string> nodes = {}) {
  Host host;
  host.gpu = gpu;
  host.gpu_nodes = nodes;
  for (const std::string& node : nodes) host.present.push_back({node, NodeKind::character});
  return host;
}

const Step* find(const std::vector<Step>& steps, const std::string& id) {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.id == id; });
  return found == steps.end() ? nullptr : &*found;
}

// Every platform there is, and all of NVIDIA's at once.
std::vector<Host> every_host() {
  std::vector<Host> out;
  for (GpuKind gpu : {GpuKind::none, GpuKind::nvidia, GpuKind::wsl2, GpuKind::amd, GpuKind::intel})
    out.push_back(host_of(gpu, {"/dev/nvidia0"}));
  Host all = host_of(GpuKind::nvidia, {"/dev/nvidia0", "/dev/nvidia1"});
  all.numa_coherent = true;
  for (const char* path : {"/dev/nvmap", "/dev/nvhost-gpu", "/dev/nvidia-nvswitchctl", "/dev/nvidia-caps/nvidia-cap3",
                           "/dev/nvidia-caps-imex-channels/channel0"})
    all.present.push_back({path, NodeKind::character});
  all.present.push_back({"/tmp/nvidia-mps/control", NodeKind::socket});
  all.present.push_back({"/home/a/.nv/ComputeCache/index", NodeKind::file});
  out.push_back(all);
  return out;
}

// Readiness finds a step's answer by its id, and its cell by what it tries.
TEST(CudaSteps, EachSaysWhatBreaksUnderANameAndInACellOfItsOwn) {
  for (const Host& host : every_host()) {
    std::set<std::string> ids;
    std::set<std::tuple<Operation, Mode, Actor, Target, std::string>> tried;
    for (const Step& step : steps_of(host)) {
      EXPECT_TRUE(ids.insert(step.id).second) << step.id << " twice";
      EXPECT_TRUE(tried.insert({step.operation, step.mode, step.actor, step.target, step.path}).second)
          << step.id << " tries what another step tries";
      EXPECT_FALSE(step.breaks.empty()) << step.id;
    }
  }
}

// No GPU was used. What libcuda does before it looks for one could be seen without: only that may be called measured.
TEST(CudaSteps, OnlyWhatIsSeenWithoutADeviceIsCalledMeasured) {
  const std::set<std::string> seen = {"comm-truncating",
                                      "comm-truncating-child",
                                      "comm-truncating-grandchild",
                                      "comm-truncating-exec",
                                      "cpu-info",
                                      "cpus-online",
                                      "pci-list",
                                      "pci-config"};
  for (const Host& host : every_host())
    for (const Step& step : steps_of(host))
      EXPECT_TRUE(step.certainty != Certainty::measured || seen.contains(step.id)) << step.id;
}

TEST(CudaSteps, AHostThatListsNoGpuIsAskedForOne) {
  for (GpuKind gpu : {GpuKind::nvidia, GpuKind::amd, GpuKind::intel}) {
    const auto steps = steps_of(host_of(gpu));
    EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.group == StepGroup::gpu; }))
        << name(gpu);
  }
}

Importance importance_of(const Host& host, const std::string& id) {
  const auto steps = steps_of(host);
  const Step* step = find(steps, id);
  EXPECT_NE(step, nullptr) << id;
  return step == nullptr ? Importance::harmless : step->importance;
}

Host with(GpuKind gpu, const std::vector<std::string>& paths) {
  Host host =
      host_of(gpu, gpu == GpuKind::nvidia ? std::vector<std::string>{"/dev/nvidia0"} : std::vector<std::string>{});
  for (const std::string& path : paths)
    host.present.push_back({path, path.starts_with("/dev/") ? NodeKind::character : NodeKind::socket});
  return host;
}

TEST(CudaSteps, TheClassOfAStepIsThatOfThePlatform) {
  const Host plain = with(GpuKind::nvidia, {});
  EXPECT_TRUE(platforms(plain).empty());
  Host coherent = plain;
  coherent.numa_coherent = true;
  EXPECT_EQ(importance_of(plain, "numa-nodes"), Importance::harmless);
  EXPECT_EQ(importance_of(coherent, "numa-nodes"), Importance::fatal);
  EXPECT_EQ(platforms(coherent), std::vector<std::string>{"coherent"});

  const Host mps = with(GpuKind::nvidia, {"/tmp/nvidia-mps/control"});
  EXPECT_EQ(importance_of(plain, "mps"), Importance::harmless);
  EXPECT_EQ(importance_of(mps, "mps"), Importance::degraded);
  EXPECT_EQ(platforms(mps), std::vector<std::string>{"mps"});

  const Host fabric = with(GpuKind::nvidia, {"/dev/nvidia-nvswitchctl", "/run/nvidia-fabricmanager/socket"});
  EXPECT_EQ(find(steps_of(plain), "fabricmanager"), nullptr);
  EXPECT_EQ(importance_of(fabric, "fabricmanager"), Importance::degraded);
  EXPECT_EQ(platforms(fabric), std::vector<std::string>{"fabric"});
}

// Every MIG-capable GPU has the two nodes of administration; instances have others.
TEST(CudaSteps, OnlyAnInstanceMakesAMigHost) {
  EXPECT_TRUE(
      platforms(with(GpuKind::nvidia, {"/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia-caps/nvidia-cap2"})).empty());
  const Host mig = with(GpuKind::nvidia, {"/dev/nvidia-caps/nvidia-cap2", "/dev/nvidia-caps/nvidia-cap12",
                                          "/dev/nvidia-caps/nvidia-cap13"});
  EXPECT_EQ(platforms(mig), std::vector<std::string>{"mig"});
  const auto steps = steps_of(mig);
  EXPECT_EQ(find(steps, "node /dev/nvidia-caps/nvidia-cap2"), nullptr);
  ASSERT_NE(find(steps, "node /dev/nvidia-caps/nvidia-cap12"), nullptr);
  EXPECT_EQ(find(steps, "node /dev/nvidia-caps/nvidia-cap12")->group, StepGroup::mig);
  EXPECT_EQ(find(steps, "node /dev/nvidia-caps/nvidia-cap12")->operation, Operation::open_r);
}

TEST(CudaSteps, ABoardsGpuNodesAreFatalAndItsVideoNodesAreNot) {
  const Host board = with(GpuKind::nvidia, {"/dev/nvmap", "/dev/nvhost-ctrl-gpu", "/dev/nvhost-prof-gpu",
                                            "/dev/nvhost-vic", "/dev/nvgpu/igpu0/ctrl", "/dev/nvgpu/igpu0/prof"});
  for (const char* id : {"node /dev/nvmap", "node /dev/nvhost-ctrl-gpu", "node /dev/nvgpu/igpu0/ctrl", "soc-family"})
    EXPECT_EQ(importance_of(board, id), Importance::fatal) << id;
  for (const char* id : {"node /dev/nvhost-prof-gpu", "node /dev/nvhost-vic", "node /dev/nvgpu/igpu0/prof"})
    EXPECT_EQ(importance_of(board, id), Importance::harmless) << id;
}

TEST(CudaSteps, OtherVendorsWriteNoThreadNamesAndHaveNodesOfTheirOwn) {
  const Host amd = with(GpuKind::amd, {"/dev/kfd", "/dev/dri/renderD128"});
  const Host intel = with(GpuKind::intel, {"/dev/dri/renderD128"});
  for (const Host& host : {amd, intel}) {
    const auto steps = steps_of(host);
    EXPECT_EQ(find(steps, "comm"), nullptr);
    EXPECT_EQ(find(steps, "node /dev/nvidiactl"), nullptr);
    ASSERT_NE(find(steps, "node /dev/dri/renderD128"), nullptr);
    EXPECT_EQ(find(steps, "node /dev/dri/renderD128")->group, StepGroup::gpu);
  }
  EXPECT_EQ(importance_of(amd, "node /dev/kfd"), Importance::fatal);
  EXPECT_EQ(find(steps_of(intel), "node /dev/kfd"), nullptr);
}

TEST(CudaSteps, EveryGpuOfTheHostIsAStep) {
  const auto steps = steps_of(host_of(GpuKind::nvidia, {"/dev/nvidia0", "/dev/nvidia7"}));
  for (const char* id : {"node /dev/nvidiactl", "node /dev/nvidia-uvm", "node /dev/nvidia0", "node /dev/nvidia7"}) {
    ASSERT_NE(find(steps, id), nullptr) << id;
    EXPECT_EQ(find(steps, id)->operation, Operation::ioctl) << "opening alone does not show that ioctl_dev is granted";
    EXPECT_EQ(find(steps, id)->importance, Importance::fatal);
  }
}

TEST(CudaSteps, Wsl2HasOneNode) {
  const auto steps = steps_of(host_of(GpuKind::wsl2));
  EXPECT_NE(find(steps, "node /dev/dxg"), nullptr);
  EXPECT_EQ(find(steps, "node /dev/nvidiactl"), nullptr);
}

TEST(CudaSteps, AJetsonBoardNeedsItsOwnNode) {
  Host host = host_of(GpuKind::nvidia, {"/dev/nvidia0"});
  EXPECT_EQ(find(steps_of(host), "node /dev/nvmap"), nullptr);
  host.present.push_back({"/dev/nvmap", NodeKind::character});
  ASSERT_NE(find(steps_of(host), "node /dev/nvmap"), nullptr);
  EXPECT_EQ(find(steps_of(host), "node /dev/nvmap")->importance, Importance::fatal);
}

TEST(CudaSteps, NamingAThreadIsFatalAsGlibcDoesItAndAsDriversWereSeenToDoIt) {
  for (const Step& step : steps_of(host_of(GpuKind::nvidia))) {
    if (step.operation != Operation::comm_open) continue;
    const bool known = step.mode == Mode::rdwr || step.mode == Mode::setname || step.mode == Mode::trunc;
    EXPECT_EQ(step.importance == Importance::fatal, known) << step.id;
    EXPECT_EQ(step.certainty == Certainty::measured, step.mode == Mode::trunc) << step.id;
  }
}

}  // namespace
}  // namespace lockstep::gpu
