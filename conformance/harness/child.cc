#include "conformance/harness/child.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/descriptors.h"
#include "base/fork.h"
#include "conformance/harness/cu_init.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/helpers.h"
#include "conformance/harness/identity.h"
#include "conformance/harness/layout.h"
#include "conformance/harness/misbehave.h"
#include "conformance/harness/sibling.h"
#include "conformance/probes/probe.h"
#include "conformance/probes/resolve.h"
#include "enforce/prepare.h"
#include "enforce/privilege.h"
#include "enforce/restrict.h"

namespace lockstep::conformance::harness {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool address_sanitizer = true;
#else
constexpr bool address_sanitizer = false;
#endif

Result<void> die_with(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return system_error(errno, "prctl(PR_SET_PDEATHSIG)");
  // The parent may be gone already, and then nobody would send the signal.
  if (::getppid() != parent) ::_exit(exit_setup_failed);
  return {};
}

class Child {
 public:
  explicit Child(const ChildContext& context) : context_(context), request_(*context.request) {}
  [[noreturn]] void run();

 private:
  Result<void> settle();
  Result<void> open_everything();
  void read_views();
  Result<void> drop();
  Result<void> cu_init();
  Result<void> restrict();
  void canary(std::int32_t* out) const;
  probes::ProbeRun probe_run() const;
  void probe();
  static void* early_main(void* child);
  [[noreturn]] void fail(const Error& error, int code);
  void phase(std::uint32_t number) { context_.slot.header->phase = number; }

  const ChildContext& context_;
  const wire::RowRequest& request_;
  pid_t sibling_ = 0;
  pid_t own_sibling_ = 0;
  UniqueFd stop_own_sibling_;
  std::vector<UniqueFd> keep_;
  std::vector<Prepared> layers_;  // the first is the row's own
  std::vector<std::string> paths_;
  std::vector<probes::Probe> probes_;
  char canary_path_[40] = {};
  bool has_early_ = false;  // a thread from before the restriction has cells to run
  pthread_t early_ = {};
  std::atomic<bool> early_may_go_ = false;
};

[[noreturn]] void Child::fail(const Error& error, int code) {
  wire::SlotHeader* header = context_.slot.header;
  header->setup_err = error.err;
  std::strncpy(header->message, error.to_string().c_str(), sizeof(header->message) - 1);
  if (own_sibling_ > 0) ::kill(own_sibling_, SIGKILL);
  ::_exit(code);
}

// Steps 1 and 2: a known state, whatever the worker was in.
Result<void> Child::settle() {
  if (::setpgid(0, 0) != 0) return system_error(errno, "setpgid(0, 0)");
  LOCKSTEP_CHECK(die_with(context_.parent));
  for (int number : worker_ignores) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(0);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  rlimit small_files{};
  ::getrlimit(RLIMIT_FSIZE, &small_files);
  small_files.rlim_cur = std::min<rlim_t>(small_files.rlim_max, 1U << 20);
  ::setrlimit(RLIMIT_FSIZE, &small_files);
  rlimit memory{};
  ::getrlimit(RLIMIT_AS, &memory);
  memory.rlim_cur =
      std::min<rlim_t>(memory.rlim_max, 1UL << 30);  // the hard one stays: cu-init's program goes up to it
  if (!address_sanitizer) ::setrlimit(RLIMIT_AS, &memory);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(context_.output_fd, 1) < 0 || ::dup2(context_.output_fd, 2) < 0)
    return system_error(errno, "dup2()");
  return {};
}

