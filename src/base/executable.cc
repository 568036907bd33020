#include "base/executable.h"

#include <limits.h>
#include <sys/auxv.h>
#include <unistd.h>

namespace lockstep {

std::string executable_path() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  if (length > 0) return {path, static_cast<std::size_t>(length)};
  const auto* executed = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  return executed == nullptr ? "" : executed;
}

std::string executable_directory() {
  const std::string path = executable_path();
  if (path.empty()) return "";
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

}  // namespace lockstep
