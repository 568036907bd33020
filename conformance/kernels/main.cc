// lockstep-matrix: what scripts/kernel-matrix asks about its boots. It boots nothing and needs no Landlock.
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/standard_fds.h"
#include "conformance/kernels/matrix.h"
#include "conformance/report/report.h"
#include "conformance/report/write_file.h"

namespace lockstep::conformance::kernels {
namespace {

constexpr char usage_text[] =
    "usage: lockstep-matrix record DIR NAME=VALUE...      decide what became of a boot, and write "
    "DIR/boot.json\n"
    "       lockstep-matrix line DIR                      one boot in a line\n"
    "       lockstep-matrix is-disabled DIR               exit 0 where Landlock is built in but not enabled, "
    "else 1\n"
    "       lockstep-matrix show [--output FILE] DIR...   the boots side by side; FILE as lockstep.matrix/1\n"
    "\n"
    "DIR is a boot of scripts/kernel-matrix (conformance/kernels/boot.h). Exit of show: 0 every kernel is as "
    "expected and agrees;\n"
    "1 a disagreement, an unexpected ABI or an unexplained difference; 2 bad input; 3 a kernel could not be "
    "had, or none is green;\n"
    "4 a kernel hung or panicked, or its harness failed\n";

int complain(const Error& error) {
  std::fprintf(stderr, "lockstep-matrix: %s\n", error.to_string().c_str());
  return error.kind == ErrorKind::system ? 4 : error.exit_code();
}

int show(std::vector<std::string> words) {
  std::string output;
  if (words.size() >= 2 && words[0] == "--output") {
    output = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.empty()) return complain(input_error("", 0, "show needs a directory (see --help)"));
  if (!output.empty()) {
    if (Result<void> writable = report::check_report_path(output); !writable.ok()) return complain(writable.error());
  }
  const Result<Matrix> matrix = join_boots(words);
  if (!matrix.ok()) return complain(matrix.error());
  std::fputs(render(*matrix).c_str(), stdout);
  if (std::fflush(stdout) != 0) return complain(system_error(errno, "write(stdout)"));
  if (!output.empty()) {
    std::ofstream out(output, std::ios::trunc);
    out << to_json(*matrix) << std::flush;
    if (!out) return complain(system_error(errno, "write(\"" + printable(output) + "\")"));
  }
  return exit_code(*matrix);
}

int matrix_main(std::vector<std::string> words) {
  const std::string command = words.empty() ? "" : words.front();
  if (command == "--help" || command == "-h") {
    std::fputs(usage_text, stdout);
    return 0;
  }
  if (!words.empty()) words.erase(words.begin());
  if (command == "show") return show(std::move(words));
  if ((command != "record" && command != "line" && command != "is-disabled") || words.empty())
    return complain(input_error("", 0, "one of record, line, is-disabled and show, and a directory (see --help)"));
  const std::string directory = words.front();
  words.erase(words.begin());
  if (command == "record") {
    const Result<Boot> recorded = record_boot(directory, words);
    return recorded.ok() ? 0 : complain(recorded.error());
  }
  if (!words.empty()) return complain(input_error("", 0, command + " takes one directory"));
  const Result<Boot> boot = read_boot(directory);
  if (!boot.ok()) return complain(boot.error());
  if (command == "line") std::printf("%s\n", line_of(*boot).c_str());
  return command == "line" || boot->landlock == "disabled" ? 0 : 1;
}

}  // namespace
}  // namespace lockstep::conformance::kernels

int main(int argc, char** argv) {
  if (!lockstep::fill_standard_descriptors()) return 4;
  lockstep::ignore_write_signals();
  return lockstep::conformance::kernels::matrix_main({argv + 1, argv + argc});
}
