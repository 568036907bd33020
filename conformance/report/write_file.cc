#include "conformance/report/write_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>

#include "base/unique_fd.h"

namespace lockstep::conformance::report {
namespace {

constexpr char part[] = ".part";  // beside the file, while it is written

// A signal that would end this process waits until the file is there, or gone. A limit on the size of files is an error
// to say.
class SignalsWait {
 public:
  SignalsWait() : file_size_(::signal(SIGXFSZ, SIG_IGN)) {
    sigset_t ending;
    ::sigemptyset(&ending);
    for (const int number : numbers) ::sigaddset(&ending, number);
    ::sigprocmask(SIG_BLOCK, &ending, &before_);
  }
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;
  ~SignalsWait() {
    ::signal(SIGXFSZ, file_size_);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  // Not one that waited before already, and will go on waiting.
  bool has_come() const {
    sigset_t pending;
    ::sigemptyset(&pending);
    ::sigpending(&pending);
    return std::any_of(std::begin(numbers), std::end(numbers), [&](int number) {
      return ::sigismember(&pending, number) == 1 && ::sigismember(&before_, number) == 0;
    });
  }

 private:
  static constexpr int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  void (*file_size_)(int);
  sigset_t before_;
};

Error failed(const char* call, const std::string& path) {
  return system_error(errno, std::string(call) + "(\"" + printable(path) + "\")");
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed("write", path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

using Produce = std::function<Result<void>(const Sink&)>;

Result<void> write_parts(UniqueFd fd, const Produce& produce, const std::string& path, const SignalsWait* may_end) {
  if (!fd) return failed("open", path);
  LOCKSTEP_CHECK(produce([&](std::string_view text) -> Result<void> {
    if (may_end != nullptr && may_end->has_come()) return system_error(EINTR, "write(\"" + printable(path) + "\")");
    return write_all(fd.get(), text, path);
  }));
  // Some file systems say only here that there was no room.
  return ::close(fd.release()) == 0 ? Result<void>() : failed("close", path);
}

}  // namespace

Result<void> write_file(const std::string& path, const std::string& text) {
  return write_file(path, [&](const Sink& sink) { return sink(text); });
}

Result<void> write_file(const std::string& path, const Produce& produce) {
  struct stat existing {};
  const SignalsWait wait;
  // A link stays a link.
  if (::lstat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode))
    return write_parts(UniqueFd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC)), produce, path, nullptr);
  const std::string temporary = path + part;
  Result<void> written = write_parts(
      UniqueFd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)), produce, temporary, &wait);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) written = failed("rename", temporary);
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

Result<void> clear_report(const std::string& path) {
  struct stat existing {};
  if (::stat(path.c_str(), &existing) != 0 || !S_ISREG(existing.st_mode)) return {};
  struct stat name {};
  const bool is_link = ::lstat(path.c_str(), &name) == 0 && S_ISLNK(name.st_mode);  // which stays one
  if ((is_link ? ::truncate(path.c_str(), 0) : ::unlink(path.c_str())) == 0) return {};
  return failed(is_link ? "truncate" : "unlink", path);
}

Result<void> check_report_path(const std::string& path) {
  const std::string temporary = path + part;
  const auto cannot = [&] { return input_error(path, 0, "the report cannot be written there: " + errno_name(errno)); };
  if (!UniqueFd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644))) return cannot();
  ::unlink(temporary.c_str());
  struct stat existing {};
  const bool exists = ::stat(path.c_str(), &existing) == 0;
  if (!exists && errno != ENOENT) return cannot();
  if (exists && !S_ISREG(existing.st_mode)) return input_error(path, 0, "the report must be a regular file");
  return clear_report(path);
}

}  // namespace lockstep::conformance::report
