#include <gtest/gtest.h>

#include <lockstep/host.h>

namespace lockstep {
namespace {

Host decoded(const std::string& text) {
  Result<Host> host = decode_host(text, "h.json");
  if (!host.ok()) {
    ADD_FAILURE() << host.error().to_string();
    return {};
  }
  return *host;
}

constexpr const char* full = R"({"schema": "lockstep.host/1", "gpu": "nvidia",
 "gpu_nodes": ["/dev/nvidia10", "/dev/nvidia2"],
 "present": ["/usr/", "/dev/nvidiactl", "/dev/nvidia0", "/run/nvidia-persistenced", "/dev/shm",
             {"path": "/run/x.sock", "kind": "socket"}, {"path": "/etc/hostname", "kind": "file"}, "/app/data",
             {"path": "/dev/log", "kind": "socket", "type": "dgram"}],
 "absent": ["/app"], "kernel": {"abi": 7, "errata": 7}})";

TEST(Host, ExactlyWhatIsListedExistsAndItsParents) {
  const Host host = decoded(full);
  for (const char* path :
       {"/", "/usr", "/dev", "/dev/nvidiactl", "/run", "/run/x.sock", "/etc", "/dev/nvidia10", "/dev/nvidia2"})
    EXPECT_TRUE(host.exists(path)) << path;
  for (const char* path : {"/usr/bin", "/us", "/dev/nvidia1", "/dev/dxg", "/proc"})
    EXPECT_FALSE(host.exists(path)) << path;
}

TEST(Host, AbsentWinsAlsoForWhatIsBelow) {
  const Host host = decoded(full);
  EXPECT_FALSE(host.exists("/app"));
  EXPECT_FALSE(host.exists("/app/data"));
}

TEST(Host, GpuNodesAreInNumericalOrderWhereverTheyWereListed) {
  EXPECT_EQ(decoded(full).gpu_nodes, (std::vector<std::string>{"/dev/nvidia0", "/dev/nvidia2", "/dev/nvidia10"}));
}

TEST(Host, KindsAreWhatThePlaceSuggestsUnlessWritten) {
  const Host host = decoded(full);
  const auto kind = [&](const char* path) {
    for (const HostEntry& entry : host.present)
      if (entry.path == path) return std::string(name(entry.kind));
    return std::string("none");
  };
  EXPECT_EQ(kind("/usr"), "dir");
  EXPECT_EQ(kind("/dev/shm"), "dir");
  EXPECT_EQ(kind("/dev/nvidiactl"), "char");
  EXPECT_EQ(kind("/dev/nvidia10"), "char");
  EXPECT_EQ(kind("/run/x.sock"), "socket");
  EXPECT_EQ(kind("/etc/hostname"), "file");
}

TEST(Host, JsonRoundTrips) {
  const Host host = decoded(full);
  const Host again = decoded(host_to_json(host));
  EXPECT_EQ(host_to_json(again), host_to_json(host));
  EXPECT_EQ(again.gpu, GpuKind::nvidia);
  EXPECT_EQ(again.gpu_nodes, host.gpu_nodes);
  ASSERT_EQ(again.present.size(), host.present.size());
  EXPECT_EQ(again.present[8].target, "dgram");
  EXPECT_EQ(again.absent, host.absent);
  ASSERT_TRUE(again.kernel.has_value());
  EXPECT_EQ(again.kernel->abi, 7);
  EXPECT_EQ(again.kernel->errata, 7U);
  EXPECT_FALSE(again.real);
}

TEST(Host, RealIsLeftToTheMachine) {
  const Host host = decoded(R"({"schema": "lockstep.host/1", "gpu": "none", "present": "real"})");
  EXPECT_TRUE(host.real);
  EXPECT_TRUE(host.present.empty());
  EXPECT_FALSE(host.kernel.has_value());
  EXPECT_TRUE(decoded(host_to_json(host)).real);
}

TEST(Host, WhatNoNodeSaysIsAFieldOfNvidiaHosts) {
  const Host host =
      decoded(R"({"schema": "lockstep.host/1", "gpu": "nvidia", "numa_coherent": true, "present": ["/dev/nvidia0"]})");
  EXPECT_TRUE(host.numa_coherent);
  EXPECT_TRUE(decoded(host_to_json(host)).numa_coherent);
  EXPECT_FALSE(decoded(full).numa_coherent);
  for (const char* bad : {R"("gpu": "amd", "numa_coherent": true)", R"("gpu": "nvidia", "numa_coherent": 1)"})
    EXPECT_FALSE(
        decode_host(R"({"schema": "lockstep.host/1", "present": [], )" + std::string(bad) + "}", "h.json").ok())
        << bad;
}

TEST(Host, EveryVendorIsAWord) {
  for (const char* gpu : {"none", "nvidia", "wsl2", "amd", "intel"})
    EXPECT_EQ(name(decoded(R"({"schema": "lockstep.host/1", "present": [], "gpu": ")" + std::string(gpu) + "\"}").gpu),
              gpu);
}

TEST(Host, RenderNodesAreNoGpuNodes) {
  EXPECT_TRUE(is_render_node("/dev/dri/renderD128"));
  EXPECT_FALSE(is_gpu_node("/dev/dri/renderD128"));
  for (const char* path : {"/dev/dri/renderD", "/dev/dri/card0", "/dev/dri/renderD1x", "/dev/renderD128"})
    EXPECT_FALSE(is_render_node(path)) << path;
}

TEST(Host, OnlyNvidiaAndANumberIsAGpuNode) {
  for (const char* path : {"/dev/nvidia0", "/dev/nvidia12"}) EXPECT_TRUE(is_gpu_node(path)) << path;
  for (const char* path :
       {"/dev/nvidia", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0a", "/dev/nvidia0/x", "/nvidia0", ""})
    EXPECT_FALSE(is_gpu_node(path)) << path;
}

}  // namespace
}  // namespace lockstep
