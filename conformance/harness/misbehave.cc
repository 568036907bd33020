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

namespace lockstep::conformance::harness {

void misbehave(const wire::RowRequest& request, const wire::Slot& slot) {
  if (request.misbehaviour == wire::Misbehaviour::none) return;
  const std::string text(1U << 16, 'x');
  switch (request.misbehaviour) {
    case wire::Misbehaviour::none:
      return;
    case wire::Misbehaviour::crash:
      ::abort();
    case wire::Misbehaviour::hang:
      while (true) ::pause();
    case wire::Misbehaviour::exit_zero:
      ::_exit(0);
    case wire::Misbehaviour::exit_without_complete:
      ::_exit(exit_completed);
    case wire::Misbehaviour::wild_write:
      std::memset(slot.cells, 0xff, request.cells.size() * sizeof(wire::SlotCell));
      break;
    case wire::Misbehaviour::flood_stdout:
      while (::write(1, text.data(), text.size()) > 0) {
      }
      return;
    case wire::Misbehaviour::fork_away:
    case wire::Misbehaviour::fork_away_and_hang:
      if (::fork() == 0) {
        ::setsid();
        if (::fork() == 0)
          while (true) ::pause();
        ::_exit(0);
      }
      while (request.misbehaviour == wire::Misbehaviour::fork_away_and_hang) ::pause();
      return;
    case wire::Misbehaviour::ignore_sigterm:
      ::signal(SIGTERM, SIG_IGN);
      while (true) ::pause();
    case wire::Misbehaviour::stop:
      ::raise(SIGSTOP);
      return;
    case wire::Misbehaviour::exhaust_fds:
      while (::dup(0) >= 0) {
      }
      return;
    case wire::Misbehaviour::exhaust_memory:
      while (void* memory = ::mmap(nullptr, 1U << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        if (memory == MAP_FAILED) break;
      ::abort();
    case wire::Misbehaviour::false_canary:
      slot.header->canary_after = 0;
      return;
  }
}

Result<void> answer_for_the_kernel() {
  if (testing::answer_calls({{.call = uapi::restrict_self_nr}})) return {};
  return system_error(errno, "seccomp(SECCOMP_SET_MODE_FILTER)");
}

}  // namespace lockstep::conformance::harness