// Steps 3 and 4: the host, the rule set, the descriptors that the probes had before.
Result<void> Child::open_everything() {
  if (Result<void> made =
          lay_out(request_, context_.privileged, request_.identity == wire::IdentityKind::user ? context_.uid : 0,
                  context_.mount_point, context_.scratch, &keep_);
      !made.ok()) {
    const bool no_namespace = made.error().kind == ErrorKind::unsupported;
    fail(made.error(), no_namespace ? exit_skipped : exit_setup_failed);
  }
  sibling_ = context_.sibling;
  if (request_.simulated && !context_.privileged) {
    // In a user namespace of its own, this child may look only at processes of the same one.
    own_sibling_ = sibling_ = start_sibling(wire::IdentityKind::self, 0, &stop_own_sibling_);
    if (sibling_ < 0) return call_error();
  }
  if (request_.plans.empty()) return internal_error("a row without a plan");
  for (const Plan& plan : request_.plans) {
    Result<Prepared> prepared = prepare(plan, {});
    if (!prepared.ok() && prepared.error().kind == ErrorKind::input) fail(prepared.error(), exit_refused);
    if (!prepared.ok()) return std::move(prepared).error();
    layers_.push_back(std::move(prepared).value());
  }

  if (!context_.restricts) read_views();
  paths_.reserve(2 * request_.cells.size());
  for (const wire::CellRequest& cell : request_.cells) {
    paths_.push_back(probes::resolve_path(cell.path, context_.scratch, sibling_));
    paths_.push_back(probes::resolve_path(cell.path2, context_.scratch, sibling_));
    probes_.push_back({cell.operation, cell.mode, cell.actor, cell.target, cell.survey,
                       paths_[paths_.size() - 2].c_str(), paths_.back().c_str(), -1, cell.port});
    probes::Probe& probe = probes_.back();
    if (probe.mode != Mode::before) continue;
    probe.before_fd = probes::open_before(probe);
    if (probe.before_fd >= 0) keep_.emplace_back(probe.before_fd);
  }
  std::strcpy(canary_path_, ("/proc/" + std::to_string(sibling_) + "/exe").c_str());
  return {};
}

// Where the rules' paths lead.
void Child::read_views() {
  model::RawWalk walk;
  model::WalkReader reader;
  for (std::uint32_t i = 0; i < request_.view_paths.size(); ++i) {
    const char* path = request_.view_paths[i].c_str();
    if (request_.simulated)
      reader.read(path, true, &walk);
    else
      model::read_walk(path, true, &walk);
    context_.slot.put(i, walk);
  }
}

// Steps 6 and 7.
Result<void> Child::drop() {
  LOCKSTEP_ASSIGN(const Identity identity, identity_of(request_.identity, context_.uid));
  LOCKSTEP_CHECK(drop_privileges(identity));
  if (::prctl(PR_SET_DUMPABLE, request_.non_dumpable ? 0 : 1) != 0)
    return system_error(errno, "prctl(PR_SET_DUMPABLE)");
  return die_with(context_.parent);
}

// Before the restriction, which its program then makes itself. No row has more than one.
Result<void> Child::cu_init() {
  for (std::uint32_t i = 0; i < request_.cells.size(); ++i) {
    if (request_.cells[i].operation != Operation::cu_init) continue;
    CuInit init;
    init.helper_fd = context_.cuda_helper_fd;
    init.slot_fd = context_.slot_fd;
    init.canary_path = canary_path_;
    init.canary_denial = context_.slot.header->hidden != 0 ? context_.slot.header->hidden : EACCES;
    init.work = request_.cells[i].mode == Mode::work;
    init.timeout_ms = request_.cu_init_timeout_ms;
    if (context_.restricts && request_.enforcement == wire::Enforcement::faithful)
      init.ruleset_fd = layers_.front().ruleset.fd();
    LOCKSTEP_CHECK(run_cu_init(init, context_.slot, i));
  }
  ::close(context_.cuda_helper_fd);
  return {};
}

void* Child::early_main(void* child) {
  auto* self = static_cast<Child*>(child);
  self->early_may_go_.wait(false);
  probes::run_cells_of(self->probe_run(), Actor::early_thread);
  return nullptr;
}

void* restrict_in_thread(void* argument) {
  const Result<void> restricted = restrict_self(*static_cast<Prepared*>(argument), {.threads = Threads::calling});
  return restricted.ok() ? nullptr : argument;
}

// A filter that answers clone3 with EPERM: libc falls back for ENOSYS alone.
Error no_thread(int err) {
  const std::string call = "pthread_create(): " + errno_name(err);
  return err == EPERM ? unsupported_error(err, "no thread can be started here: " + call) : internal_error(call);
}

