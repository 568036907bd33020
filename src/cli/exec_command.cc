#include "cli/exec_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/complain.h"
#include "base/standard_fds.h"
#include "base/unique_fd.h"
#include "compiled/compiled_plan.h"
#include "model/loaders.h"
#include "sandbox/opened_policy.h"
#include "syntax/document.h"

namespace lockstep::cli {
namespace {

constexpr int own_failure = 125, cannot_execute = 126, not_found = 127;

void say(const Notice& notice) {
  std::fprintf(stderr, "lockstep: %s: %s\n", notice.level == Notice::Level::info ? "notice" : "warning",
               notice.message.c_str());
}

// The file that execvp() found by that name: stat and access are not restricted. Empty: none.
std::string program_of(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  const std::string folders = path == nullptr ? "/bin:/usr/bin" : path;
  for (std::size_t at = 0, end = 0; at <= folders.size(); at = end + 1) {
    end = std::min(folders.find(':', at), folders.size());
    const std::string folder = end == at ? "." : folders.substr(at, end - at);
    if (const std::string file = folder + "/" + name; ::access(file.c_str(), X_OK) == 0) return file;
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
  argv.reserve(command.size() + 1);
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

}  // namespace

int fail_exec(const Error& error) {
  complain(error);
  return own_failure;
}

Result<AskedExec> read_plan(const std::string& file) {
  LOCKSTEP_ASSIGN(const std::string bytes, read_input_file(file, compiled_plan_size_limit));
  LOCKSTEP_ASSIGN(CompiledPlan compiled, decode_compiled_plan(bytes, file));
  if (compiled.layers.size() != 1)
    return input_error(
        file, 0,
        "a plan of " + std::to_string(compiled.layers.size()) + " layers, and this version of lockstep enforces one");
  AskedExec out;
  out.effective.file = std::move(compiled.policy);
  out.effective.run_as_user = std::move(compiled.run_as_user);
  out.effective.run_as_group = std::move(compiled.run_as_group);
  out.effective.notices = std::move(compiled.notices);
  out.compiled = std::move(compiled.layers[0]);
  return out;
}

int exec_command(AskedExec asked, int abi, bool allow_unsandboxed, const std::vector<std::string>& command) {
  const std::vector<Notice> first = notices(asked.effective);  // said also where nothing comes of it
  for (const Notice& notice : first) say(notice);

  SandboxOptions options;
  if (allow_unsandboxed) options.unsandboxed = Unsandboxed::allowed;
  if (abi != 0) options.older_abi = OlderAbi{abi};
  Result<OpenedPolicy> opened =
      plan_policy(std::move(asked.effective), options, std::nullopt, std::move(asked.compiled));
  if (!opened.ok()) return fail_exec(opened.error());
  if (const Result<void> opens = open_paths(*opened); !opens.ok()) return fail_exec(opens.error());
  for (std::size_t i = first.size(); i < opened->notices.size(); ++i) say(opened->notices[i]);
  if (const Result<Enforcement> done = enforce(*opened, Pins::in_a_process_beside); !done.ok())
    return fail_exec(done.error());
  opened->holder.keep();
  become(command);
}

}  // namespace lockstep::cli
