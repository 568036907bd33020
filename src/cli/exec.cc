// lockstep exec: a command under a policy.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "cli/cli.h"
#include "enforce/prepare.h"
#include "enforce/privilege.h"
#include "enforce/restrict.h"
#include "policy/show.h"

namespace lockstep::cli {
namespace {

constexpr int own_failure = 125, cannot_execute = 126, not_found = 127;

constexpr char usage[] =
    "usage: lockstep exec CONTEXT [--abi N|native] [--allow-unsandboxed] POLICY -- COMMAND...\n"
    "\n"
    "Opens the policy's paths, becomes process.run_as_user and run_as_group, restricts itself, and becomes "
    "COMMAND.\n"
    "What was added to the policy is said on stderr. Descriptors open in the caller stay open, as with "
    "env(1): a file\n"
    "that was opened before is not restricted.\n"
    "A rule on an entry below /proc needs a second process: it keeps the entry open, stays outside the "
    "restriction,\n"
    "passes signals on (not SIGSTOP and SIGKILL; if it dies, the command is killed), and ends as the command "
    "ends.\n"
    "  --allow-unsandboxed   where this kernel has no Landlock, run the command unrestricted instead of "
    "refusing\n"
    "exit: the command's; 125 where we fail, 126 where COMMAND cannot be executed, 127 where it is not "
    "found\n\n";

void say(const Notice& notice) {
  std::fprintf(stderr, "lockstep: %s: %s\n", notice.level == Notice::Level::info ? "notice" : "warning",
               notice.message.c_str());
}

int fail(const Error& error) {
  complain(error);
  return own_failure;
}

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execvp(argv[0], argv.data());
  const int err = errno;
  std::fprintf(stderr, "lockstep: %s: %s\n", printable(command[0]).c_str(), std::strerror(err));
  ::_exit(err == ENOENT ? not_found : cannot_execute);
}

Result<void> become_identity(const EffectivePolicy& effective) {
  if (effective.run_as_user.empty() && effective.run_as_group.empty()) return {};
  LOCKSTEP_ASSIGN(Identity identity, lookup_identity(effective.run_as_user, effective.run_as_group));
  if (identity.uid == 0) {
    LOCKSTEP_ASSIGN(identity.keep, permitted_capabilities());
  }
  // Who is that user already keeps the groups it has now, which the machine's list may lack.
  if (::geteuid() != 0 && identity.uid == ::geteuid() && identity.gid == ::getegid())
    identity.groups = current_groups();
  return drop_privileges(identity);
}

// The process that keeps the pins: it stays outside the domain, passes signals on and ends as the command
// ended.
pid_t command_pid = 0;
void pass_on(int number, siginfo_t* info, void*) {
  // What the terminal sends goes to the whole process group: the command has it already.
  if (info->si_code != SI_KERNEL || number == SIGHUP) ::kill(command_pid, number);
}

bool send_pins(int socket, const std::vector<Pin>& pins) {
  for (const Pin& pin : pins) {  // one a message: no limit to how many
    char byte = 'p';
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = pin.fd.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) != 1) return false;
  }
  return true;
}

// The other end: until the child has sent all. The descriptors stay open in this process, unnamed.
bool receive_pins(int socket) {
  while (true) {
    char byte;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return true;
    if (n < 0 || (message.msg_flags & MSG_CTRUNC) != 0) return false;
  }
}

// Ends as the command ended: the same code, or death by the same signal.
int end_as(int status) {
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  const int number = WTERMSIG(status);
  ::prctl(PR_SET_DUMPABLE, 0);  // no second core: the command's own is the one to keep
  ::signal(number, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  ::raise(number);
  ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
  return 128 + number;
}

int hold_pins(pid_t child, int socket) {
  command_pid = child;
  struct sigaction action {};
  action.sa_sigaction = pass_on;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  for (int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGCONT, SIGWINCH})
    ::sigaction(number, &action, nullptr);
  const bool held = receive_pins(socket) && ::send(socket, "h", 1, MSG_NOSIGNAL) == 1;
  ::close(socket);  // without our answer the child does not go on
  siginfo_t info{};
  while (true) {
    // WNOWAIT: while signals are passed on, the number must still be the command's.
    if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WSTOPPED | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      return fail(system_error(errno, "waitid()"));
    }
    if (info.si_code != CLD_STOPPED) break;
    ::waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOHANG);
    // Stopped as a job: the shell has to see its job stop. Whoever sends SIGSTOP to the command alone means
    // it alone.
    if (info.si_status == SIGTSTP || info.si_status == SIGTTIN || info.si_status == SIGTTOU) {
      ::raise(SIGSTOP);
      ::kill(child, SIGCONT);
    }
  }
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return fail(system_error(errno, "waitpid()"));
  if (!held && WIFEXITED(status)) return own_failure;  // the child has said why
  return end_as(status);
}

