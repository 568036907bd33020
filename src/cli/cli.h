// What the subcommands of lockstep share: the CONTEXT flags and the ABI.
#ifndef LOCKSTEP_CLI_CLI_H_
#define LOCKSTEP_CLI_CLI_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <lockstep/effective.h>
#include <lockstep/error.h>
#include <lockstep/plan.h>

#include "base/complain.h"
#include "diff/diff.h"
#include "host/context_flags.h"

namespace lockstep::cli {

// A command line taken apart: flags with their values, and the rest in order. After "--" everything is rest.
struct Arguments {
  Context context;     // not of exec, which knows the policy before it looks at the machine
  ContextFlags flags;  // what it comes of
  int abi = 0;         // 0: native
  std::string format = "text";
  bool allow_unsandboxed = false;
  bool help = false;
  std::vector<std::string> rest;
  std::vector<std::string> command;  // what stood after "--"
  bool has_command = false;
  std::set<std::string> given;             // every flag that was
  std::map<std::string, std::string> own;  // flags of the subcommand alone; "" for a switch
};

// `formats`: the values --format takes; empty where the subcommand has none. `own`: flags of the subcommand alone,
// those that take a value with a final "=". Reads the host (--host FILE, or this machine) unless `executes`.
Result<Arguments> parse_arguments(int argc, char** argv, const std::vector<std::string>& formats, bool executes,
                                  const std::vector<std::string>& own = {});

// The ABI to plan for: the one asked for, or the native one of the host's kernel (unsupported where there is none).
Result<int> plan_abi(const Arguments& arguments);

// Decodes and enriches the policy named.
Result<EffectivePolicy> load_effective(const std::string& policy, const Context& context);
// The same, with no more read of this machine than this policy asks for.
Result<EffectivePolicy> load_effective(const std::string& policy, const ContextFlags& flags);
// Adds a notice where the policy says include_workdir and no --workdir was given: it then grants nothing.
// load_effective() calls it.
void note_idle_workdir(const Policy& policy, const Context& context, EffectivePolicy* effective);
// Adds a warning for each rule below /proc: it is lost with time under an enforcer that does not keep its pins
// (enforce/prepare.h).
void warn_of_procfs(EffectivePolicy* effective);

extern const char context_help[];

// One line for each erratum of the kernel's ABI, each indented.
std::string errata_text(const KernelLandlock& kernel, const std::string& indent);

int run_abi(int argc, char** argv);
int run_host(int argc, char** argv);
int run_show(int argc, char** argv);
int run_explain(int argc, char** argv);
// Proves a diff on the kernel, prints the outcome, and returns the exit code.
using Verifier = std::function<int(const Policy& before, const Policy& after, const diff::Diff& diff, bool quiet)>;
// For --verify: a program that cannot, for the harness is no part of it, becomes one that can.
int run_diff(int argc, char** argv, const Verifier& verifier, const std::function<int()>& become_verifier = {});
int run_exec(int argc, char** argv);
int run_lint(int argc, char** argv);

}  // namespace lockstep::cli

#endif  // LOCKSTEP_CLI_CLI_H_
