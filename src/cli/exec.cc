// lockstep exec: a command under a policy.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/cli.h"
#include "enforce/prepare.h"
#include "enforce/privilege.h"
#include "enforce/restrict.h"

namespace lockstep::cli {
namespace {

constexpr int own_failure = 125, cannot_execute = 126, not_found = 127;

constexpr char usage[] =
    "usage: lockstep exec CONTEXT [--abi N|native] [--allow-unsandboxed] POLICY -- COMMAND...\n"
    "\n"
    "Opens the policy's paths, becomes process.run_as_user and run_as_group, restricts itself, and becomes COMMAND.\n"
    "What was added to the policy is said on stderr. Descriptors open in the caller stay open, as with env(1): a file\n"
    "that was opened before is not restricted.\n"
    "  --allow-unsandboxed   where this kernel has no Landlock, run the command unrestricted instead of refusing\n"
    "exit: the command's; 125 where we fail, 126 where COMMAND cannot be executed, 127 where it is not found\n\n";

void say(const Notice& notice) {
  std::fprintf(stderr, "lockstep: %s: %s\n", std::string(name(notice.level)).c_str(), notice.message.c_str());
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

// Everything between the opened paths and the command. Does not return where it works.
Error drop_and_restrict(const Prepared& prepared, const EffectivePolicy& effective, bool has_holder,
                       const std::vector<std::string>& command) {
  if (!effective.run_as_user.empty() || !effective.run_as_group.empty()) {
    Result<Identity> identity = lookup_identity(effective.run_as_user, effective.run_as_group);
    if (!identity.ok()) return identity.error();
    if (identity->uid == 0) {
      const Result<std::uint64_t> have = permitted_capabilities();
      if (!have.ok()) return have.error();
      identity->keep = *have;
    }
    if (Result<void> dropped = drop_privileges(*identity); !dropped.ok()) return dropped.error();
    // setresuid() cleared it: without its pin holder the command would lose its rules one by one.
    if (has_holder) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  }
  if (Result<void> restricted = restrict_self(prepared); !restricted.ok()) return restricted.error();
  become(command);
}

// The process that keeps the pins: it stays outside the domain, passes signals on and ends as the command ended.
pid_t command_pid = 0;
void pass_on(int number) { ::kill(command_pid, number); }

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

// Reads the pins until the child's end of the socket closes, which its exec does. The descriptors stay open in this process.
void receive_pins(int socket) {
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
    if (n <= 0) return;
  }
}

int hold_pins(pid_t child, int socket) {
  command_pid = child;
  struct sigaction action {};
  action.sa_handler = pass_on;
  action.sa_flags = SA_RESTART;
  for (int number : {SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGALRM}) ::sigaction(number, &action, nullptr);
  // The terminal sends these to the whole group: the command has them already.
  for (int number : {SIGINT, SIGQUIT}) ::signal(number, SIG_IGN);
  receive_pins(socket);
  ::close(socket);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  const int number = WTERMSIG(status);
  ::prctl(PR_SET_DUMPABLE, 0);  // no second core: the command's own is the one to keep
  ::signal(number, SIG_DFL);
  ::raise(number);
  return 128 + number;
}

int run(const Arguments& arguments) {
  Result<EffectivePolicy> effective = load_effective(arguments.rest[0], arguments.context);
  if (!effective.ok()) return fail(effective.error());
  for (const PolicyWarning& warning : effective->warnings)
    std::fprintf(stderr, "lockstep: warning: %s:%d: %s\n", printable(effective->file).c_str(), warning.line, warning.message.c_str());
  for (const Notice& notice : effective->notices) say(notice);

  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) {
    if (!arguments.allow_unsandboxed) return fail(kernel.error());
    std::fprintf(stderr, "lockstep: warning: NOTHING IS RESTRICTED: %s\n", kernel.error().message.c_str());
    become(arguments.command);
  }
  if (arguments.abi > kernel->abi)
    return fail(unsupported_error(0, "--abi " + std::to_string(arguments.abi) + ": this kernel has ABI " + std::to_string(kernel->abi)));
  Arguments native = arguments;
  native.context.host.kernel = *kernel;
  const Result<int> abi = plan_abi(native);
  if (!abi.ok()) return fail(abi.error());
  const Result<Plan> plan = compile(*effective, *abi);
  if (!plan.ok()) return fail(plan.error());
  for (const MissingRight& right : plan->dropped)
    std::fprintf(stderr, "lockstep: warning: %s is not enforced (from ABI %d): %s\n", std::string(name(right.right)).c_str(), right.first_abi,
                 right.consequence.c_str());

  // A rule below /proc must be opened by the process it is for, and held open by one that is not replaced.
  bool pins = false;
  for (const PlanRule& rule : plan->rules) pins = pins || rule.path.starts_with("/proc/");
  int sockets[2] = {-1, -1};
  if (pins) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return fail(system_error(errno, "socketpair()"));
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return fail(system_error(errno, "fork()"));
    if (child > 0) {
      ::close(sockets[1]);
      return hold_pins(child, sockets[0]);
    }
    ::close(sockets[0]);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(own_failure);
  }
  Result<Prepared> prepared = prepare(*plan, {});
  if (!prepared.ok()) return fail(prepared.error());
  for (const Notice& notice : prepared->notices) say(notice);
  if (!prepared->pins.empty() && sockets[1] < 0) {
    std::fprintf(stderr, "lockstep: warning: a symbolic link leads below /proc: its rule is lost when the kernel reclaims the entry\n");
  } else if (!send_pins(sockets[1], prepared->pins)) {
    return fail(system_error(errno, "sendmsg()"));
  }
  return fail(drop_and_restrict(*prepared, *effective, pins, arguments.command));
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
