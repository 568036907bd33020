// lockstep-exec: `lockstep exec --plan` by itself. It reads no YAML, knows no baseline, and starts in what a bare program
// takes.
#include <string_view>

#include "base/complain.h"
#include "base/flags.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "cli/exec_command.h"

namespace {

using namespace lockstep;

constexpr char usage[] =
    "usage: lockstep-exec [--abi N|native] [--allow-unsandboxed] PLAN -- COMMAND...\n"
    "\n"
    "lockstep exec --plan PLAN as a small program of its own. PLAN is what lockstep show POLICY --format plan wrote on "
    "this machine;\n"
    "lockstep exec --help says what is frozen in it, and when it is refused.\n"
    "  --abi N               the ABI that the plan was compiled for, where it is older than this kernel's\n"
    "  --allow-unsandboxed   where this kernel has no Landlock, run the command unrestricted instead of refusing\n"
    "exit: the command's; 125 where we fail, 126 where COMMAND cannot be executed, 127 where it is not found\n";

struct Asked {
  std::vector<std::string> plan, command;
  int abi = 0;
  bool allow_unsandboxed = false, help = false;
};

Result<Asked> read_words(int argc, char** argv) {
  FlagReader reader(argc, argv, {"--abi=", "--allow-unsandboxed*", "--"});
  Asked out;
  while (reader.more() && !out.help) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    if (flag.name == "--help") out.help = true;
    if (flag.name == "--allow-unsandboxed") out.allow_unsandboxed = true;
    if (flag.name.empty()) out.plan.push_back(flag.value);
    if (flag.name == "--") out.command = reader.rest();
    if (flag.name == "--abi") {
      LOCKSTEP_ASSIGN(out.abi, cli::read_abi(flag.value));
    }
  }
  if (!out.help && (out.plan.size() != 1 || out.command.empty()))
    return usage_error("write lockstep-exec PLAN -- COMMAND...");
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  name_program("lockstep-exec");
  if (!fill_standard_descriptors()) return 125;
  ignore_write_signals();
  if (asks_version(argc, argv)) return print_version("lockstep-exec");
  const Result<Asked> asked = read_words(argc, argv);
  if (!asked.ok()) return cli::fail_exec(asked.error());
  if (asked->help) return print(usage);
  Result<cli::AskedExec> plan = cli::read_plan(asked->plan[0]);
  if (!plan.ok()) return cli::fail_exec(plan.error());
  return cli::exec_command(std::move(*plan), asked->abi, asked->allow_unsandboxed, asked->command);
}
