#include "host/read_host.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "policy/effective.h"

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

}  // namespace
}  // namespace lockstep
