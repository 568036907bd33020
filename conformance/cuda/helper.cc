// lockstep-cuda-helper: restricts itself, then calls the real cuInit(0). See harness/cu_init.h for who runs
// it and when.
//
// argv: rule set (-1: the control), slot memfd, number of cells, index of the cell, the canary's path.
// Linked dynamically, against libc alone: libcuda.so.1 is a shared library, and finding it under the policy
// is part of the test.
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "conformance/harness/child.h"
#include "conformance/harness/cu_init.h"
#include "enforce/restrict.h"

namespace lockstep::conformance {
namespace {

void say(const Slot& slot, const std::string& text) {
  std::strncpy(slot.header->message, text.c_str(), sizeof(slot.header->message) - 1);
}

int canary(const char* path) {
  char target[256];
  return ::readlink(path, target, sizeof(target)) >= 0 ? 0 : errno;
}

// The row's limits are for probes: a driver reserves more address space than that.
void lift(decltype(RLIMIT_AS) resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(resource, &limit);
}

// Everything up to the proof. False where it says, in the slot, why not.
bool restrict_and_prove(const Slot& slot, int ruleset, const char* canary_path) {
  const int before = canary(canary_path);
  Result<void> restricted;
  if (ruleset >= 0) {
    restricted = restrict_self(ruleset);
  } else if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    restricted = system_error(errno, "prctl(PR_SET_NO_NEW_PRIVS)");
  }
  if (!restricted.ok()) {
    say(slot, restricted.error().to_string());
    return false;
  }
  const int after = canary(canary_path);
  if (before == 0 && after == (ruleset >= 0 ? EACCES : 0)) return true;
  say(slot,
      "the canary does not prove the restriction: " + errno_name(before) + ", then " + errno_name(after));
  return false;
}

void call(const Slot& slot, SlotCell* cell) {
  const auto set = [&](CuOutcome outcome) { cell->aux = static_cast<std::uint64_t>(outcome); };
  void* library = ::dlopen("libcuda.so.1", RTLD_NOW);
  void* found = library == nullptr ? nullptr : ::dlsym(library, "cuInit");
  const auto init = reinterpret_cast<int (*)(unsigned)>(found);
  if (init == nullptr) {
    const char* why = ::dlerror();
    say(slot, why != nullptr ? why : "no cuInit in it");
    return set(CuOutcome::not_loaded);
  }
  const auto version = reinterpret_cast<int (*)(int*)>(::dlsym(library, "cuDriverGetVersion"));
  const auto count = reinterpret_cast<int (*)(int*)>(::dlsym(library, "cuDeviceGetCount"));
  int driver = 0, devices = 0;
  if (version != nullptr) version(&driver);
  cell->ret = init(0);
  if (cell->ret == 0 && count != nullptr && count(&devices) != 0) devices = 0;
  cell->after = static_cast<std::uint32_t>(driver) | static_cast<std::uint64_t>(devices) << 32;
  set(CuOutcome::returned);
}

int helper_main(int argc, char** argv) {
  if (argc != 6) return 2;
  const int ruleset = std::atoi(argv[1]), slot_fd = std::atoi(argv[2]);
  const auto cells = static_cast<std::uint32_t>(std::atoi(argv[3]));
  const auto index = static_cast<std::uint32_t>(std::atoi(argv[4]));
  struct stat size {};
  if (::fstat(slot_fd, &size) != 0 || index >= cells) return 3;
  const auto bytes = static_cast<std::size_t>(size.st_size);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, slot_fd, 0);
  if (memory == MAP_FAILED) return 3;
  const Slot slot = Slot::at(memory, cells, 0);
  SlotCell* cell = &slot.cells[index];
  if (!restrict_and_prove(slot, ruleset, argv[5])) return exit_setup_failed;
  cell->aux = static_cast<std::uint64_t>(CuOutcome::proved);
  if (ruleset >= 0) ::close(ruleset);
  ::close(slot_fd);
  lift(RLIMIT_AS);
  lift(RLIMIT_FSIZE);
  call(slot, cell);
  ::_exit(exit_completed);
}

}  // namespace
}  // namespace lockstep::conformance

int main(int argc, char** argv) {
  return lockstep::conformance::helper_main(argc, argv);
}
