#include "conformance/harness/worker.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/fork.h"
#include "base/unique_fd.h"
#include "conformance/harness/child.h"
#include "conformance/harness/descendants.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/identity.h"
#include "conformance/harness/layout.h"
#include "conformance/harness/memory_file.h"
#include "conformance/harness/shared_files.h"
#include "conformance/harness/sibling.h"
#include "conformance/wire/slot.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::harness {
namespace {

constexpr std::size_t output_shown = 4096;
constexpr int trial_ms = 10000;

std::uint64_t cpu_time_us() {
  std::uint64_t sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime})
      sum += static_cast<std::uint64_t>(time.tv_sec * 1000000 + time.tv_usec);
  }
  return sum;
}

class Worker {
 public:
  explicit Worker(const WorkerSetup& setup) : setup_(setup) {}
  [[noreturn]] void run();

 private:
  wire::ChildReply run_one(const wire::RowRequest& request, std::string_view encoded, bool restricts, unsigned row);
  pid_t sibling_for(wire::IdentityKind identity);
  std::size_t end_descendants();
  int try_mount_namespace();

  const WorkerSetup& setup_;
  [[noreturn]] void refuse(const Error& why);

  std::optional<OwnProcfs> procfs_;  // in which the children of this process are found
  wire::Identities identities_;
  std::string unreachable_;  // why `user` cannot use the scratch directory
  std::string base_;
  std::array<pid_t, 4> siblings_ = {};
  SharedFiles files_;
};

// Everything that came back to this subreaper but the siblings. Returns how many there were that had not ended by
// themselves.
std::size_t Worker::end_descendants() {
  return end_children(*procfs_,
                      [&](pid_t pid) { return std::find(siblings_.begin(), siblings_.end(), pid) != siblings_.end(); });
}

pid_t Worker::sibling_for(wire::IdentityKind identity) {
  pid_t& pid = siblings_[static_cast<std::size_t>(identity)];
  // A row of the same uid may have ended it: that row's canary said so, the next one's must not.
  if (pid > 0 && ::waitpid(pid, nullptr, WNOHANG) == pid) pid = 0;
  if (pid <= 0) {
    pid = start_sibling(identity, first_user + setup_.slot);
  }
  return pid;
}

// Reads what is only valid now that nobody else writes it any more. One copy of each, and only the copy is believed.
void read_slot(const wire::RowRequest& request, const wire::Slot& slot, std::uint32_t walks, wire::ChildReply* reply) {
  const auto cells = static_cast<std::uint32_t>(request.cells.size());
  const wire::SlotHeader header = *slot.header;
  reply->cells_done = header.done;
  reply->canary_before = header.canary_before == 0;
  reply->canary_after = header.canary_after;
  reply->hidden = header.hidden;
  if (reply->message.empty()) reply->message.assign(header.message, ::strnlen(header.message, sizeof(header.message)));
  if (reply->outcome != wire::ChildOutcome::completed) return;
  const auto invalid = [&](const char* what) {
    reply->outcome = wire::ChildOutcome::harness_error;
    reply->message = what;
  };
  if (header.magic != wire::SlotHeader::magic_value || header.row != request.id || header.cells != cells)
    return invalid("the slot's header was overwritten");
  if (header.complete != 1) return invalid("exited before it was complete");
  if (header.done != cells) return invalid("not every cell was run");
  reply->cells.reserve(cells);
  for (std::uint32_t i = 0; i < cells; ++i) {
    const wire::SlotCell cell = slot.cells[i];
    if (cell.state != static_cast<std::uint32_t>(wire::CellState::done) &&
        cell.state != static_cast<std::uint32_t>(wire::CellState::unsupported))
      return invalid("a cell is not valid");
    reply->cells.push_back({static_cast<wire::CellState>(cell.state), cell.err, cell.ret, cell.aux, cell.after});
  }
  if (walks == 0) return;
  const auto views = static_cast<std::uint32_t>(request.view_paths.size());
  const std::size_t links = std::min<std::size_t>(header.links, wire::Slot::max_links(walks));
  bool valid = true;
  const auto add = [&](wire::Walks& to, std::uint32_t i) { valid = to.add(slot.walks[i], slot.links, links) && valid; };
  for (std::uint32_t i = 0; i < views; ++i) add(reply->view_walks, i);
  for (std::uint32_t i = 0; i < cells; ++i) {
    add(reply->first_walks, views + 2 * i);
    add(reply->second_walks, views + 2 * i + 1);
  }
  if (!valid) invalid("a walk is not valid");
}

