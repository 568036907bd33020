#include "conformance/harness/misbehave.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "conformance/harness/child.h"
#include "landlock/uapi.h"
#include "testing/seccomp.h"

namespace lockstep::conformance {

void misbehave(const RowRequest& request, const Slot& slot) {
  if (request.misbehaviour == Misbehaviour::none) return;
  const std::string text(1U << 16, 'x');
  switch (request.misbehaviour) {
    case Misbehaviour::none:
      return;
    case Misbehaviour::crash:
      ::abort();
    case Misbehaviour::hang:
      while (true) ::pause();
    case Misbehaviour::exit_zero:
      ::_exit(0);
    case Misbehaviour::exit_without_complete:
      ::_exit(exit_completed);
    case Misbehaviour::wild_write:
      std::memset(slot.cells, 0xff, request.cells.size() * sizeof(SlotCell));
      break;
    case Misbehaviour::flood_stdout:
      while (::write(1, text.data(), text.size()) > 0) {
      }
      return;
    case Misbehaviour::fork_away:
    case Misbehaviour::fork_away_and_hang:
      if (::fork() == 0) {
        ::setsid();
        if (::fork() == 0)
          while (true) ::pause();
        ::_exit(0);
      }
      while (request.misbehaviour == Misbehaviour::fork_away_and_hang) ::pause();
      return;
    case Misbehaviour::ignore_sigterm:
      ::signal(SIGTERM, SIG_IGN);
      while (true) ::pause();
    case Misbehaviour::stop:
      ::raise(SIGSTOP);
      return;
    case Misbehaviour::exhaust_fds:
      while (::dup(0) >= 0) {
      }
      return;
    case Misbehaviour::exhaust_memory:
      while (void* memory = ::mmap(nullptr, 1U << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        if (memory == MAP_FAILED) break;
      ::abort();
    case Misbehaviour::false_canary:
      slot.header->canary_after = 0;
      return;
  }
}

Result<void> answer_for_the_kernel() {
  if (testing::answer_calls({{.call = uapi::restrict_self_nr}})) return {};
  return system_error(errno, "seccomp(SECCOMP_SET_MODE_FILTER)");
}

}  // namespace lockstep::conformance
