#include "conformance/report/write_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

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
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&ending, number);
    ::sigprocmask(SIG_BLOCK, &ending, &before_);
  }
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;
  ~SignalsWait() {
    ::signal(SIGXFSZ, file_size_);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  void (*file_size_)(int);
  sigset_t before_;
};

Error failed(const char* call, const std::string& path) {
  return system_error(errno, std::string(call) + "(\"" + printable(path) + "\")");
}

Result<void> write_all(UniqueFd fd, const std::string& text, const std::string& path) {
  if (!fd) return failed("open", path);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed("write", path);
    done += static_cast<std::size_t>(n);
  }
  // Some file systems say only here that there was no room.
  return ::close(fd.release()) == 0 ? Result<void>() : failed("close", path);
}

}  // namespace

Result<void> write_file(const std::string& path, const std::string& text) {
  struct stat existing {};
  const SignalsWait wait;
  // A link stays a link.
  if (::lstat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode))
    return write_all(UniqueFd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC)), text, path);
  const std::string temporary = path + part;
  Result<void> written =
      write_all(UniqueFd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)), text, temporary);
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