wire::ChildReply Worker::run_one(const wire::RowRequest& request, std::string_view encoded, bool restricts,
                                 unsigned row) {
  wire::ChildReply reply;
  std::string missing = identities_.missing_for(request.identity);
  if (missing.empty() && !request.simulated && request.identity == wire::IdentityKind::user) missing = unreachable_;
  if (!missing.empty()) {
    reply.outcome = wire::ChildOutcome::skipped;
    reply.message = missing;
    return reply;
  }
  const auto cells = static_cast<std::uint32_t>(request.cells.size());
  const std::uint32_t walks = restricts ? 0 : static_cast<std::uint32_t>(request.view_paths.size()) + 2 * cells;
  const Result<wire::Slot> slot = files_.slot(cells, walks);
  const Result<int> output = files_.output(), asked = files_.request(encoded);
  const pid_t sibling = sibling_for(request.identity);
  if (!slot.ok() || !output.ok() || !asked.ok() || sibling < 0) {
    reply.message = !slot.ok()     ? slot.error().to_string()
                    : !output.ok() ? output.error().to_string()
                    : !asked.ok()  ? asked.error().to_string()
                                   : "no sibling for the row, fork(): " + errno_name(errno);
    return reply;
  }
  ChildContext context;
  context.request = &request;
  context.restricts = restricts;
  context.privileged = identities_.privileged;
  context.parent = ::getpid();
  context.uid = first_user + setup_.slot;
  context.sibling = sibling;
  context.procfs = &procfs_->facts();
  context.mount_point = base_ + "/root";
  context.scratch = request.simulated ? "/scratch" : base_ + "/" + std::to_string(row) + (restricts ? "r" : "c");
  context.slot = *slot;
  context.slot_fd = files_.slot_fd();
  context.request_fd = *asked;
  context.helper_fd = setup_.helper_fd;
  context.cuda_helper_fd = setup_.cuda_helper_fd;
  context.output_fd = *output;
  wire::SlotHeader* header = context.slot.header;
  header->magic = wire::SlotHeader::magic_value;
  header->row = request.id;
  header->cells = cells;
  header->walks = walks;
  header->canary_before = header->canary_after = -1;
  if (!request.simulated &&
      (::mkdir(context.scratch.c_str(), 0777) != 0 || ::chmod(context.scratch.c_str(), 0777) != 0)) {
    reply.message = "mkdir(\"" + context.scratch + "\"): " + errno_name(errno);
    return reply;
  }

  const pid_t pid = fork_process();
  if (pid == 0) run_child(context);
  Ending end;
  if (pid < 0)
    reply.message = "fork(): " + errno_name(errno);
  else
    end = await_end(pid, static_cast<int>(wire::time_for(request)), {.whole_group = true});
  const int status = end.status;
  // Of one that is gone procfs says ENOENT as well, and so no answer about it proves anything.
  if (state_of_child(sibling) != ChildState::alive) header->canary_after = ESRCH;
  const std::size_t survivors = end_descendants();
  if (!request.simulated) remove_tree(context.scratch);
  if (pid < 0) return reply;

  if (!end.in_time) {
    reply.outcome = wire::ChildOutcome::timed_out;
    if (!end.reaped)
      reply.message =
          "process " + std::to_string(pid) + " hangs in the kernel: no signal ends it, and it is left as it is";
  } else if (WIFSIGNALED(status)) {
    reply.outcome = wire::ChildOutcome::crashed;
    reply.detail = WTERMSIG(status);
  } else if (WEXITSTATUS(status) == exit_setup_failed || WEXITSTATUS(status) == exit_skipped ||
             WEXITSTATUS(status) == exit_refused) {
    reply.outcome = WEXITSTATUS(status) == exit_skipped   ? wire::ChildOutcome::skipped
                    : WEXITSTATUS(status) == exit_refused ? wire::ChildOutcome::refused
                                                          : wire::ChildOutcome::setup_failed;
    reply.detail = header->setup_err;
  } else if (WEXITSTATUS(status) != exit_completed) {
    reply.detail = WEXITSTATUS(status);
    reply.message = WEXITSTATUS(status) == exit_actor_failed ? "an actor did not come to its end" : "exited early";
  } else {
    reply.outcome = survivors > 0 ? wire::ChildOutcome::leaked : wire::ChildOutcome::completed;
  }
  // Every descendant is reaped: nobody can write it any more.
  read_slot(request, *slot, walks, &reply);
  char shown[output_shown];
  const ssize_t length = ::pread(*output, shown, sizeof(shown), 0);
  reply.output.assign(shown, length > 0 ? static_cast<std::size_t>(length) : 0);
  // Of any other child something may be left that has them.
  if (reply.outcome != wire::ChildOutcome::completed) files_.discard();
  return reply;
}

