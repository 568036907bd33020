// lockstep doctor: a program of its own, for it needs the suite's harness; found beside this one, or where the build puts it.
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "cli/cli.h"

namespace lockstep::cli {

int run_doctor(int argc, char** argv) {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0) return complain(system_error(errno, "readlink(\"/proc/self/exe\")"));
  const std::string self(path, static_cast<std::size_t>(length));
  const std::string folder = self.substr(0, self.rfind('/') + 1);
  std::vector<char*> words(argv, argv + argc);
  words.push_back(nullptr);
  for (const std::string& program : {folder + "lockstep-doctor", folder + "../conformance/lockstep-doctor"}) {
    ::execv(program.c_str(), words.data());
    if (errno != ENOENT) return complain(system_error(errno, "execve(\"" + printable(program) + "\")"));
  }
  return complain(unsupported_error(0, "lockstep-doctor is neither in " + printable(folder) + " nor in ../conformance of it: build that target"));
}

}  // namespace lockstep::cli
