// Memory that ends in a child which the library forks: the child ends, and its parent is told. It must not go on in the
// caller's code, as a second supervisor that nothing restricts.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <new>

#include <lockstep/kernel.h>
#include <lockstep/sandbox.h>

#include "enforce/count_layers.h"
#include "testing/temporary_directory.h"

namespace {

std::atomic<pid_t> memory_is_for = 0;  // this process alone; 0: everybody
std::atomic<int> left = 0;             // what another can still have

}  // namespace

// Of the whole test program: nothing else can fail one allocation in a process that does not know of it. Not inlined:
// the compiler would see free() where it expects the other half of new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  const pid_t owner = memory_is_for;
  void* out = owner != 0 && owner != ::getpid() && --left < 0 ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (out == nullptr) throw std::bad_alloc();
  return out;
}
// A sanitizer's own would not come here, and what it gives is not for free().
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept try {
  return operator new(size);
} catch (const std::bad_alloc&) {
  return nullptr;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace lockstep {
namespace {

constexpr int fine = 42, second_supervisor = 77;

// In a child of the test's, whose own children get `allocations` and no more.
int with_memory_for_this_process(int allocations, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t own = ::getpid();
    left = allocations;
    memory_is_for = own;
    int said = 1;
    try {
      said = body();
    } catch (const std::bad_alloc&) {
    }
    if (::getpid() != own) ::kill(own, SIGUSR1);
    ::_exit(said);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : second_supervisor;
}

TEST(ChildMemory, ASpawnedChildEndsAndItsParentIsTold) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok())
    GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  const testing::TemporaryDirectory dir;
  const Policy policy = *load_policy(dir.write("p.yaml",
                                               "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only: "
                                               "[/usr, /proc]\n  read_write: [/proc/self/task]\n"));
  const Context here = this_machine();
  int executed = 0;
  for (int allocations = 0; allocations < 400 && executed == 0; allocations += allocations < 8 ? 1 : 7) {
    const int said = with_memory_for_this_process(allocations, [&] {
      const Result<Spawned> child = spawn(policy, {"/usr/bin/true"}, std::nullopt, {here});
      if (child.ok()) return ::waitpid(child->pid, nullptr, 0) == child->pid ? 7 : 2;
      if (child.error().err != ENOMEM) return 3;
      return ::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD ? fine : 4;
    });
    executed += said == 7 ? 1 : 0;
    EXPECT_TRUE(said == fine || (said == 7 && allocations > 0)) << said << " with " << allocations;
  }
  EXPECT_EQ(executed, 1) << "with more it goes on";
}

TEST(ChildMemory, TheProcessThatKeepsThePinsNeedsNone) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok())
    GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  const testing::TemporaryDirectory dir;
  const Policy policy = *load_policy(dir.write("p.yaml",
                                               "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only: "
                                               "[/usr, /proc]\n  read_write: [/proc/self/task]\n"));
  EXPECT_EQ(with_memory_for_this_process(0,
                                         [&] {
                                           Result<Sandbox> sandbox = Sandbox::open(policy, {this_machine()});
                                           if (!sandbox.ok()) return 1;
                                           const Result<Enforcement> done =
                                               sandbox->restrict_self(Pins::in_a_process_beside);
                                           return done.ok() && done->pinned.size() == 1 ? fine : 2;
                                         }),
            fine);
}

TEST(ChildMemory, CountingLayersSaysThatItIsNotKnown) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok() || kernel->abi < 2)
    GTEST_SKIP() << "no-landlock: nothing to count";
  EXPECT_EQ(with_memory_for_this_process(0,
                                         [] {
                                           const LayerCount count = count_layers();
                                           return !count.layers && count.how.starts_with("not known") ? fine : 1;
                                         }),
            fine);
}

}  // namespace
}  // namespace lockstep