Result<void> Child::restrict() {
  has_early_ = std::any_of(probes_.begin(), probes_.end(),
                           [](const probes::Probe& probe) { return probe.actor == Actor::early_thread; });
  if (has_early_)
    if (const int err = ::pthread_create(&early_, nullptr, early_main, this); err != 0) return no_thread(err);
  const bool gives_up = request_.enforcement == wire::Enforcement::none_if_skipped && !layers_.front().skipped.empty();
  if (!context_.restricts || gives_up || request_.enforcement == wire::Enforcement::none) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error(errno, "prctl(PR_SET_NO_NEW_PRIVS)");
    return {};
  }
  RestrictOptions options;
  if (has_early_ && !layers_.front().all_threads)
    options.threads = Threads::calling;  // the case is about the one that stays free
  if (request_.enforcement == wire::Enforcement::answered) LOCKSTEP_CHECK(answer_for_the_kernel());
  if (request_.enforcement != wire::Enforcement::other_thread) {
    for (const Prepared& layer : layers_) {
      LOCKSTEP_CHECK(restrict_self(layer, options));
      if (request_.enforcement == wire::Enforcement::first_layer_alone) break;
    }
    return {};
  }
  pthread_t thread;
  void* failed = nullptr;
  if (const int err = ::pthread_create(&thread, nullptr, restrict_in_thread, &layers_.front()); err != 0)
    return no_thread(err);
  if (::pthread_join(thread, &failed) != 0 || failed != nullptr)
    return internal_error("the other thread could not be restricted");
  return {};
}

void Child::canary(std::int32_t* out) const {
  char target[256];
  *out = ::readlink(canary_path_, target, sizeof(target)) >= 0 ? 0 : errno;
}

probes::ProbeRun Child::probe_run() const {
  probes::ProbeRun run;
  run.probes = probes_;
  run.slot = context_.slot;
  run.capture = !context_.restricts;
  run.own_tree = request_.simulated;
  run.first_walk = static_cast<std::uint32_t>(request_.view_paths.size());
  run.helper_fd = context_.helper_fd;
  run.no_program = !is_in_memory(context_.helper_fd);
  run.request_fd = context_.request_fd;
  run.slot_fd = context_.slot_fd;
  run.scratch = context_.scratch.c_str();
  run.sibling = sibling_;
  return run;
}

void Child::probe() {
  early_may_go_ = true, early_may_go_.notify_all();
  if (has_early_ && ::pthread_join(early_, nullptr) != 0) ::_exit(exit_actor_failed);
  if (!probes::run_probes(probe_run())) ::_exit(exit_actor_failed);
}

[[noreturn]] void Child::run() {
  const auto must = [&](const Result<void>& result) {
    if (!result.ok())
      fail(result.error(), result.error().kind == ErrorKind::unsupported ? exit_skipped : exit_setup_failed);
  };
  phase(1);
  must(settle());
  phase(3);
  must(open_everything());
  phase(5);
  std::vector<int> open = {0, 1, 2, context_.slot_fd, context_.request_fd, context_.helper_fd, context_.cuda_helper_fd};
  for (const Prepared& layer : layers_) {
    open.push_back(layer.ruleset.fd());
    for (const Pin& pin : layer.pins) open.push_back(pin.fd.get());
  }
  for (const UniqueFd& fd : keep_) open.push_back(fd.get());
  open.push_back(stop_own_sibling_.get());
  if (!close_all_but(open)) must(internal_error("a descriptor stays open: a filter answers in the kernel's place"));
  phase(6);
  must(drop());
  context_.slot.header->hidden = hides_untraceable(*context_.procfs);
  phase(7);
  must(cu_init());
  phase(8);
  wire::SlotHeader* header = context_.slot.header;
  canary(&header->canary_before);
  must(restrict());
  canary(&header->canary_after);
  if (own_sibling_ > 0 && state_of_child(own_sibling_) != ChildState::alive) header->canary_after = ESRCH;
  phase(9);
  if (context_.restricts) misbehave(request_, context_.slot);
  if (request_.misbehaviour != wire::Misbehaviour::wild_write || !context_.restricts) probe();
  if (own_sibling_ > 0) {
    ::kill(own_sibling_, SIGKILL);  // which the scope of signals denies
    stop_own_sibling_.reset();
    ::waitpid(own_sibling_, nullptr, 0);
  }
  header->complete = 1;
  ::_exit(exit_completed);
}

}  // namespace

void run_child(const ChildContext& context) {
  Child(context).run();
}

}  // namespace lockstep::conformance::harness
