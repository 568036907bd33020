#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "base/complain.h"
#include "base/installation.h"
#include "base/standard_fds.h"
#include "base/suggest.h"
#include "base/version.h"
#include "cli/cli.h"

namespace {

constexpr char usage[] =
    "usage: lockstep SUBCOMMAND ...      (lockstep SUBCOMMAND --help says more)\n"
    "\n"
    "  host                          what this machine offers a policy\n"
    "  show POLICY                   the policy in force: the author's, the baseline's, and why\n"
    "  explain POLICY OPERATION PATH whether the policy allows it, and which rule decides\n"
    "  exec POLICY -- COMMAND...     run a command under the policy\n"
    "  diff OLD NEW                  what a change of policy gives and takes, on every host it may meet\n"
    "  doctor [POLICY...]            whether CUDA starts under it on this machine, and what stops it\n"
    "  lint POLICY...                traps: what decodes and runs, and is not what its author meant\n"
    "  abi                           every version of Landlock, and which this kernel has\n"
    "\n"
    "exit: 0 fine; 2 bad input; 3 this host cannot do it; exec: the command's own, 125 ours, 126/127 as env(1)\n";

// Becomes a program of the suite. Returns, with an exit code, only where there is none.
int exec_companion(const char* program, int argc, char** argv) {
  using namespace lockstep;
  const std::string path = companion_program(program);
  std::vector<char*> arguments(argv, argv + argc);
  arguments.push_back(nullptr);
  ::execv(path.c_str(), arguments.data());
  if (errno != ENOENT) return complain(system_error(errno, "execve(\"" + printable(path) + "\")"));
  // 3 would say that this machine cannot: it is the installation that is not whole.
  return complain(internal_error("there is no " + printable(path) + ": build that target, or install it"));
}

}  // namespace

// In place of the constructor and the destructor of std::ios_base::Init, where the program is static (CMakeLists.txt).
// No stream of the standard ones exists then: what is printed goes through stdio, and a string stream has its own state.
void make_no_standard_streams(void*) asm("__wrap__ZNSt8ios_base4InitC1Ev");
void end_no_standard_streams(void*) asm("__wrap__ZNSt8ios_base4InitD1Ev");
void make_no_standard_streams(void* /*init*/) {}
void end_no_standard_streams(void* /*init*/) {}

int main(int argc, char** argv) {
  using namespace lockstep;
  const bool executes = argc > 1 && std::string_view(argv[1]) == "exec";
  if (!fill_standard_descriptors()) return executes ? 125 : 4;
  if (executes) return cli::run_exec(argc - 1, argv + 1);  // which gives them back to the command
  ignore_write_signals();
  if (argc < 2) return complain(usage_error("a subcommand is missing"));
  if (asks_version(argc, argv)) return print_version("lockstep");
  const std::string_view word = argv[1];
  if (word == "--help" || word == "-h") return print(usage);
  if (word == "host") return cli::run_host(argc - 1, argv + 1);
  if (word == "show") return cli::run_show(argc - 1, argv + 1);
  if (word == "explain") return cli::run_explain(argc - 1, argv + 1);
  if (word == "abi") return cli::run_abi(argc - 1, argv + 1);
  if (word == "diff")
    return cli::run_diff(argc - 1, argv + 1, {}, [&] { return exec_companion("lockstep-verify", argc - 1, argv + 1); });
  if (word == "doctor") return exec_companion("lockstep-doctor", argc - 1, argv + 1);
  if (word == "lint") return cli::run_lint(argc - 1, argv + 1);
  return complain(usage_error(
      "no subcommand is called " + printable(word) +
      did_you_mean(suggestion(word, {"host", "show", "explain", "exec", "diff", "doctor", "lint", "abi"}))));
}
