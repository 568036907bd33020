// lockstep-cuda-helper: restricts itself, then calls the real libcuda. See harness/cu_init.h for who runs it and when.
//
// argv: rule set (-1: the control), slot memfd, number of cells, index of the cell, the canary's path and the errno of
// its denial, init or work. Or by hand, unrestricted: `lockstep-cuda-helper init|work` says in one line how far CUDA
// comes; 0: to the end, 3: no libcuda.so.1, else 1.
//
// Linked dynamically, for libcuda.so.1 is a shared library and finding it under the policy is part of the test; and
// against nothing but libc's and libdl's functions of long ago, so that one program runs on every distribution: no code
// of libstdc++, no exceptions, nothing that allocates (glibc.c).
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "conformance/cuda/driver.h"
#include "conformance/harness/child.h"
#include "landlock/uapi.h"

namespace lockstep::conformance::cuda {
namespace {

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

// Of a root, cuInit() makes /dev/nvidiactl where it is missing, driver or not, and leaves it: who looks next sees
// another machine. Without CAP_MKNOD it goes on as it does for a user. Of what it executes, nvidia-modprobe, too.
void leave_no_nodes() {
  ::prctl(PR_CAPBSET_DROP, CAP_MKNOD, 0, 0, 0);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_MKNOD, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (::syscall(SYS_capget, &header, data) != 0) return;
  constexpr unsigned bit = CAP_TO_MASK(CAP_MKNOD);
  auto& word = data[CAP_TO_INDEX(CAP_MKNOD)];
  word.effective &= ~bit, word.permitted &= ~bit, word.inheritable &= ~bit;
  ::syscall(SYS_capset, &header, data);
}

// Decimal, -1 included; -2 for anything else. Not atoi(): newer headers make a newer function of it.
int number(const char* text) {
  if (std::strcmp(text, "-1") == 0) return -1;
  int out = 0;
  for (const char* at = text; *at != '\0'; ++at) {
    if (*at < '0' || *at > '9' || out > 99'999'999) return -2;
    out = out * 10 + (*at - '0');
  }
  return out;
}

// Everything up to the proof. False where the report says why not.
bool restrict_and_prove(const Report& report, int ruleset, const char* canary_path, int denial) {
  const int before = canary(canary_path);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    report.say("prctl(PR_SET_NO_NEW_PRIVS): errno %d", errno);
    return false;
  }
  if (ruleset >= 0 && uapi::restrict_self(ruleset, 0) != 0) {
    report.say("landlock_restrict_self(): errno %d", errno);
    return false;
  }
  const int after = canary(canary_path);
  if (before == 0 && after == (ruleset >= 0 ? denial : 0)) return true;
  report.say("the canary does not prove the restriction: errno %d, then %d", before, after);
  return false;
}

wire::CuResult run(const Report& report, bool work) {
  Driver driver(report);
  if (driver.load() && driver.init()) {
    if (work) {
      driver.work(static_cast<std::uint32_t>(::getpid()));
    } else {
      driver.count_devices();
    }
  }
  return driver.finish();
}

int in_slot(char** argv, bool work) {
  const int ruleset = number(argv[1]), slot_fd = number(argv[2]), cells = number(argv[3]), index = number(argv[4]),
            denial = number(argv[6]);
  const off_t bytes = ::lseek(slot_fd, 0, SEEK_END);
  if (ruleset < -1 || cells < 0 || index < 0 || index >= cells || denial <= 0 || bytes <= 0) return 3;
  void* memory = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, slot_fd, 0);
  if (memory == MAP_FAILED) return 3;
  const wire::Slot slot = wire::Slot::at(memory, static_cast<std::uint32_t>(cells), 0);
  const Report report{&slot.cells[index], slot.header->message, sizeof(slot.header->message)};
  if (!restrict_and_prove(report, ruleset, argv[5], denial)) return harness::exit_setup_failed;
  report.show({wire::CuOutcome::proved, wire::CuStage::none, 0, 0, 0});
  if (ruleset >= 0) ::close(ruleset);
  ::close(slot_fd);
  lift(RLIMIT_AS);
  lift(RLIMIT_FSIZE);
  run(report, work);
  ::_exit(harness::exit_completed);
}

int by_hand(bool work) {
  static wire::SlotCell cell;
  char message[512] = "", line[800];
  const wire::CuResult result = run({&cell, message, sizeof(message)}, work);
  const int length = std::snprintf(line, sizeof(line), "%s at %s: result %d, driver %d, devices %d%s%s\n",
                                   result.succeeded() ? "success" : "failure", wire::name(result.stage), result.result,
                                   result.driver_version, result.devices, *message != '\0' ? ": " : "", message);
  const bool said = ::write(STDOUT_FILENO, line, static_cast<std::size_t>(length)) == length;
  return result.outcome == wire::CuOutcome::not_loaded ? 3 : said && result.succeeded() ? 0 : 1;
}

}  // namespace
}  // namespace lockstep::conformance::cuda

int main(int argc, char** argv) {
  using namespace lockstep::conformance::cuda;
  const char* mode = argc == 8 ? argv[7] : argc == 2 ? argv[1] : "";
  const bool work = std::strcmp(mode, "work") == 0;
  if (!work && std::strcmp(mode, "init") != 0) {
    constexpr char usage[] = "usage: lockstep-cuda-helper init|work\n";
    return ::write(STDERR_FILENO, usage, sizeof(usage) - 1) < 0 ? 4 : 2;
  }
  leave_no_nodes();
  return argc == 8 ? in_slot(argv, work) : by_hand(work);
}
