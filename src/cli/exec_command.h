// From what is to be enforced to the command: what `lockstep exec` and `lockstep-exec` share. The second has no parser
// and no baseline in it, and is linked from this, not from cli.h.
#ifndef LOCKSTEP_CLI_EXEC_COMMAND_H_
#define LOCKSTEP_CLI_EXEC_COMMAND_H_

#include <optional>
#include <string>
#include <vector>

#include <lockstep/effective.h>
#include <lockstep/error.h>
#include <lockstep/plan.h>

namespace lockstep::cli {

// A policy as it is on this machine, or what one came to when it was compiled.
struct AskedExec {
  EffectivePolicy effective;  // of a compiled plan no more than who to become and what to say
  std::optional<Plan> compiled;
};

// A compiled plan (compiled/compiled_plan.h).
Result<AskedExec> read_plan(const std::string& file);
// Says the error. Returns exec's exit code for its own failures.
int fail_exec(const Error& error);
// Restricts this process and becomes the command. Returns, with an exit code, where it does not. `abi`: 0 for the
// kernel's own.
int exec_command(AskedExec asked, int abi, bool allow_unsandboxed, const std::vector<std::string>& command);
// The value of --abi: a number, or 0 for `native`.
Result<int> read_abi(const std::string& value);

}  // namespace lockstep::cli

#endif  // LOCKSTEP_CLI_EXEC_COMMAND_H_
