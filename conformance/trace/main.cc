// lockstep-cuda-trace: what libcuda names on its way from cuInit to a kernel's result, on this machine.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "base/complain.h"
#include "base/flags.h"
#include "base/installation.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "conformance/harness/helpers.h"
#include "conformance/trace/observed.h"
#include "conformance/trace/trace.h"

namespace lockstep::conformance::trace {
namespace {

constexpr char usage[] =
    "usage: lockstep-cuda-trace [--output FILE.json] [--timeout SECONDS] [--read FILE.json] [-- COMMAND...]\n"
    "Lists every path that the command opens, asks about, connects to or executes, and every ioctl on a device: in "
    "order, with\n"
    "flags, result and thread; threads and children are followed. The command is CUDA's work, unrestricted, where none "
    "is given.\n"
    "Then what of it the compound probe of the suite never tries.\n"
    "\n"
    "  --output FILE   the same as lockstep.trace/1\n"
    "  --timeout S     ends the command after that (default 120)\n"
    "  --read FILE     shows a trace that was written, instead of making one\n"
    "\n"
    "Exit codes: 0 the command came to its end and said 0; 1 it did not; 2 bad input or usage; 3 nothing can be traced "
    "here, or the\n"
    "command found no libcuda.so.1; 4 the tracer failed.\n";

struct Options {
  TraceOptions trace;
  std::string output, read;
  bool help = false, own_command = true;
};

// As a shell finds it, for a tracer executes paths.
Result<std::string> find_program(const std::string& name) {
  if (name.empty()) return input_error("", 0, "the command's name is empty");
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  const std::string list = path == nullptr ? "/usr/bin:/bin" : path;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(':', at), list.size());
    const std::string file = (end == at ? "." : list.substr(at, end - at)) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return input_error("", 0, printable(name) + " is not in PATH");
}

Result<Options> parse(int argc, char** argv) {
  Options out;
  FlagReader reader(argc, argv, {"--output=*", "--timeout=*", "--read=*", "--"}, "argument");
  while (reader.more()) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    if (flag.name.empty()) return usage_error("unknown argument " + printable(flag.value));
    if (flag.has_value && flag.value.empty()) return usage_error(flag.name + " needs a value");
    if (flag.name == "--") {
      out.trace.command = reader.rest();
      if (out.trace.command.empty()) return input_error("", 0, "no command behind --");
    } else if (flag.name == "--help") {
      out.help = true;
    } else if (flag.name == "--timeout") {
      LOCKSTEP_ASSIGN(const std::uint64_t seconds, read_number(flag, 1, 86400, "seconds"));
      out.trace.timeout_ms = static_cast<std::uint32_t>(seconds) * 1000;
    } else {
      (flag.name == "--read" ? out.read : out.output) = flag.value;
    }
  }
  if (!out.read.empty() && (!out.trace.command.empty() || !out.output.empty()))
    return input_error("", 0, "--read shows a file: it takes no command and writes nothing");
  out.own_command = out.trace.command.empty();
  if (out.own_command) {
    out.trace.command = {companion_program("lockstep-cuda-helper"), "work"};
  } else {
    LOCKSTEP_ASSIGN(out.trace.command[0], find_program(out.trace.command[0]));
  }
  return out;
}

int show(const Trace& trace, const Options& options) {
  std::string text = to_text(trace);
  const Result<std::vector<std::string>> missing = not_in_probe(trace);
  if (!missing.ok()) text += missing.error().message + "\n";
  for (const std::string& each : missing.ok() ? *missing : std::vector<std::string>())
    text += "not in the probe: " + printable(each) + "\n";
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return complain(system_error(errno, "write(stdout)"));
  if (!options.output.empty()) {
    std::ofstream out(options.output, std::ios::trunc);
    out << to_json(trace, missing.ok() ? *missing : std::vector<std::string>()) << std::flush;
    if (!out) return complain(input_error(options.output, 0, "cannot be written"));
  }
  if (options.own_command && trace.exit_code == 3) return 3;
  return trace.exit_code == 0 && !trace.timed_out ? 0 : 1;
}

int trace_main(int argc, char** argv) {
  name_program("lockstep-cuda-trace");
  const Result<Options> options = parse(argc, argv);
  if (!options.ok()) return complain(options.error());
  if (options->help) return std::fputs(usage, stdout) < 0 ? 4 : 0;
  if (!options->output.empty()) {  // before anything runs
    std::error_code error;
    const std::filesystem::file_status there = std::filesystem::status(options->output, error);
    // Emptied, for an earlier trace says nothing of this one; and removed, so that a trace that is ended leaves nothing.
    // A link stays a link.
    if ((std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) ||
        std::ofstream(options->output).fail())
      return complain(input_error(options->output, 0, "cannot be written: name a regular file"));
    if (!std::filesystem::is_symlink(options->output, error)) std::filesystem::remove(options->output, error);
  }
  const Result<Trace> trace = options->read.empty() ? trace_command(options->trace) : read_trace(options->read);
  if (!trace.ok()) return complain(trace.error());
  return show(*trace, *options);
}

}  // namespace
}  // namespace lockstep::conformance::trace

int main(int argc, char** argv) {
  if (!lockstep::fill_standard_descriptors()) return 4;
  if (lockstep::asks_version(argc, argv)) return lockstep::print_version("lockstep-cuda-trace");
  lockstep::ignore_write_signals();
  return lockstep::conformance::trace::trace_main(argc, argv);
}