// Whether a simulated row can be had is found out by having one.
int Worker::try_mount_namespace() {
  const pid_t pid = fork_process();
  if (pid == 0) {
    const Result<void> entered = enter_mount_namespace(identities_.privileged);
    const std::string root = base_ + "/root";
    int err = entered.ok() ? 0 : entered.error().err;
    if (err == 0 && ::mount("tmpfs", root.c_str(), "tmpfs", 0, nullptr) != 0) err = errno;
    ::_exit(err);
  }
  const int status = await_end(pid, trial_ms).status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

[[noreturn]] void Worker::refuse(const Error& why) {
  wire::WorkerHello hello;
  hello.failure = why.message;
  hello.failure_kind = why.kind;
  send_frame(setup_.socket, wire::encode(hello));
  ::_exit(1);
}

[[noreturn]] void Worker::run() {
#if defined(__GLIBC__)
  // Memory that was given back is had anew after each fork, page by page.
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most it takes
#endif
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);  // refuses what cannot be set
  for (int number : worker_ignores) ::signal(number, SIG_IGN);
  ::setpgid(0, 0);  // whoever kills the driver's whole group must leave it alive to clean up
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  // Not the driver's: it may have been given another PID namespace for its children (unshare --pid without --fork).
  Result<OwnProcfs> procfs = OwnProcfs::prove();
  if (!procfs.ok()) refuse(procfs.error());
  procfs_.emplace(std::move(procfs).value());
  Result<std::string> base = make_scratch(setup_.scratch_root, "lockstep.");
  if (!base.ok()) refuse(base.error());
  base_ = std::move(base).value();
  ::chmod(base_.c_str(), 0711);
  if (::mkdir((base_ + "/root").c_str(), 0755) != 0) {
    const Error error = system_error(errno, "mkdir(\"" + printable(base_) + "/root\")");
    ::rmdir(base_.c_str());
    refuse(error);
  }
  identities_ = identities_here(first_user + setup_.slot);
  if (identities_.missing_for(wire::IdentityKind::user).empty())
    unreachable_ = why_unreachable(first_user + setup_.slot, base_);

  wire::WorkerHello hello;
  hello.pid = ::getpid();
  hello.slot = setup_.slot;
  hello.mount_namespace = try_mount_namespace();
  hello.scratch = base_;
  hello.identities = identities_;
  bool ok = send_frame(setup_.socket, wire::encode(hello));
  std::uint64_t cpu_before = cpu_time_us();
  for (unsigned row = 0; ok; ++row) {
    const std::optional<std::string> frame = receive_frame(setup_.socket);
    if (!frame) break;
    const std::optional<wire::RowRequest> request = wire::decode_row_request(*frame);
    if (!request) break;
    wire::RowReply reply;
    reply.id = request->id;
    if (!request->without_control) reply.control = run_one(*request, *frame, false, row);
    reply.restricted = run_one(*request, *frame, true, row);
    const std::uint64_t cpu_now = cpu_time_us();
    reply.cpu_us = cpu_now - cpu_before;
    cpu_before = cpu_now;
    ok = send_frame(setup_.socket, wire::encode(reply));
  }
  siblings_ = {};  // they too
  end_descendants();
  remove_tree(base_);
  ::_exit(0);
}

}  // namespace

void worker_main(const WorkerSetup& setup) {
  Worker(setup).run();
}

}  // namespace lockstep::conformance::harness
