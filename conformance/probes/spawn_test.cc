// What costs little is what it says all the same: another process, with descriptors and credentials of its own.
#include "conformance/probes/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <lockstep/rights.h>

#include "conformance/harness/layout.h"
#include "conformance/probes/keeper.h"
#include "conformance/probes/testing.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

struct Told {
  pid_t pid = 0, parent = 0;
  int closed = -1;
};

Told* shared() {
  void* memory = ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return new (memory) Told;
}

void tell(void* it) {
  auto* told = static_cast<Told*>(it);
  told->pid = ::getpid();
  told->parent = ::getppid();
  ::close(told->closed);
  ::_exit(7);
}

TEST(Spawn, AChildThatBorrowsMemoryIsAProcessOfItsOwn) {
  Told* told = shared();
  told->closed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t pid = lend_to_child(tell, told);
  EXPECT_EQ(told->pid, pid) << "it comes first";
  EXPECT_EQ(told->parent, ::getpid());
  EXPECT_NE(::fcntl(told->closed, F_GETFD), -1) << "its descriptors are copies";
  EXPECT_EQ(exit_code_of(pid), 7);
  ::close(told->closed);
  ::munmap(told, sizeof(*told));
}

TEST(Spawn, AChildThatOnlyReturnsEndsWellAndAKilledOneDoesNot) {
  EXPECT_EQ(exit_code_of(lend_to_child([](void*) {}, nullptr)), 0);
  EXPECT_EQ(exit_code_of(lend_to_child([](void*) { ::kill(::getpid(), SIGKILL); }, nullptr)), -1);
  EXPECT_EQ(exit_code_of(-1), -1);
}

TEST(Spawn, AForkHasMemoryOfItsOwn) {
  volatile int value = 1;
  Told* told = shared();
  const pid_t pid = plain_fork();
  if (pid == 0) {
    value = 2;
    told->pid = ::getpid();
    ::_exit(value);
  }
  EXPECT_EQ(exit_code_of(pid), 2);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(told->pid, pid);
  ::munmap(told, sizeof(*told));
}

// Between the acting process and this one stands another; each has its number.
TEST(Spawn, AGrandchildIsAForkOfAnotherProcess) {
  Told* told = shared();
  const auto between = [](void* it) {
    auto* all = static_cast<Told*>(it);
    const pid_t pid = plain_fork();
    if (pid == 0) {
      all->pid = ::getpid();
      all->parent = ::getppid();
      ::_exit(9);
    }
    ::_exit(exit_code_of(pid));
  };
  const pid_t pid = lend_to_child(between, told);
  EXPECT_EQ(exit_code_of(pid), 9);
  EXPECT_EQ(told->parent, pid);
  EXPECT_NE(told->pid, pid);
  ::munmap(told, sizeof(*told));
}

// What is held cannot be unmounted, and with the keeper it is let go.
TEST(Keeper, HoldsWhatAChildNamedForAsLongAsItIsThere) {
  const bool privileged = ::geteuid() == 0;
  const int told = in_child([&] {
    if (!harness::enter_mount_namespace(privileged).ok()) ::_exit(77);
    if (::mount("tmpfs", "/mnt", "tmpfs", 0, nullptr) != 0 || ::mkdir("/mnt/kept", 0700) != 0) ::_exit(77);
    {
      const Keeper keeper;
      if (keeper.fd() < 0) ::_exit(77);
      const pid_t pid = plain_fork();
      if (pid == 0) {
        keep_in(keeper.fd(), "/mnt/kept");
        keep_in(keeper.fd(), "/mnt/none");
        keep_in(-1, "/mnt/kept");
        ::_exit(0);
      }
      if (exit_code_of(pid) != 0) ::_exit(1);
      if (::umount2("/mnt", 0) == 0 || errno != EBUSY) ::_exit(2);
    }
    if (::umount2("/mnt", 0) != 0) ::_exit(3);
  });
  if (told == 77) GTEST_SKIP() << "no mount namespace, or no socket, can be had here";
  EXPECT_EQ(told, 42);
}

TEST(NamedThread, ServesOneCellAfterAnotherAndHasItsOwnNameBetweenThem) {
  SharedSlot slot(3);
  Told* told = shared();
  const Probe free{Operation::comm_open, Mode::rdwr, Actor::self, Target::other_thread, false, "", "", -1};
  EXPECT_EQ(in_child([&] {
              NamedThread other;
              probe_comm(free, &slot->cells[0], nullptr, other);
              const pid_t first = other.tid();
              restrict_to(all_rights, {{"/proc", access_read_only}});
              probe_comm(free, &slot->cells[1], nullptr, other);
              Probe by_prctl = free;
              by_prctl.mode = Mode::prctl, by_prctl.target = Target::own;
              probe_comm(by_prctl, &slot->cells[2], nullptr, other);
              told->pid = other.tid() == first ? first : 0;
            }),
            42);
  EXPECT_EQ(slot->cells[0].err, 0);
  EXPECT_EQ(slot->cells[0].after, 1U);
  EXPECT_EQ(slot->cells[1].err, EACCES);
  EXPECT_EQ(slot->cells[1].after, 0U) << "the name of the cell before";
  EXPECT_EQ(slot->cells[2].after, 1U);
  EXPECT_GT(told->pid, 0) << "one thread";
  ::munmap(told, sizeof(*told));
}

}  // namespace
}  // namespace lockstep::conformance::probes