// A rule below /proc must be opened by the process it is for, and held open by one that is not replaced.
// Returns in both: the exit code in the holder, nothing in the child, whose pins are then held.
Result<std::optional<int>> split_off_holder(const Plan& plan, Prepared& prepared) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return system_error(errno, "socketpair()");
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "fork()");
  ::close(sockets[child > 0 ? 1 : 0]);
  if (child > 0) return std::optional<int>(hold_pins(child, sockets[0]));
  LOCKSTEP_ASSIGN(prepared, prepare(plan, {}));
  char answer = 0;
  if (!send_pins(sockets[1], prepared.pins) || ::shutdown(sockets[1], SHUT_WR) != 0 ||
      ::read(sockets[1], &answer, 1) != 1)
    return system_error(errno, "the process that keeps entries of procfs open has not taken them: sendmsg()");
  ::close(sockets[1]);
  return std::optional<int>();
}

int enforce(const Plan& plan, const EffectivePolicy& effective, const std::vector<std::string>& command) {
  Result<Prepared> prepared = prepare(plan, {});
  if (!prepared.ok()) return fail(prepared.error());
  const bool has_holder = !prepared->pins.empty();
  const pid_t holder = ::getpid();
  if (has_holder) {
    prepared->pins.clear();
    const Result<std::optional<int>> held = split_off_holder(plan, *prepared);
    if (!held.ok()) return fail(held.error());
    if (*held) return **held;
  }
  for (const Notice& notice : prepared->notices) say(notice);
  if (Result<void> done = become_identity(effective); !done.ok()) return fail(done.error());
  // Without its holder the command would lose its rules one by one. After the change of identity, which
  // clears it.
  if (has_holder && (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != holder))
    return fail(internal_error("the process that keeps entries of procfs open is gone"));
  if (Result<void> done = restrict_self(*prepared); !done.ok()) return fail(done.error());
  become(command);
}

int run(const Arguments& arguments) {
  Result<EffectivePolicy> effective = load_effective(arguments.rest[0], arguments.context);
  if (!effective.ok()) return fail(effective.error());
  for (const PolicyWarning& warning : effective->warnings)
    std::fprintf(stderr, "lockstep: warning: %s\n",
                 input_error(effective->file, warning.line, warning.message).to_string().c_str());
  for (const Notice& notice : effective->notices) say(notice);

  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) {
    if (!arguments.allow_unsandboxed) return fail(kernel.error());
    std::fprintf(stderr, "lockstep: warning: NOTHING IS RESTRICTED: %s\n", kernel.error().message.c_str());
    if (Result<void> done = become_identity(*effective); !done.ok()) return fail(done.error());
    become(arguments.command);
  }
  if (arguments.abi > kernel->abi)
    return fail(unsupported_error(0, "--abi " + std::to_string(arguments.abi) + ": this kernel has ABI " +
                                         std::to_string(kernel->abi)));
  Arguments native = arguments;
  native.context.host.kernel = *kernel;
  const Result<int> abi = plan_abi(native);
  if (!abi.ok()) return fail(abi.error());
  const Result<Plan> plan = compile(*effective, *abi);
  if (!plan.ok()) return fail(plan.error());
  for (const Promotion& each : plan->promotions)
    std::fprintf(stderr, "lockstep: notice: %s\n", promotion_text(each, plan->abi).c_str());
  for (const Missing& each : plan->dropped)
    std::fprintf(stderr, "lockstep: warning: %s is not enforced (from ABI %d): %s\n",
                 std::string(each.feature->name).c_str(), each.feature->first_abi, std::string(each.feature->unprotected).c_str());

  return enforce(*plan, *effective, arguments.command);
}

}  // namespace

int run_exec(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv, {}, true);
  if (!arguments.ok()) return fail(arguments.error());
  if (arguments->help) return print(std::string(usage) + context_help);
  if (arguments->rest.size() != 1 || arguments->command.empty())
    return fail(usage_error("write lockstep exec POLICY -- COMMAND..."));
  return run(*arguments);
}

}  // namespace lockstep::cli
