// The compound probe's steps held against what libcuda was seen to do: fixtures/observed/*/trace.json, each written by
// lockstep-cuda-trace on a machine with that driver's library.
#include "conformance/trace/observed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace lockstep::conformance::trace {
namespace {

using Strings = std::vector<std::string>;

TraceEvent event(const char* call, const char* path, const char* flags = "O_RDONLY", const char* result = "ok") {
  return {1, call, path, flags, result, 1};
}

// Thread 1 is 700, of process 700.
Trace trace_of(std::vector<TraceEvent> events) {
  Trace out;
  out.threads = {{1, 700}, {1, 701}};
  out.events = {event("execve", "/opt/helper", ""), event("openat", "/usr/lib/libcuda.so.1", "O_RDONLY|O_CLOEXEC")};
  out.events.insert(out.events.end(), events.begin(), events.end());
  return out;
}

Strings missing(std::vector<TraceEvent> events) {
  const Result<Strings> found = not_in_probe(trace_of(std::move(events)));
  EXPECT_TRUE(found.ok());
  return found.ok() ? *found : Strings{"error"};
}

TEST(Observed, WhatTheProbeTriesIsNotMissing) {
  EXPECT_EQ(
      missing({event("openat", "/proc/modules"), event("open", "/proc/700/maps"),
               event("openat", "/proc/thread-self/status"), event("openat", "/proc/700/task/701/comm", "O_RDWR"),
               event("openat", "/dev/nvidiactl", "O_RDWR|O_CLOEXEC"), event("ioctl", "/dev/nvidiactl", "0xc00446d2"),
               event("openat", "/dev/nvidia3", "O_RDWR"), event("ioctl", "/dev/nvidia3", "0xc00446d2"),
               event("openat", "/sys/devices/system/node/node1/cpumap"),
               event("openat", "/sys/devices/system/node", "O_RDONLY|O_NONBLOCK|O_DIRECTORY|O_CLOEXEC"),
               event("connect", "/var/run/nvidia-persistenced/socket", "")}),
      Strings{});
}

TEST(Observed, WhatItNeverTriesIs) {
  EXPECT_EQ(missing({event("openat", "/dev/nvidia-caps/nvidia-cap2", "O_RDWR")}),
            Strings{"openat O_RDWR /dev/nvidia-caps/nvidia-cap2"});
  EXPECT_EQ(missing({event("ioctl", "/dev/gdrdrv", "0x1")}), Strings{"ioctl 0x1 /dev/gdrdrv"});
  EXPECT_EQ(missing({event("connect", "/run/nvidia-fabricmanager/socket", "")}),
            Strings{"connect /run/nvidia-fabricmanager/socket"});
  EXPECT_EQ(missing({event("mkdir", "/home/user/.nv", "")}), Strings{"mkdir /home/user/.nv"});
  EXPECT_EQ(missing({event("execve", "/usr/bin/nvidia-modprobe", "")}), Strings{"execve /usr/bin/nvidia-modprobe"});
}

TEST(Observed, AStrongerAccessThanTheStepsIsMissing) {
  EXPECT_EQ(missing({event("openat", "/proc/modules", "O_RDWR")}), Strings{"openat O_RDWR /proc/modules"});
  EXPECT_EQ(missing({event("openat", "/proc/700/task/701/comm", "O_RDWR|O_TRUNC")}),
            Strings{"openat O_RDWR|O_TRUNC /proc/self/task/N/comm"});
  EXPECT_EQ(missing({event("openat", "/dev/shm", "O_RDWR|O_TMPFILE")}), Strings{"openat O_RDWR|O_TMPFILE /dev/shm"});
}

TEST(Observed, BothKnownWaysToNameAThreadAreThere) {
  EXPECT_EQ(missing({event("openat", "/proc/self/task/701/comm", "O_RDWR"),
                     event("openat", "/proc/self/task/701/comm", "O_WRONLY|O_CREAT|O_TRUNC")}),
            Strings{});
}

TEST(Observed, WhatLandlockHasNoSayInOrDidNotWorkIsLeftOut) {
  EXPECT_EQ(missing({event("access", "/sys/module/nvidia/initstate", "R_OK"), event("readlink", "/proc/self/exe", ""),
                     event("stat", "/dev/other", ""), event("openat", "/dev/other", "O_PATH"),
                     event("openat", "/root/.nv/profiles", "O_RDONLY", "ENOENT"), event("connect", "@abstract", ""),
                     event("openat", "/usr/share/nvidia/rules"),
                     event("openat", "/srv/nvidia/libnvidia-ptxjitcompiler.so.1")}),
            Strings{});
  Trace before = trace_of({});
  before.events.insert(before.events.begin(), event("openat", "/dev/other", "O_RDWR"));
  EXPECT_EQ(*not_in_probe(before), Strings{}) << "libcuda was not there yet";
}

TEST(Observed, EachIsNamedOnce) {
  EXPECT_EQ(missing({event("openat", "/dev/x", "O_RDWR"), event("openat", "/dev//x", "O_RDWR")}),
            Strings{"openat O_RDWR /dev/x"});
}

TEST(Observed, ATraceWithoutLibcudaSaysNothing) {
  Trace trace = trace_of({event("openat", "/proc/modules")});
  trace.events.erase(trace.events.begin() + 1);
  EXPECT_FALSE(not_in_probe(trace).ok());
}

Strings traces() {
  Strings out;
  for (const auto& entry : std::filesystem::directory_iterator(LOCKSTEP_SOURCE_DIR "/fixtures/observed"))
    if (entry.is_directory()) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

TEST(ObservedTraces, EveryAccessIsInTheProbe) {
  if (traces().empty()) GTEST_SKIP() << "no trace of a driver's library is in fixtures/observed";
  for (const std::string& folder : traces()) {
    SCOPED_TRACE(folder);
    const Result<Trace> trace = read_trace(folder + "/trace.json");
    ASSERT_TRUE(trace.ok()) << trace.error().to_string();
    const Result<Strings> found = not_in_probe(*trace);
    ASSERT_TRUE(found.ok()) << found.error().to_string();
    EXPECT_EQ(*found, Strings{});
  }
}

// One that was taken where there is a device must have come to the kernel's end.
TEST(ObservedTraces, WithADeviceTheWorkWasDone) {
  bool any = false;
  for (const std::string& folder : traces()) {
    if (folder.ends_with("-no-device")) continue;
    any = true;
    SCOPED_TRACE(folder);
    const Result<Trace> trace = read_trace(folder + "/trace.json");
    ASSERT_TRUE(trace.ok()) << trace.error().to_string();
    EXPECT_EQ(trace->exit_code, 0);
    EXPECT_FALSE(host_of(*trace).gpu_nodes.empty());
  }
  if (!any) GTEST_SKIP() << "no trace was taken on a machine with a GPU yet";
}

}  // namespace
}  // namespace lockstep::conformance::trace
