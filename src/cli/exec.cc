// lockstep exec: a command under a policy.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <lockstep/sandbox.h>

#include "base/standard_fds.h"
#include "base/unique_fd.h"
#include "cli/cli.h"
#include "compiled/compiled_plan.h"
#include "model/loaders.h"
#include "sandbox/opened_policy.h"
#include "syntax/document.h"

namespace lockstep::cli {
namespace {

constexpr int own_failure = 125, cannot_execute = 126, not_found = 127;

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

void say(const Notice& notice) {
  std::fprintf(stderr, "lockstep: %s: %s\n", notice.level == Notice::Level::info ? "notice" : "warning",
               notice.message.c_str());
}

int fail(const Error& error) {
  complain(error);
  return own_failure;
}

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
  restore_write_signals();
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

// What is to be enforced: a policy as it is on this machine, or what one came to when it was compiled.
struct Asked {
  EffectivePolicy effective;  // of a compiled plan no more than who to become and what to say
  std::optional<Plan> compiled;
};

Result<Asked> read_plan(const std::string& file) {
  LOCKSTEP_ASSIGN(const std::string bytes, read_input_file(file, compiled_plan_size_limit));
  LOCKSTEP_ASSIGN(CompiledPlan compiled, decode_compiled_plan(bytes, file));
  if (compiled.layers.size() != 1)
    return input_error(
        file, 0,
        "a plan of " + std::to_string(compiled.layers.size()) + " layers, and this version of lockstep enforces one");
  Asked out;
  out.effective.file = std::move(compiled.policy);
  out.effective.run_as_user = std::move(compiled.run_as_user);
  out.effective.run_as_group = std::move(compiled.run_as_group);
  out.effective.notices = std::move(compiled.notices);
  out.compiled = std::move(compiled.layers[0]);
  return out;
}

Result<Asked> read_asked(const Arguments& arguments) {
  if (const auto plan = arguments.own.find("--plan"); plan != arguments.own.end()) return read_plan(plan->second);
  LOCKSTEP_ASSIGN(EffectivePolicy effective, load_effective(arguments.rest[0], arguments.flags));
  return Asked{std::move(effective), std::nullopt};
}

int run(const Arguments& arguments) {
  Result<Asked> asked = read_asked(arguments);
  if (!asked.ok()) return fail(asked.error());
  const std::vector<Notice> first = notices(asked->effective);  // said also where nothing comes of it
  for (const Notice& notice : first) say(notice);

  SandboxOptions options;
  if (arguments.allow_unsandboxed) options.unsandboxed = Unsandboxed::allowed;
  if (arguments.abi != 0) options.older_abi = OlderAbi{arguments.abi};
  Result<OpenedPolicy> opened =
      plan_policy(std::move(asked->effective), options, std::nullopt, std::move(asked->compiled));
  if (!opened.ok()) return fail(opened.error());
  if (const Result<void> opens = open_paths(*opened); !opens.ok()) return fail(opens.error());
  for (std::size_t i = first.size(); i < opened->notices.size(); ++i) say(opened->notices[i]);
  if (const Result<Enforcement> done = enforce(*opened, Pins::in_a_process_beside); !done.ok())
    return fail(done.error());
  opened->holder.keep();
  become(arguments.command);
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
  if (!arguments.ok()) return fail(arguments.error());
  if (arguments->help) return print(std::string(usage) + context_help);
  if (const Result<void> checked = check_words(*arguments); !checked.ok()) return fail(checked.error());
  return run(*arguments);
}

}  // namespace lockstep::cli
