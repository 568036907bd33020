// lockstep-matrix: what scripts/kernel-matrix asks about its boots. It boots nothing and needs no Landlock.
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/complain.h"
#include "base/flags.h"
#include "base/standard_fds.h"
#include "base/version.h"
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

int show(std::vector<std::string> words) {
  std::string output;
  std::vector<std::string> boots;
  for (FlagReader reader(std::move(words), {"--output="}); reader.more();) {
    const Result<Flag> flag = reader.next();
    if (!flag.ok()) return complain(flag.error());
    if (flag->name == "--help") return print(usage_text);
    if (flag->name.empty())
      boots.push_back(flag->value);
    else
      output = flag->value;
  }
  if (boots.empty()) return complain(usage_error("show needs a directory"));
  if (!output.empty()) {
    if (Result<void> writable = report::check_report_path(output); !writable.ok()) return complain(writable.error());
  }
  const Result<Matrix> matrix = join_boots(boots);
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
  name_program("lockstep-matrix");
  const std::string command = words.empty() ? "" : words.front();
  if (command == "--help" || command == "-h") return print(usage_text);
  if (!words.empty()) words.erase(words.begin());
  if (command == "show") return show(std::move(words));
  if ((command != "record" && command != "line" && command != "is-disabled") || words.empty())
    return complain(usage_error("one of record, line, is-disabled and show, and a directory"));
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
  if (lockstep::asks_version(argc, argv)) return lockstep::print_version("lockstep-matrix");
  lockstep::ignore_write_signals();
  return lockstep::conformance::kernels::matrix_main({argv + 1, argv + argc});
}
