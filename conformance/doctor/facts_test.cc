#include "conformance/doctor/facts.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <lockstep/rights.h>

#include "conformance/doctor/examine.h"
#include "conformance/doctor/files.h"
#include "conformance/doctor/testing.h"
#include "enforce/count_layers.h"

namespace lockstep::conformance::doctor {
namespace {

int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  const int status = harness::await_end(pid, 20000).status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Facts, LayersAreCountedUpToTheKernelsLimit) {
  if (!query_kernel().ok()) GTEST_SKIP() << "no-landlock";
  const LayerCount here = count_layers();
  ASSERT_TRUE(here.layers) << here.how;
  for (const int more : {1, 5, 16 - *here.layers}) {
    EXPECT_EQ(in_child([&] {
                for (int i = 0; i < more; ++i)
                  if (layer(Right::make_block, {}) != 0) return 250;
                return count_layers().layers.value_or(251);
              }),
              *here.layers + more);
  }
  EXPECT_EQ(count_layers().layers, here.layers) << "counting leaves no layer behind";
}

TEST(Facts, WhereLandlockIsRefusedLayersAreNotKnown) {
  EXPECT_EQ(in_child([] {
              if (filter(444, EPERM) != 0) return 250;
              const LayerCount count = count_layers();
              return !count.layers && count.how.starts_with("not known: ") ? 0 : 1;
            }),
            0);
}

TEST(Facts, RegisteredNumbersAreThoseOfCharacterDevices) {
  const std::vector<DriverNumber> numbers =
      character_devices("Character devices:\n  1 mem\n195 nvidia\n511 nvidia-uvm\n\nBlock devices:\n  8 sd\n");
  ASSERT_EQ(numbers.size(), 3U);
  EXPECT_EQ(numbers[2].name, "nvidia-uvm");
  EXPECT_EQ(numbers[2].major, 511U);
  EXPECT_TRUE(character_devices("").empty());
}

TEST(Facts, AFilterAndNoNewPrivsAreSeen) {
  EXPECT_EQ(in_child([] {
              const Machine before = read_machine();
              if (filter(SYS_acct, EPERM) != 0) return 250;
              const Machine after = read_machine();
              return before.seccomp <= after.seccomp && after.seccomp == 2 && after.no_new_privs ? 0 : 1;
            }),
            0);
}

TEST(Facts, FilteredCallsAreNamed) {
  const struct {
    int call;
    const char* name;
  } calls[] = {{SYS_memfd_create, "memfd_create (EPERM)"}, {SYS_execveat, "execveat (EPERM)"},
               {SYS_pidfd_open, "pidfd_open (EPERM)"},     {SYS_clone3, "clone3 (EPERM)"},
               {SYS_unshare, "unshare (EPERM)"},           {SYS_acct, ""}};
  for (const auto& each : calls) {
    SCOPED_TRACE(each.name);
    EXPECT_EQ(in_child([&] {
                const std::vector<std::string> before =
                    read_machine().filtered;  // under a filter already, as in a container
                if (filter(each.call, EPERM) != 0) return 250;
                const std::vector<std::string> after = read_machine().filtered;
                const bool named = std::find(after.begin(), after.end(), each.name) != after.end();
                return *each.name == '\0' ? (after.size() == before.size() ? 0 : 1) : named ? 0 : 2;
              }),
              0);
  }
}

TEST(Facts, TheLibraryIsFoundWhereTheLoaderLooksFirst) {
  const testing::TemporaryDirectory files;
  const std::string expected = files.write("b/libcuda.so.1", "");
  EXPECT_EQ(in_child([&] {
              ::setenv("LD_LIBRARY_PATH", (files.at("a") + ":" + files.at("b")).c_str(), 1);
              const Machine machine = read_machine();
              return machine.libcuda == expected && machine.libcuda_by == "LD_LIBRARY_PATH" ? 0 : 1;
            }),
            0);
}

TEST(Facts, TheMountTableNamesProcAndItsOptions) {
  const std::vector<Mount> mounts = read_mounts();
  EXPECT_TRUE(std::any_of(mounts.begin(), mounts.end(),
                          [](const Mount& mount) { return mount.point == "/proc" && mount.type == "proc"; }));
  EXPECT_FALSE(read_machine().procfs.empty());
}

TEST(Facts, WhatCannotBeReadIsEmpty) {
  EXPECT_EQ(read_text("/not/here"), "");
  EXPECT_EQ(first_line("/proc"), "");
  EXPECT_TRUE(names_in("/not/here").empty());
}

// --- what an identity sees of a path
// ---------------------------------------------------------------------------------------

PathFacts look(const std::string& path, int wants) {
  const Result<std::vector<PathFacts>> facts = examine({{path, wants}}, nullptr);
  EXPECT_TRUE(facts.ok());
  return facts.ok() ? facts->at(0) : PathFacts{};
}

TEST(Examine, TheFirstComponentThatIsMissingIsNamed) {
  const testing::TemporaryDirectory files;
  files.write("a/file", "");
  const PathFacts missing = look(files.at("a/b/c"), R_OK);
  EXPECT_EQ(missing.err, ENOENT);
  EXPECT_EQ(missing.culprit, files.at("a/b"));
  EXPECT_EQ(look(files.at("a/file/c"), R_OK).err, ENOTDIR);
  const PathFacts here = look(files.at("a/file"), R_OK | W_OK);
  EXPECT_EQ(here.err, 0);
  EXPECT_EQ(here.access, 0);
  EXPECT_TRUE(here.mode_allows);
  EXPECT_EQ(here.kind, 'f');
  EXPECT_NE(here.mount_point, "");
}

TEST(Examine, AnotherIdentityIsRefusedByModeAndByDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: to become another";
  const testing::TemporaryDirectory files(0755);
  const std::string file = files.write("file", ""), below = files.write("closed/file", "");
  ::chmod(file.c_str(), 0600);
  ::chmod(files.at("closed").c_str(), 0700);
  const Identity other{.uid = 65534, .gid = 65534, .groups = {}, .keep = 0};
  const Result<std::vector<PathFacts>> facts =
      examine({{file, R_OK}, {below, R_OK}, {own_comm, R_OK | W_OK}, {"/dev/null", R_OK | W_OK}}, &other);
  ASSERT_TRUE(facts.ok()) << facts.error().to_string();
  EXPECT_EQ(facts->at(0).access, EACCES);
  EXPECT_FALSE(facts->at(0).mode_allows);
  EXPECT_EQ(facts->at(1).err, EACCES);
  EXPECT_EQ(facts->at(1).culprit, files.at("closed"));
  EXPECT_EQ(facts->at(2).access, 0) << "its own thread's name is its own to write";
  EXPECT_EQ(facts->at(2).mount_type, "proc");
  EXPECT_EQ(facts->at(3).kind, 'c');
  EXPECT_TRUE(facts->at(3).mode_allows);
}

}  // namespace
}  // namespace lockstep::conformance::doctor
