#include "conformance/harness/cu_init.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fork.h"
#include "conformance/harness/child.h"
#include "conformance/harness/ending.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::harness {
namespace {

[[noreturn]] void execute(const CuInit& init, const wire::Slot& slot, std::uint32_t cell, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(exit_setup_failed);
  char ruleset[16], memory[16], cells[16], index[16], denial[16];
  probes::put_number(denial, init.canary_denial);
  probes::put_number(ruleset, init.ruleset_fd);
  probes::put_number(memory, init.slot_fd);
  probes::put_number(cells, slot.header->cells);
  probes::put_number(index, cell);
  char mode[] = "work", plain[] = "init";
  char name[] = "lockstep-cuda-helper";
  char* argv[] = {
      name,   ruleset, memory, cells, index, const_cast<char*>(init.canary_path), denial, init.work ? mode : plain,
      nullptr};
  for (int fd : {init.ruleset_fd, init.slot_fd})
    if (fd >= 0) ::fcntl(fd, F_SETFD, 0);
  probes::execute_descriptor(init.helper_fd, argv, environ);
  // A machine without the loader of dynamic programs has no driver for them either: not loaded, rather than broken.
  const int err = errno;
  const bool no_loader = err == ENOENT;
  const char* failed =
      no_loader ? "no loader of dynamic programs here" : "execveat() of the cuda helper failed: errno ";
  char* end = static_cast<char*>(::mempcpy(slot.header->message, failed, std::strlen(failed)));
  *end = '\0';
  if (!no_loader) probes::put_number(end, err);
  if (no_loader) wire::put({wire::CuOutcome::not_loaded, wire::CuStage::load, 0, 0, 0}, &slot.cells[cell]);
  ::_exit(no_loader ? exit_completed : exit_setup_failed);
}

}  // namespace

Result<void> run_cu_init(const CuInit& init, const wire::Slot& slot, std::uint32_t index) {
  wire::SlotCell* cell = &slot.cells[index];
  const pid_t parent = ::getpid();
  const pid_t pid = fork_process();
  if (pid < 0) return call_error();
  if (pid == 0) execute(init, slot, index, parent);
  const Ending end = await_end(pid, static_cast<int>(init.timeout_ms));
  const int status = end.status;

  wire::CuResult result = wire::cu_result(*cell);
  if (result.outcome == wire::CuOutcome::unset) {
    slot.header->message[sizeof(slot.header->message) - 1] = '\0';
    const std::string why = slot.header->message;
    return internal_error("cu-init: " + (why.empty() ? "the helper did not come to its restriction" : why));
  }
  // The stage stays as the program left it: what it was trying when it ended.
  const auto ended = [&](wire::CuOutcome outcome, int value) { result.outcome = outcome, result.result = value; };
  if (!end.in_time) {
    ended(wire::CuOutcome::timed_out, 0);
  } else if (WIFSIGNALED(status)) {
    ended(wire::CuOutcome::signalled, WTERMSIG(status));
  } else if (WEXITSTATUS(status) != exit_completed || result.outcome == wire::CuOutcome::proved) {
    ended(wire::CuOutcome::exited, WEXITSTATUS(status));
  }
  wire::put(result, cell);
  cell->err = 0;
  cell->state = static_cast<std::uint32_t>(wire::CellState::done);
  ++slot.header->done;
  return {};
}

}  // namespace lockstep::conformance::harness
