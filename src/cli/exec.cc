// lockstep exec: a command under a policy.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <sstream>

#include "cli/cli.h"
#include "enforce/canary.h"
#include "enforce/holder.h"
#include "enforce/prepare.h"
#include "enforce/privilege.h"
#include "enforce/restrict.h"
#include "model/loaders.h"
#include "render/show.h"

namespace lockstep::cli {
namespace {

constexpr int own_failure = 125, cannot_execute = 126, not_found = 127;

constexpr char usage[] =
    "usage: lockstep exec CONTEXT [--abi N|native] [--allow-unsandboxed] POLICY -- COMMAND...\n"
    "\n"
    "Opens the policy's paths, restricts itself, becomes process.run_as_user and run_as_group, and becomes "
    "COMMAND.\n"
    "What was added to the policy is said on stderr. Descriptors open in the caller stay open, as with "
    "env(1): a file\n"
    "that was opened before is not restricted.\n"
    "A rule on an entry below /proc needs a second process, which keeps the entry open, stays outside the "
    "restriction and ends\n"
    "with the command: a child that the command does not see by wait(). If it is killed, such rules are lost with "
    "time.\n"
    "What the kernel says is not believed unseen: that the restriction is there is proved before COMMAND starts.\n"
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

using Handler = void (*)(int);
Handler inherited_sigpipe = SIG_DFL;  // the command's again

// The file that execvp() found by that name: stat and access are not restricted. Empty: none.
std::string program_of(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/bin:/usr/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

// Why EACCES, as far as it can be seen from inside: what is opened to execute a program beside the program itself.
std::string why_denied(const std::string& program) {
  const model::Loaders loaders = model::read_loaders(program);
  for (const std::string& loader : loaders.paths) {
    const UniqueFd fd(::open(loader.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == EACCES)
      return ": it is executed by way of " + printable(loader) +
             ", on which the policy does not grant execute and read_file";
  }
  if (loaders.error == ENOEXEC)
    return ": " + loaders.unknown +
           ", so it is given to /bin/sh, on which or on whose loader the policy does not grant execute and read_file";
  return "";
}

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::signal(SIGPIPE, inherited_sigpipe);
  ::execvp(argv[0], argv.data());
  const int err = errno;
  const std::string program = err == EACCES ? program_of(command[0]) : "";
  std::fprintf(
      stderr, "lockstep: %s: %s%s\n", printable(program.empty() ? command[0] : program).c_str(), std::strerror(err),
      program.empty()
          ? ""
          : (why_denied(program) + " (lockstep explain POLICY exec " + printable(program) + " says more)").c_str());
  ::_exit(err == ENOENT ? not_found : cannot_execute);
}

// Looked up before the restriction, which may close what names are looked up in. Nothing: stay who we are.
Result<std::optional<Identity>> wanted_identity(const EffectivePolicy& effective) {
  if (effective.run_as_user.empty() && effective.run_as_group.empty()) return std::optional<Identity>();
  LOCKSTEP_ASSIGN(Identity identity, lookup_identity(effective.run_as_user, effective.run_as_group));
  if (identity.uid == 0) {
    LOCKSTEP_ASSIGN(identity.keep, permitted_capabilities());
  }
  // Who is that user already keeps the groups it has now, which the machine's list may lack.
  if (::geteuid() != 0 && identity.uid == ::geteuid() && identity.gid == ::getegid())
    identity.groups = current_groups();
  return std::optional<Identity>(std::move(identity));
}

Result<void> become_identity(const std::optional<Identity>& identity) {
  if (!identity) return {};
  return drop_privileges(*identity);
}

// The restriction is proved as who we are now: after a change of identity nobody may look into this process, and the
// proof would have to allow it for a moment.
Result<void> enforce(Prepared& prepared, const EffectivePolicy& effective) {
  LOCKSTEP_ASSIGN(const std::optional<Identity> identity, wanted_identity(effective));
  if (!prepared.pins.empty()) LOCKSTEP_CHECK(hold_pins(std::move(prepared.pins)));
  Canary canary;
  LOCKSTEP_CHECK(canary.set(prepared));
  LOCKSTEP_CHECK(restrict_self(prepared));
  LOCKSTEP_CHECK(canary.prove());
  return become_identity(identity);
}

int run_unrestricted(const Arguments& arguments, const EffectivePolicy& effective, const Error& why) {
  std::fprintf(stderr, "lockstep: warning: NOTHING IS RESTRICTED: %s\n", why.message.c_str());
  const Result<std::optional<Identity>> identity = wanted_identity(effective);
  if (!identity.ok()) return fail(identity.error());
  if (Result<void> done = become_identity(*identity); !done.ok()) return fail(done.error());
  become(arguments.command);
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
    return run_unrestricted(arguments, *effective, kernel.error());
  }
  // What the command runs under from here on anyway; the ladder's questions need it.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(system_error(errno, "prctl(PR_SET_NO_NEW_PRIVS, 1)"));
  if (const Result<void> honest = check_ladder(*kernel); !honest.ok()) return fail(honest.error());
  if (arguments.abi > kernel->abi)
    return fail(unsupported_error(
        0, "--abi " + std::to_string(arguments.abi) + ": this kernel has ABI " + std::to_string(kernel->abi)));
  Arguments native = arguments;
  native.context.host.kernel = *kernel;
  const Result<int> abi = plan_abi(native);
  if (!abi.ok()) return fail(abi.error());
  const Result<Plan> plan = compile(*effective, *abi);
  if (!plan.ok()) return fail(plan.error());
  for (const Promotion& each : plan->promotions)
    std::fprintf(stderr, "lockstep: notice: %s\n", render::promotion_text(each, plan->abi).c_str());
  for (const Missing& each : plan->dropped)
    std::fprintf(stderr, "lockstep: warning: %s is not enforced (from ABI %d): %s\n",
                 std::string(each.feature->name).c_str(), each.feature->first_abi,
                 std::string(each.feature->unprotected).c_str());

  Result<Prepared> prepared = prepare(*plan, {});
  if (!prepared.ok()) return fail(prepared.error());
  for (const Notice& notice : prepared->notices) say(notice);
  if (const Result<void> done = enforce(*prepared, *effective); !done.ok()) return fail(done.error());
  become(arguments.command);
}

}  // namespace

int run_exec(int argc, char** argv) {
  inherited_sigpipe = ::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error we say, not a death
  const Result<Arguments> arguments = parse_arguments(argc, argv, {}, true);
  if (!arguments.ok()) return fail(arguments.error());
  if (arguments->help) return print(std::string(usage) + context_help);
  if (arguments->rest.size() != 1 || arguments->command.empty())
    return fail(usage_error("write lockstep exec POLICY -- COMMAND..."));
  return run(*arguments);
}

}  // namespace lockstep::cli
