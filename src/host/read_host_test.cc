// What read_host() says of this machine, and of namespaces where what it looks for is there.
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lockstep/effective.h>

#include "base/unique_fd.h"
#include "host/dev_testing.h"

namespace lockstep {
namespace {

TEST(ReadHost, AgreesWithStatOnEveryBaselinePath) {
  const Host host = read_host();
  EXPECT_TRUE(host.real);
  for (const std::string_view path : baseline_paths()) {
    struct stat st;
    const bool here = ::stat(std::string(path).c_str(), &st) == 0;
    // A parent of what is present exists as well, so only the first direction is strict.
    if (here) {
      EXPECT_TRUE(host.exists(path)) << path;
    }
    for (const HostEntry& entry : host.present)
      if (entry.path == path) {
        EXPECT_EQ(entry.kind == NodeKind::directory, S_ISDIR(st.st_mode)) << path;
      }
  }
}

TEST(ReadHost, AsksTheKernel) {
  const Result<KernelLandlock> kernel = query_kernel();
  const Host host = read_host();
  ASSERT_EQ(host.kernel.has_value(), kernel.ok());
  if (kernel.ok()) {
    EXPECT_EQ(host.kernel->abi, kernel->abi);
    EXPECT_EQ(host.kernel->errata, kernel->errata);
  }
}

TEST(ReadHost, WhatTheFileSaysWinsOverTheMachine) {
  Result<Host> host = decode_host(
      R"({"schema":"lockstep.host/1","gpu":"nvidia","present":"real","absent":["/usr"],"kernel":{"abi":3,"errata":1}})",
      "h.json");
  ASSERT_TRUE(host.ok()) << host.error().to_string();
  EXPECT_TRUE(host->present.empty());
  complete_from_machine(*host);
  EXPECT_FALSE(host->exists("/usr"));
  EXPECT_TRUE(host->exists("/proc"));
  EXPECT_EQ(host->kernel->abi, 3);
  EXPECT_EQ(host->gpu, GpuKind::nvidia);
}

int gpu_with_dev(const std::vector<const char*>& folders, const std::vector<const char*>& nodes) {
  return testing::in_child_with_dev(folders, nodes, [&] {
    const Host host = read_host();
    for (const char* node : nodes)
      if (!host.exists(node)) ::_exit(102);
    return static_cast<int>(host.gpu);
  });
}

// What read_host() says of MPS' socket, in a private /tmp: bit 0 while its server is there, bit 1 once it has quit. -1:
// no namespace.
int mps_with_server(int type) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) != 0)
      ::_exit(100);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = "/tmp/nvidia-mps/control";
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd server(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (::mkdir("/tmp/nvidia-mps", 0777) != 0 ||
        ::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        (type != SOCK_DGRAM && ::listen(server.get(), 0) != 0))
      ::_exit(101);
    const int there = read_host().exists(path) ? 1 : 0;
    // Nobody connected: nothing waits to be accepted.
    pollfd waits{server.get(), POLLIN, 0};
    if (::poll(&waits, 1, 0) != 0) ::_exit(102);
    server.reset();
    ::_exit(there | (read_host().exists(path) ? 2 : 0));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 103;
  return code == 100 ? -1 : code;
}

TEST(ReadHost, ASocketThatItsDaemonLeftBehindIsNoPlatform) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const int found = mps_with_server(type);
    if (found == -1) GTEST_SKIP() << "no-namespace: a private /tmp cannot be had here";
    EXPECT_EQ(found, 1) << type;
  }
}

TEST(ReadHost, PlatformsAreToldApartByTheirNodes) {
  const auto is = [](GpuKind gpu) { return static_cast<int>(gpu); };
  const int none = gpu_with_dev({}, {});
  if (none == -1) GTEST_SKIP() << "no-namespace: a private /dev cannot be had here";
  EXPECT_EQ(none, is(GpuKind::none));
  EXPECT_EQ(gpu_with_dev({"/dev/dri"}, {"/dev/dri/renderD128", "/dev/kfd"}), is(GpuKind::amd));
  // A render node is anybody's: only its maker's number makes it Intel's.
  EXPECT_EQ(gpu_with_dev({"/dev/dri"}, {"/dev/dri/renderD999"}), is(GpuKind::none));
  EXPECT_EQ(gpu_with_dev({}, {"/dev/kfd"}), is(GpuKind::none));
  EXPECT_EQ(gpu_with_dev({"/dev/dri"}, {"/dev/dri/renderD128", "/dev/kfd", "/dev/nvidiactl", "/dev/nvidia0"}),
            is(GpuKind::nvidia));
  EXPECT_EQ(gpu_with_dev({"/dev/nvidia-caps", "/dev/nvgpu", "/dev/nvgpu/igpu0"},
                         {"/dev/nvidiactl", "/dev/nvidia-caps/nvidia-cap12", "/dev/nvmap", "/dev/nvhost-ctrl",
                          "/dev/nvgpu/igpu0/ctrl", "/dev/nvidia-nvswitchctl"}),
            is(GpuKind::nvidia));
  EXPECT_EQ(gpu_with_dev({}, {"/dev/dxg"}), is(GpuKind::wsl2));
}

}  // namespace
}  // namespace lockstep
