// lockstep exec: a command under a policy.
#include "base/standard_fds.h"
#include "cli/cli.h"
#include "cli/exec_command.h"

namespace lockstep::cli {
namespace {

constexpr char usage[] =
    "usage: lockstep exec CONTEXT [--abi N|native] [--allow-unsandboxed] POLICY -- COMMAND...\n"
    "       lockstep exec [--abi N|native] [--allow-unsandboxed] --plan FILE -- COMMAND...\n"
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
    "  --plan FILE           a compiled plan (lockstep show POLICY --format plan) in place of a policy: neither the "
    "policy nor this\n"
    "                        machine is read again, so what either says now counts no more. Refused where this "
    "kernel's "
    "ABI is\n"
    "                        another than the plan's (unless --abi names the plan's), and where a path that was added "
    "to the\n"
    "                        policy is gone\n"
    "  --allow-unsandboxed   where this kernel has no Landlock, run the command unrestricted instead of "
    "refusing\n"
    "exit: the command's; 125 where we fail, 126 where COMMAND cannot be executed, 127 where it is not "
    "found\n\n";

Result<AskedExec> read_asked(const Arguments& arguments) {
  if (const auto plan = arguments.own.find("--plan"); plan != arguments.own.end()) return read_plan(plan->second);
  LOCKSTEP_ASSIGN(EffectivePolicy effective, load_effective(arguments.rest[0], arguments.flags));
  return AskedExec{std::move(effective), std::nullopt};
}

// CONTEXT was decided when the plan was compiled.
Result<void> check_words(const Arguments& arguments) {
  const bool plan = arguments.own.contains("--plan");
  if (arguments.command.empty() || arguments.rest.size() != (plan ? 0 : 1))
    return usage_error("write lockstep exec POLICY -- COMMAND..., or lockstep exec --plan FILE -- COMMAND...");
  for (const std::string& each : arguments.given)
    if (plan && each != "--plan" && each != "--abi" && each != "--allow-unsandboxed" && each != "--")
      return usage_error(each + " was decided when the plan was compiled: take it out");
  return {};
}

}  // namespace

int run_exec(int argc, char** argv) {
  ignore_write_signals();
  const Result<Arguments> arguments = parse_arguments(argc, argv, {}, true, {"--plan="});
  if (!arguments.ok()) return fail_exec(arguments.error());
  if (arguments->help) return print(std::string(usage) + context_help);
  if (const Result<void> checked = check_words(*arguments); !checked.ok()) return fail_exec(checked.error());
  Result<AskedExec> asked = read_asked(*arguments);
  if (!asked.ok()) return fail_exec(asked.error());
  return exec_command(std::move(*asked), arguments->abi, arguments->allow_unsandboxed, arguments->command);
}

}  // namespace lockstep::cli
