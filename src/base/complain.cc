#include "base/complain.h"

#include <cerrno>
#include <cstdio>

namespace lockstep {
namespace {

const char* program = "lockstep";

}  // namespace

void name_program(const char* name) {
  program = name;
}

int complain(const Error& error) {
  std::fprintf(stderr, "%s: %s\n", program, error.to_string().c_str());
  return exit_code_of(error);
}

int exit_code_of(const Error& error) {
  return error.kind == ErrorKind::system ? static_cast<int>(ErrorKind::internal) : error.exit_code();
}

Error usage_error(std::string message) {
  return {ErrorKind::input, 0, std::move(message) + " (see --help)", {}, 0};
}

int print(const std::string& text) {
  const bool ok = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return ok ? 0
            : complain(
                  Error{ErrorKind::internal, errno, "standard output cannot be written: " + errno_name(errno), {}, 0});
}

}  // namespace lockstep
