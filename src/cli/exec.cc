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
#include "model/loaders.h"

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

int run(const Arguments& arguments) {
  const Result<EffectivePolicy> effective = load_effective(arguments.rest[0], arguments.context);
  if (!effective.ok()) return fail(effective.error());
  const std::vector<Notice> first = notices(*effective);  // said also where nothing comes of it
  for (const Notice& notice : first) say(notice);

  SandboxOptions options;
  if (arguments.allow_unsandboxed) options.unsandboxed = Unsandboxed::allowed;
  if (arguments.abi != 0) options.older_abi = OlderAbi{arguments.abi};
  Result<Sandbox> sandbox = Sandbox::open(*effective, options);
  if (!sandbox.ok()) return fail(sandbox.error());
  for (std::size_t i = first.size(); i < sandbox->notices().size(); ++i) say(sandbox->notices()[i]);
  if (const Result<Enforcement> done = sandbox->restrict_self(Pins::in_a_process_beside); !done.ok())
    return fail(done.error());
  become(arguments.command);
}

}  // namespace

int run_exec(int argc, char** argv) {
  ignore_write_signals();
  const Result<Arguments> arguments = parse_arguments(argc, argv, {}, true);
  if (!arguments.ok()) return fail(arguments.error());
  if (arguments->help) return print(std::string(usage) + context_help);
  if (arguments->rest.size() != 1 || arguments->command.empty())
    return fail(usage_error("write lockstep exec POLICY -- COMMAND..."));
  return run(*arguments);
}

}  // namespace lockstep::cli
